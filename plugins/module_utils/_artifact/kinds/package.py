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
import shutil
import subprocess
import tempfile
import time
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
    Relay,
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SIGNED = "signed"
"""The checksum on record where the repository's signature alone vouches for the package."""
NEEDED = "needed"
EXACTLY = r"([a-z0-9][a-z0-9+.-]+)(?::[a-z0-9-]+)? *\(= *([^) ]+) *\)"
TIMEOUT = 1800.0
LOCK_WAIT = 120
POLL = 0.5
BUSY = ("Could not get lock", "Unable to acquire", "frontend lock", "locked by another process")
SETTINGS = (
    f"DPkg::Lock::Timeout={LOCK_WAIT}",
    "Dpkg::Options::=--force-confold",
    "APT::Get::AllowUnauthenticated=false",
)
REMOVES = "Packages need to be removed"
REMEDIES = {
    "Held packages": "Take the hold off with `apt-mark unhold`, or deploy the version that is held.",
    REMOVES: "It conflicts with what is installed, which a deployment does not remove.",
    "unmet dependencies": "What it needs is not to be had: see the lines below, and the host's repositories.",
    "cannot be authenticated": "Sign the repository, and give apt its key.",
}


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
        _require_apt()
        if _known(self.pinned):
            return None
        # Lists that are the check's own, for it changes nothing on the host.
        with tempfile.TemporaryDirectory() as scratch:
            lists = Path(scratch, "lists")
            (lists / "partial").mkdir(parents=True)
            Path(scratch).chmod(0o755)
            own = (f"Dir::State::lists={lists}", "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=")
            _apt("update", settings=own)
            if not _known(self.pinned, own):
                raise self._unknown(own)
        return None

    def stage(self, folder: Path, scratch: Path) -> Mapping[str, str]:
        _require_apt()
        if not _known(self.pinned):
            _apt("update")
            if not _known(self.pinned):
                raise self._unknown()
        _apt("download", self.pinned, folder=folder)
        digests = {**_digests(*_debs(folder)), "package": self.pinned}
        if not self._is(digests):
            algorithm = self.checksum.partition(":")[0]
            raise StrataError(
                f"The checksum of the package {self.pinned} is {algorithm}:{digests[algorithm]}, not {self.checksum}."
                " Find out which of the two is wrong; nothing was installed."
            )
        exact = _exact(self.pinned)
        if exact:
            _apt("download", *exact, folder=folder)
        (folder / NEEDED / "partial").mkdir(parents=True)
        # Without dpkg's lock, which nothing here needs, and which apt refuses to take after an install was killed.
        _install(folder, "--download-only", "Debug::NoLocking=true")
        # Where a repository has the same package apt looks for it here, and not at the path that it is given.
        for deb in _debs(folder):
            own = folder / NEEDED / deb.name
            own.unlink(missing_ok=True)
            os.link(deb, own)
        self._copy_local(folder)
        return digests

    @staticmethod
    def _copy_local(folder: Path) -> None:
        """Have here what apt does not download, for a repository of the scheme file is at hand now."""
        said = _install(folder, "--simulate")
        for name, version in re.findall(r"^Inst (\S+) (?:\[[^]]*\] )?\((\S+)", said, re.MULTILINE):
            file = f"{name.partition(':')[0]}_{version.replace(':', '%3a')}_*.deb"
            if not list((folder / NEEDED).glob(file)):
                _apt("download", f"{name}={version}", folder=folder / NEEDED)

    def _is(self, digests: Mapping[str, str]) -> bool:
        return self.checksum == SIGNED or sources.Source("/", self.checksum).matches(digests)

    def _unknown(self, settings: tuple[str, ...] = ()) -> StrataError:
        there = _versions(self.name, settings)
        if there:
            return StrataError(
                f"No repository of this host has {self.name} in the version {self.version}; there are"
                f" {', '.join(there[:5])}. Publish it, or mend the version."
            )
        return StrataError(
            f"No repository of this host has a package {self.name}. Add its repository, or mend the name."
        )


class PackageInstaller:
    """See `Installer`."""

    NAME: ClassVar[str] = "package"
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
        _require_apt()
        # Heals what was interrupted. What cannot be configured is perhaps the release that is left.
        with contextlib.suppress(StrataError):
            _run("dpkg", "--force-confold", "--configure", "--pending")
        (folder / NEEDED / "partial").mkdir(parents=True, exist_ok=True)
        _install(folder, "--no-download")

    def service(self, folder: Path, options: ServiceOptions | None) -> Service | None:
        service = connect(options)
        if isinstance(service, Relay):
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
        self._installed = self._installed or _installed(self._folder)
        if not self._installed:
            return Status("stopped", "its package is not installed, or in another version")
        return self._service.status()


def _versions(name: str, settings: tuple[str, ...] = ()) -> list[str]:
    """The versions that a repository has, the newest first; not one that is installed and no more to be had."""
    with contextlib.suppress(StrataError):
        said = _run("apt-cache", *_options(settings), "madison", name)
        rows = [[part.strip() for part in line.split("|")] for line in said.splitlines()]
        return [row[1] for row in rows if len(row) == 3 and row[2].endswith(" Packages")]
    return []


