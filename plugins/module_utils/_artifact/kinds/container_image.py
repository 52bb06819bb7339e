# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of a container: looked up, pulled or loaded, and put into a release's folder with how to run it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_specification import (
    Specification,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.release_container import (
    ENVIRONMENT,
    SPECIFICATION,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    write_json,
    write_text,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

HUB = "https://index.docker.io/v1/"


@dataclass(frozen=True)
class Container:
    """An image in a registry, or one that ``docker save`` wrote to a file.

    Args:
        image: its reference with a digest, unless ``checksum`` is ``unverified``; empty where there is a ``url``.
        source: where a saved image lies.
        given: the checksum that was asked for with an image.
        login: user and password for the image's registry.
    """

    image: str = ""
    source: sources.Source | None = None
    given: str = ""
    specification: Specification = field(default_factory=Specification)
    login: tuple[str, str] | None = field(default=None, repr=False)
    max_bytes: int = 2 * 1024**3
    kind: str = "container"

    @property
    def checksum(self) -> str:
        return self.source.recorded if self.source else self.given.lower() or self._digest

    @property
    def origin(self) -> str:
        return self.source.shown if self.source else self.image

    @property
    def _digest(self) -> str:
        return self.image.partition("@")[2]

    def validate(self) -> None:
        self.specification.validate()
        if bool(self.image) == bool(self.source):
            raise StrataError("A container needs either an image, or the url of a saved one.")
        if self.source:
            self.source.validate()
            return
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:-]*(@sha256:[0-9a-f]{64})?", self.image):
            raise StrataError(f"The image {self.image!r} is not of the form REGISTRY/NAME@sha256:HEX.")
        if not self._digest and self.checksum != sources.UNVERIFIED:
            raise StrataError(
                f"The image {self.image!r} has no digest: name it as NAME@sha256:HEX, as `docker push` prints it"
                f" (to go without, write the checksum {sources.UNVERIFIED!r})."
            )
        if self.checksum not in ("", sources.UNVERIFIED, self._digest):
            raise StrataError(f"The checksum {self.checksum} is not the digest of the image {self.image}.")

    def matches(self, digests: Mapping[str, str]) -> bool:
        if digests.get("specification") != self.specification.digest():
            return False
        return self.source.matches(digests) if self.source else digests.get("reference") == self.image

    def look_up(self) -> int | None:
        docker.run("version", "--format", "{{.Server.Version}}")
        if self.source:
            return sources.look_up(self.source)
        if not docker.inspect("image", self.image):
            with tempfile.TemporaryDirectory() as scratch:
                config = self._configured(Path(scratch))
                insecure = ["--insecure"] if self._is_insecure() else []
                docker.run("manifest", "inspect", *insecure, self.image, config=config)
        return None

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        if self.source:
            digests = dict(sources.fetch(self.source, scratch / "image", self.max_bytes))
            reference = _loaded(
                docker.run("load", "--input", str(scratch / "image"), timeout=docker.PULL_TIMEOUT)
            )
        else:
            digests, reference = {"reference": self.image}, self.image
            docker.run(
                "pull",
                "--quiet",
                self.image,
                timeout=docker.PULL_TIMEOUT,
                config=self._configured(scratch / "config"),
            )
        image = docker.inspect("image", reference)
        if image is None:
            raise StrataError(
                f"Docker fetched {self.origin}, and does not have the image {reference}. Try again."
            )
        if self._digest and not any(each.endswith(f"@{self._digest}") for each in image["RepoDigests"]):
            found = ", ".join(image["RepoDigests"]) or "no digest"
            raise StrataError(
                f"The image {self.image} has another digest here: {found}. Find out who changed it."
            )
        specification = {**asdict(self.specification), "reference": reference, "image": image["Id"]}
        environment = specification.pop("environment")
        digests.update(image=image["Id"], specification=self.specification.digest())
        write_json(folder / SPECIFICATION, {**specification, "digest": _identity(digests)})
        lines = "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
        write_text(folder / ENVIRONMENT, lines)
        return digests

    def _is_insecure(self) -> bool:
        """Whether Docker asks the image's registry without TLS, as its own configuration has it."""
        registry = self.image.partition("/")[0]
        known = json.loads(docker.run("info", "--format", "{{json .RegistryConfig.IndexConfigs}}")) or {}
        local = re.match(r"(localhost|127\.[\d.]+)(:|$)", registry)
        return bool(local) or known.get(registry, {}).get("Secure") is False

    def _configured(self, folder: Path) -> Path | None:
        """A folder with the login, for Docker to read; None where the host's own configuration is to do."""
        if self.login is None:
            return None
        folder.mkdir(mode=0o700, exist_ok=True)
        registry = self.image.partition("/")[0]
        known = "/" in self.image and (re.search(r"[.:]", registry) or registry == "localhost")
        auth = base64.b64encode(":".join(self.login).encode()).decode()
        write_json(folder / "config.json", {"auths": {registry if known else HUB: {"auth": auth}}})
        return folder


def _loaded(said: str) -> str:
    """The one image that ``docker load`` says it has loaded."""
    names = re.findall(r"^Loaded image(?: ID)?: (\S+)$", said, re.MULTILINE)
    if len(names) != 1:
        raise StrataError(
            f"The saved file names {len(names)} images ({', '.join(names) or 'none'}), and one is wanted: save one alone,"
            " by one name."
        )
    return str(names[0])


def _identity(digests: Mapping[str, str]) -> str:
    """What tells a container from one of another image, or made in another way."""
    return hashlib.sha256(f"{digests['image']} {digests['specification']}".encode()).hexdigest()
