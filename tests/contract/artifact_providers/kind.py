# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up kind of artifact: one file, which is copied to a place of its own when the release is brought in."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import (
    Artifact,
    Named,
    Wanted,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class OneFile:
    source: sources.Source
    place: str
    kind: str = "made_up"

    @property
    def checksum(self) -> str:
        return self.source.recorded

    @property
    def origin(self) -> str:
        return self.source.shown

    def validate(self) -> None:
        self.source.validate()

    def matches(self, digests: Mapping[str, str]) -> bool:
        return self.source.matches(digests)

    def look_up(self) -> int | None:
        return sources.look_up(self.source)

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        digests = sources.fetch(self.source, scratch / "file", 1000)
        shutil.copy(scratch / "file", folder / "file")
        (folder / "place").write_text(self.place)
        return digests


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "place": {"type": "path", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
    }

    @staticmethod
    def artifact(options: Mapping[str, Any], wanted: Wanted) -> Artifact:
        if wanted.source is None:
            raise StrataError("A made-up artifact needs a url.")
        return OneFile(wanted.source, options["place"])

    @staticmethod
    def problems(named: Named) -> list[str]:
        return named.source_problems()

    @staticmethod
    def shown(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return given

    def install(self, folder: Path) -> None:
        shutil.copy(folder / "file", (folder / "place").read_text())

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        return connect(options)

    def remove(self, folder: Path) -> None:
        Path((folder / "place").read_text()).unlink(missing_ok=True)