def _known(pinned: str, settings: tuple[str, ...] = ()) -> bool:
    name, _equals, version = pinned.partition("=")
    return version in _versions(name, settings)


def _exact(pinned: str) -> list[str]:
    """What a package needs in one version and no other, and what that needs so in turn, each as NAME=VERSION."""
    found = [pinned]
    for each in found:
        for line in _run("apt-cache", "show", each).splitlines():
            field, _colon, value = line.partition(":")
            if field in ("Depends", "Pre-Depends"):
                matches = [re.fullmatch(EXACTLY, clause.strip()) for clause in value.split(",")]
                needed = [f"{match[1]}={match[2]}" for match in matches if match]
                found += [one for one in dict.fromkeys(needed) if one not in found and _known(one)]
    return found[1:]


def _installed(folder: Path) -> bool:
    """Whether the release's packages are what is installed."""
    form = "--showformat=${Package} ${Version}"
    with contextlib.suppress(StrataError):
        for deb in _debs(folder):
            wanted = _run("dpkg-deb", "--show", form, str(deb))
            name = wanted.partition(" ")[0]
            if _run("dpkg-query", "--show", f"{form} ${{db:Status-Status}}", name) != f"{wanted} installed":
                return False
        return True
    return False


def _install(folder: Path, how: str, *settings: str) -> str:
    """Have apt install the release, and remove at most what this app's releases have brought.

    It is reinstalled where it is there: it may be another build, or be half there.
    """
    try:
        return _install_with(folder, how, "--no-remove", *settings)
    except StrataError as error:
        if REMOVES not in str(error):
            raise
        said = _install_with(folder, "--simulate", "--remove", *settings)
        if not set(re.findall(r"^Remv ([^ :]+)", said, re.MULTILINE)) <= _own(folder):
            raise
    return _install_with(folder, how, "--remove", *settings)


def _install_with(folder: Path, how: str, remove: str, *settings: str) -> str:
    return _apt(
        "install",
        "--yes",
        "--reinstall",
        "--allow-downgrades",
        remove,
        how,
        *map(str, _debs(folder)),
        settings=(f"Dir::Cache::archives={folder / NEEDED}", *settings),
    )


def _own(folder: Path) -> set[str]:
    """The names of all packages that are a release of this app, or lie beside it."""
    releases = [each / "releases" for each in folder.parents if (each / "releases").is_dir()]
    return {deb.name.partition("_")[0] for each in releases[:1] for deb in each.glob("*/*.deb")}


def _debs(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.deb"))
    if not found:
        raise StrataError(f"The package in {folder} is gone. Delete the folder, and stage it again.")
    return found


def _digests(path: Path) -> dict[str, str]:
    hashes = {name: hashlib.new(name) for name in ("sha256", "sha512")}
    with open(path, "rb") as stream:
        while chunk := stream.read(1024 * 1024):
            for each in hashes.values():
                each.update(chunk)
    return {name: each.hexdigest() for name, each in hashes.items()}


def _require_apt() -> None:
    if shutil.which("apt-get"):
        return
    other = next((name for name in ("dnf", "yum", "zypper", "apk") if shutil.which(name)), None)
    has = f"this host has {other}, which is not supported yet" if other else "this host has no apt-get"
    raise StrataError(
        f"The kind package is for hosts with apt: {has}. Deploy an archive or a container there."
    )


def _options(settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def _apt(verb: str, *words: str, settings: tuple[str, ...] = (), folder: Path | None = None) -> str:
    return _run("apt-get", *_options((*SETTINGS, *settings)), "--quiet", verb, *words, folder=folder)


def _run(program: str, *words: str, folder: Path | None = None) -> str:
    """Run one of apt's programs, while another one has its lock again and again; what it said.

    Raises:
        StrataError: it failed, or took too long.
    """
    deadline = time.monotonic() + LOCK_WAIT
    verb = next(
        (word for word in words if word in ("download", "install", "show", "update", "madison")), words[-1]
    )
    tried = f"`{program} {verb}`"
    while True:
        # A file, for a pipe would have us wait for whatever a package's scripts leave behind in the background.
        with tempfile.TemporaryFile() as output:
            try:
                code = subprocess.run(  # noqa: S603 (a fixed program; its words were validated)
                    [program, *words],
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=TIMEOUT,
                    env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
                    check=False,
                ).returncode
            except FileNotFoundError:
                raise StrataError(f"{tried} failed: there is no {program} on this host.") from None
            except subprocess.TimeoutExpired:
                raise StrataError(
                    f"{tried} did not end within {TIMEOUT:g} s and was killed. The next run puts the package right."
                ) from None
            output.seek(0)
            said = urls.masked(output.read().decode(errors="replace"))
        if code == 0:
            return said
        if not any(phrase in said for phrase in BUSY) or time.monotonic() >= deadline:
            break
        time.sleep(POLL)
    lines = [line for line in said.splitlines() if line.strip()]
    remedy = next((f" {hint}" for phrase, hint in REMEDIES.items() if phrase in said), "")
    text = f"{tried} failed with {code}.{remedy}" + "".join(f"\n  {line}" for line in lines[-10:])
    raise StrataError(text, log=lines[-20:])
