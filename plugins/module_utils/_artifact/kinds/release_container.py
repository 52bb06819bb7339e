# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The container of a staged release, as the files in its folder say that it is made."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import read_json, write_text
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SPECIFICATION = "container.json"
ENVIRONMENT = "container.env"
LABELS = "container.labels"
LABEL = "strata.deploy"
MASKED_FROM = 4
"""The shortest value of the environment that is concealed in what Docker and the app print: most are 1, yes, or a port."""


class ReleaseContainer:
    """The container of a release, as its folder says it is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder.parent.parent
        self.facts: dict[str, Any] = read_json(folder / SPECIFICATION, None)
        if self.facts is None:
            raise StrataError(
                f"{folder} has no {SPECIFICATION}: it was not staged as a container. Stage it again."
            )

    @property
    def name(self) -> str:
        # The one character of a version that Docker does not take in a name.
        return f"{self.facts['name'] or self.root.name}-{self.folder.name}".replace("+", "_")

    @property
    def labels(self) -> dict[str, str]:
        return {f"{LABEL}.root": str(self.root), f"{LABEL}.version": self.folder.name}

    @property
    def secrets(self) -> tuple[str, ...]:
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / ENVIRONMENT).read_text(encoding="utf-8").splitlines()
            return tuple(
                value for value in (line.partition("=")[2] for line in lines) if len(value) >= MASKED_FROM
            )
        return ()

    def words(self) -> list[str]:
        """What follows ``docker create``."""
        facts = self.facts
        words = ["--name", self.name, "--pull", "never", "--restart", "no"]
        words += ["--env-file", str(self.folder / ENVIRONMENT), "--label-file", str(self.folder / LABELS)]
        for word, values in (
            ("--publish", facts["ports"]),
            ("--volume", facts["volumes"]),
            ("--network", [facts["network"]] if facts["network"] else []),
            ("--user", [facts["user"]] if facts["user"] else []),
        ):
            for value in values:
                words += [word, value]
        return [*words, *facts["options"], facts["image"], *facts["command"]]

    def write_labels(self) -> None:
        """Write the file of labels that `words` names; as words of a command every user of the host would see them."""
        labels = {**self.facts["labels"], **self.labels, f"{LABEL}.digest": self.facts["digest"]}
        write_text(self.folder / LABELS, "".join(f"{name}={value}\n" for name, value in labels.items()))

    def fetch_again(self) -> None:
        """Have the image back that somebody cleaned away since it was staged."""
        reference = self.facts["reference"]
        if "@" in reference:
            docker.run("pull", "--quiet", reference, timeout=docker.PULL_TIMEOUT)
        image = docker.inspect("image", reference)
        if image is None or image["Id"] != self.facts["image"]:
            raise StrataError(
                f"The image {reference} of {self.folder.name} was removed from the host after it was staged."
                f" Delete {self.folder}, and stage it again."
            )
