# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of artifact does. A release of any kind is a folder under ``releases/`` that the link leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import UNVERIFIED, Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


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


MAX_BYTES: Mapping[str, Any] = {"type": "int", "default": 2147483648}
"""How ``max_bytes`` is declared by each kind that is fetched from a URL."""


@dataclass(frozen=True)
class Named:
    """An artifact as the options of the role name it, for a check before any host is contacted; empty where not given.

    Args:
        url: absolute, as the hosts see it.
        package: the name of a package.
    """

    url: str = ""
    checksum: str = ""
    image: str = ""
    package: str = ""

    def source_problems(self) -> list[str]:
        """What is wrong with the URL and the checksum, which the artifact needs."""
        problems = []
        if not self.url:
            problems.append(
                "No artifact is given: set artifact_url to an http(s), oci or s3 URL, or to a file."
            )
        if not self.checksum:
            problems.append(
                "No checksum is given: set artifact_checksum to sha256:HEX or sha512:HEX, as `sha256sum FILE` prints it,"
                " or to the URL of such a list; 'unverified' waives it by name."
            )
        return problems + (self.invalid_source(self.url) if self.url else [])

    def invalid_source(self, url: str) -> list[str]:
        """Why this URL cannot be fetched from, or the checksum cannot be one."""
        try:
            Source(url, self.checksum or UNVERIFIED).validate()
        except StrataError as error:
            return [str(error)]
        return []


@dataclass(frozen=True)
class Wanted:
    """What is asked for, besides the options of the kind.

    Args:
        checksum: as the user wrote it; empty if there is none.
        source: what the artifact is fetched from; None if there is no URL.
    """

    version: str
    checksum: str
    source: Source | None


class Installer(Protocol):
    """A kind of artifact. An instance knows nothing of a release but its folder.

    Args:
        NAME: what users write as ``kind``.
        OPTIONS: its options, declared as in an AnsibleModule's ``argument_spec``.

    A kind whose release folder holds what the kind needs, and nothing of the app, has ``OWN_FOLDER = True``: nothing of
    that can be shared.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]

    @staticmethod
    def artifact(options: Mapping[str, Any], wanted: Wanted) -> Artifact:
        """What is to be staged; raises StrataError where something that the kind needs is missing.

        Args:
            options: validated and converted as ``OPTIONS`` declares them.
        """

    @staticmethod
    def problems(named: Named) -> list[str]:
        """What is wrong with an artifact of this kind, one sentence each; asks nobody."""

    @staticmethod
    def shown(given: Mapping[str, Any]) -> Mapping[str, Any]:
        """The options as a user gave them, valid or not, without what a module's answer must not show.

        What ``OPTIONS`` declares ``no_log`` is gone already.
        """

    def install(self, folder: Path) -> None:
        """Bring the release in: the link leads to it already, and its service has not been restarted yet."""

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        """What runs the release; None where nothing has to be restarted."""

    def remove(self, folder: Path) -> None:
        """Take away what the host has of a release that is not current, just before its folder goes."""
