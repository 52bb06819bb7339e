# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind ``package``: a pinned package of the host's distribution, by apt.

The release's folder holds the package and what it needs, so that bringing it in, now or in a rollback, asks no repository.
Beside it lie those that it needs in one version and no other: apt does not take another version of these than the newest, or
than the one that is installed, unless it is told to.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import apt
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import (
    Artifact,
    Named,
    Wanted,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    OverlappingService,
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SIGNED = "signed"
"""The checksum on record where the repository's signature alone vouches for the package."""


@dataclass(frozen=True)
class Package:
    """A package of a repository that the host's apt knows; ``checksum`` is that of the .deb, and may be empty."""

    name: str
    version: str
    checksum: str = ""
    kind: str = "package"

    def __post_init__(self) -> None:
        object.__setattr__(self, "checksum", self.checksum.lower() or SIGNED)

    @property
    def origin(self) -> str:
        return f"apt:{self.pinned}"

    @property
    def pinned(self) -> str:
        return f"{self.name}={self.version}"

    def validate(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", self.name):
            raise StrataError(f"{self.name!r} is not the name of a package.")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+~:-]*", self.version):
            raise StrataError(f"{self.version!r} is not the version of a package.")
        if self.checksum != SIGNED:
            sources.Source("/", self.checksum).validate()

    def matches(self, digests: Mapping[str, str]) -> bool:
        return digests.get("package") == self.pinned and self._is(digests)

    def look_up(self) -> int | None:
        apt.require()
        if apt.knows(self.pinned):
            return None
        # The check has lists of its own, because it must change nothing on the host.
        with tempfile.TemporaryDirectory() as scratch:
            lists = Path(scratch, "lists")
            (lists / "partial").mkdir(parents=True)
            Path(scratch).chmod(0o755)
            own = (f"Dir::State::lists={lists}", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=")
            apt.get("update", settings=own)
            if not apt.knows(self.pinned, own):
                raise self._unknown(own)
        return None

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        apt.require()
        if not apt.knows(self.pinned):
            apt.get("update")
            if not apt.knows(self.pinned):
                raise self._unknown()
        apt.get("download", self.pinned, folder=folder)
        digests = {**_digests(*apt.packages(folder)), "package": self.pinned}
        if not self._is(digests):
            algorithm = self.checksum.partition(":")[0]
            raise StrataError(
                f"The checksum of the package {self.pinned} is {algorithm}:{digests[algorithm]}, not {self.checksum}."
                " Find out which of the two is wrong; nothing was installed."
            )
        exact = apt.exact(self.pinned)
        if exact:
            apt.get("download", *exact, folder=folder)
        (folder / apt.NEEDED / "partial").mkdir(parents=True)
        # Without dpkg's lock, which nothing here needs, and which apt refuses to take after an install was killed.
        apt.install(folder, "--download-only", "Debug::NoLocking=true")
        # Where a repository has the same package apt looks for it here, and not at the path that it is given.
        for deb in apt.packages(folder):
            own = folder / apt.NEEDED / deb.name
            own.unlink(missing_ok=True)
            os.link(deb, own)
        self._copy_local(folder)
        return digests

    @staticmethod
    def _copy_local(folder: Path) -> None:
        """Copy what apt does not download, because a repository with the scheme file may be gone later."""
        said = apt.install(folder, "--simulate")
        for name, version in re.findall(r"^Inst (\S+) (?:\[[^]]*\] )?\((\S+)", said, re.MULTILINE):
            file = f"{name.partition(':')[0]}_{version.replace(':', '%3a')}_*.deb"
            if not list((folder / apt.NEEDED).glob(file)):
                apt.get("download", f"{name}={version}", folder=folder / apt.NEEDED)

    def _is(self, digests: Mapping[str, str]) -> bool:
        return self.checksum == SIGNED or sources.Source("/", self.checksum).matches(digests)

    def _unknown(self, settings: tuple[str, ...] = ()) -> StrataError:
        there = apt.versions(self.name, settings)
        if there:
            return StrataError(
                f"No repository of this host has {self.name} in the version {self.version}; there are"
                f" {', '.join(there[:5])}. Publish it, or correct the version."
            )
        return StrataError(
            f"No repository of this host has a package {self.name}. Add its repository, or correct the name."
        )


class PackageInstaller:
    """See `Installer`."""

    NAME: ClassVar[str] = "package"
    OWN_FOLDER: ClassVar[bool] = True
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "name": {"type": "str", "required": True},
        "version": {"type": "str"},
    }

    @staticmethod
    def artifact(options: Mapping[str, Any], wanted: Wanted) -> Artifact:
        if wanted.source and wanted.source.signature:
            raise StrataError(
                "A package has no signature of its own to verify: its repository is signed. Leave the signature out."
            )
        return Package(options["name"], options["version"] or wanted.version, wanted.checksum)

    @staticmethod
    def problems(named: Named) -> list[str]:
        if not named.package:
            return ["No package is given: set artifact_package, for example to {name: shop}."]
        # A checksum is that of the package's file itself, and cannot be in a list.
        return named.invalid_source("/") if named.checksum else []

    @staticmethod
    def shown(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return given

    def install(self, folder: Path) -> None:
        apt.require()
        # Heals what was interrupted. What cannot be configured is perhaps the release that is left.
        with contextlib.suppress(StrataError):
            apt.run("dpkg", "--force-confold", "--configure", "--pending")
        (folder / apt.NEEDED / "partial").mkdir(parents=True, exist_ok=True)
        apt.install(folder, "--no-download")

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        service = connect(options)
        if isinstance(service, OverlappingService):
            raise StrataError(
                "A package is installed over the former one, so that no two releases of it run side by side, as the"
                " service's mode instances has them: give it the mode restart or reload."
            )
        return PackagedService(service, folder) if service else None

    def remove(self, folder: Path) -> None:
        """Nothing to do: the folder is all there is, and what is installed is the current release."""


class PackagedService:
    """A service that runs the release only while its package is what is installed.

    The package may bring the service along, so that nobody needs to know it before; and who upgrades a host may install
    another version.
    """

    def __init__(self, service: Service, folder: Path) -> None:
        self.options = service.options
        self.validate = service.validate
        self.restart = service.restart
        self.log_tail = service.log_tail
        self.doubt = service.doubt
        self._service = service
        self._folder = folder
        self._installed = False

    def status(self) -> Status:
        # Not at each of the many looks at a new process.
        self._installed = self._installed or apt.is_installed(self._folder)
        if not self._installed:
            return Status("stopped", "its package is not installed, or in another version")
        return self._service.status()


def _digests(path: Path) -> dict[str, str]:
    hashes = {name: hashlib.new(name) for name in ("sha256", "sha512")}
    with open(path, "rb") as stream:
        while chunk := stream.read(1024 * 1024):
            for each in hashes.values():
                each.update(chunk)
    return {name: each.hexdigest() for name, each in hashes.items()}
