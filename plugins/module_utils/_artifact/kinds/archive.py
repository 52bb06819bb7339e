# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``archive``: the release is what was packed, and the link is all there is to switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack


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

    NAME = "archive"

    def install(self, folder: Path) -> None:
        """Nothing to do: what the link leads to is the release."""

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        return connect(options)

    def remove(self, folder: Path) -> None:
        """Nothing to do: the folder is all there is."""
