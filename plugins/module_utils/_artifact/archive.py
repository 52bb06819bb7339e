# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``archive``: the release is what was packed, and the link is all there is to switch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils import _fetch
from ansible_collections.strata.deploy.plugins.module_utils._release.unpack import Limits, unpack
from ansible_collections.strata.deploy.plugins.module_utils._service import connect
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import Service, ServiceOptions


@dataclass(frozen=True)
class Archive:
    """An archive whose top is the top of the release."""

    source: _fetch.Artifact
    limits: Limits = field(default_factory=Limits)
    kind: str = "archive"

    @property
    def checksum(self) -> str:
        return self.source.checksum.lower()

    @property
    def origin(self) -> str:
        return self.source.shown

    def validate(self) -> None:
        self.source.validate()
        self.limits.validate()

    def matches(self, digests: Mapping[str, str]) -> bool:
        return self.source.matches(digests)

    def look_up(self) -> int | None:
        return _fetch.look_up(self.source)

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        digests = _fetch.fetch(self.source, scratch / "artifact", self.limits.max_bytes)
        unpack(scratch / "artifact", folder, self.limits)
        return digests


class ArchiveInstaller:
    """See `Installer`."""

    NAME = "archive"

    def install(self, folder: Path) -> None:
        """Nothing to do: what the link leads to is the release."""

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        return connect(options)

    def remove(self, folder: Path) -> None:
        """Nothing to do: the folder is all there is."""
