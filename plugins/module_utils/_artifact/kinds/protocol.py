# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of artifact does. A release of any kind is a folder under ``releases/`` that the link leads to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)


class Artifact(Protocol):
    """What is to be staged, as it was asked for."""

    @property
    def kind(self) -> str:
        """The name of its `Installer`."""

    @property
    def checksum(self) -> str:
        """As asked for, for the record."""

    @property
    def origin(self) -> str:
        """Where it comes from, without secrets."""

    def validate(self) -> None:
        """Refuse what cannot work, without asking anybody."""

    def matches(self, digests: Mapping[str, str]) -> bool:
        """Whether a release that was staged with these digests is what is asked for."""

    def look_up(self) -> int | None:
        """How many bytes are to be fetched, None where the source does not tell; nothing is fetched.

        Raises:
            StrataError: there is no such artifact.
        """

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        """Fetch and verify it, and put into the empty ``folder`` all that bringing it in will need.

        Args:
            scratch: another folder on the same file system, which goes when this returns.

        Returns:
            Its digests by algorithm.
        """


class Installer(Protocol):
    """What a release of one kind needs besides its folder, which is all that it is told of it."""

    NAME: str

    def install(self, folder: Path) -> None:
        """Bring the release in: the link leads to it already, and its service has not been restarted yet."""

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        """What runs the release; None where nothing has to be restarted."""

    def remove(self, folder: Path) -> None:
        """Take away what the host has of a release that is not current, just before its folder goes."""
