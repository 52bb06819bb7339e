# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``archive``: the release is what was packed, and the link is all there is to switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import (
    MAX_BYTES,
    Artifact,
    Named,
    Wanted,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class Archive:
    """An archive of any format that `unpack` reads."""

    source: sources.Source
    rules: Rules = field(default_factory=Rules)
    kind: str = "archive"

    @property
    def checksum(self) -> str:
        return self.source.recorded

    @property
    def origin(self) -> str:
        return self.source.shown

    def validate(self) -> None:
        self.source.validate()
        self.rules.validate()

    def matches(self, digests: Mapping[str, str]) -> bool:
        return self.source.matches(digests)

    def look_up(self) -> int | None:
        return sources.look_up(self.source)

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        with sources.opened(self.source, scratch, self.rules.max_bytes) as download:
            unpack(download, folder, self.rules, scratch)
            return download.verify()


class ArchiveInstaller:
    """See `Installer`."""

    NAME: ClassVar[str] = "archive"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "max_bytes": MAX_BYTES,
        "max_entries": {"type": "int", "default": 100000},
        "strip": {"type": "bool", "default": False},
        "setuid": {"type": "str", "default": "refuse", "choices": ["refuse", "drop"]},
        "owner": {"type": "str"},
        "group": {"type": "str"},
        "file_mode": {"type": "str"},
        "folder_mode": {"type": "str"},
    }

    @staticmethod
    def artifact(options: Mapping[str, Any], wanted: Wanted) -> Artifact:
        if not wanted.source or not wanted.checksum:
            given = {"url": wanted.source, "checksum": wanted.checksum}
            missing = ", ".join(name for name, value in given.items() if not value)
            raise StrataError(f"To stage the kind archive these options are missing: {missing}.")
        rules = {name: value for name, value in options.items() if value is not None}
        return Archive(wanted.source, Rules(**rules))

    @staticmethod
    def problems(named: Named) -> list[str]:
        return named.source_problems()

    @staticmethod
    def shown(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return given

    def install(self, folder: Path) -> None:
        """Nothing to do: what the link leads to is the release."""

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        return connect(options)

    def remove(self, folder: Path) -> None:
        """Nothing to do: the folder is all there is."""
