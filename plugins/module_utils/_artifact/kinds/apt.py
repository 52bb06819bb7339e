# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt and dpkg, through their command lines: what repositories have, and installing the packages of a release's folder."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

NEEDED = "needed"
"""The folder beside a release's package that has what the package needs."""
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
    "unmet dependencies": "A dependency is not available: see the lines above, and the host's repositories.",
    "cannot be authenticated": "Sign the repository, and give apt its key.",
}


def versions(name: str, settings: tuple[str, ...] = ()) -> list[str]:
    """The versions that a repository has, the newest first; without one that is installed but no longer available."""
    with contextlib.suppress(StrataError):
        printed = run("apt-cache", *_options(settings), "madison", name)
        rows = [[part.strip() for part in line.split("|")] for line in printed.splitlines()]
        return [row[1] for row in rows if len(row) == 3 and row[2].endswith(" Packages")]
    return []


def knows(pinned: str, settings: tuple[str, ...] = ()) -> bool:
    """Whether a repository has a package that is given as NAME=VERSION."""
    name, _equals, version = pinned.partition("=")
    return version in versions(name, settings)


def exact(pinned: str) -> list[str]:
    """What a package needs in one version and no other, and what that needs so in turn, each as NAME=VERSION."""
    found = [pinned]
    for each in found:
        for line in run("apt-cache", "show", each).splitlines():
            field, _colon, value = line.partition(":")
            if field in ("Depends", "Pre-Depends"):
                matches = [re.fullmatch(EXACTLY, clause.strip()) for clause in value.split(",")]
                needed = [f"{match[1]}={match[2]}" for match in matches if match]
                found += [one for one in dict.fromkeys(needed) if one not in found and knows(one)]
    return found[1:]


def is_installed(folder: Path) -> bool:
    """Whether the release's packages are what is installed."""
    form = "--showformat=${Package} ${Version}"
    with contextlib.suppress(StrataError):
        for deb in packages(folder):
            wanted = run("dpkg-deb", "--show", form, str(deb))
            name = wanted.partition(" ")[0]
            if run("dpkg-query", "--show", f"{form} ${{db:Status-Status}}", name) != f"{wanted} installed":
                return False
        return True
    return False


def install(folder: Path, how: str, *settings: str) -> str:
    """Have apt install the release, and remove at most what this app's releases have brought.

    It is reinstalled where it is there: it may be another build, or be half there.
    """
    try:
        return _install_with(folder, how, "--no-remove", *settings)
    except StrataError as error:
        if REMOVES not in str(error):
            raise
        printed = _install_with(folder, "--simulate", "--remove", *settings)
        if not set(re.findall(r"^Remv ([^ :]+)", printed, re.MULTILINE)) <= _own(folder):
            raise
    return _install_with(folder, how, "--remove", *settings)


def _install_with(folder: Path, how: str, remove: str, *settings: str) -> str:
    return get(
        "install",
        "--yes",
        "--reinstall",
        "--allow-downgrades",
        remove,
        how,
        *map(str, packages(folder)),
        settings=(f"Dir::Cache::archives={folder / NEEDED}", *settings),
    )


def _own(folder: Path) -> set[str]:
    """The names of all packages that are a release of this app, or lie beside it; not what lies in another user's release."""
    releases = [each / "releases" for each in folder.parents if (each / "releases").is_dir()]
    found = [deb for each in releases[:1] for deb in each.glob("*/*.deb")]
    return {deb.name.partition("_")[0] for deb in found if deb.parent.stat().st_uid in (0, os.geteuid())}


def packages(folder: Path) -> list[Path]:
    """The files of a release's packages."""
    found = sorted(folder.glob("*.deb"))
    if not found:
        raise StrataError(f"The package in {folder} is gone. Delete the folder, and stage it again.")
    return found


def require() -> None:
    """Raise StrataError where this host has no apt."""
    if shutil.which("apt-get"):
        return
    other = next((name for name in ("dnf", "yum", "zypper", "apk") if shutil.which(name)), None)
    has = f"this host has {other}, which is not supported yet" if other else "this host has no apt-get"
    raise StrataError(
        f"The kind package is for hosts with apt: {has}. Deploy an archive or a container there."
    )


def _options(settings: tuple[str, ...]) -> list[str]:
    return [word for setting in settings for word in ("-o", setting)]


def get(verb: str, *words: str, settings: tuple[str, ...] = (), folder: Path | None = None) -> str:
    """Run ``apt-get``; see `run`."""
    return run("apt-get", *_options((*SETTINGS, *settings)), "--quiet", verb, *words, folder=folder)


def run(program: str, *words: str, folder: Path | None = None) -> str:
    """Run one of apt's programs, while another one has its lock again and again; what it printed.

    Raises:
        StrataError: it failed, or took too long.
    """
    deadline = time.monotonic() + LOCK_WAIT
    verb = next(
        (word for word in words if word in ("download", "install", "show", "update", "madison")), words[-1]
    )
    command = Command(
        (program, *words),
        TIMEOUT,
        name=f"`{program} {verb}`",
        folder=folder,
        environment={"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        # A package is better installed to the end than left half-way: the next run waits for apt's lock.
        ends_with_parent=False,
        if_slow="The next run puts the package right.",
    )
    while True:
        done = command.run(merge=True)
        if done.code == 0:
            return done.output
        if not any(phrase in done.output for phrase in BUSY) or time.monotonic() >= deadline:
            break
        time.sleep(POLL)
    lines = [line for line in done.output.splitlines() if line.strip()]
    remedy = next((hint for phrase, hint in REMEDIES.items() if phrase in done.output), "")
    raise done.failure(remedy, log=lines[-20:])
