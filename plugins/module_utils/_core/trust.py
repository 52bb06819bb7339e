# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and folders nobody but root and the user of this process can change.

What lies in others' reach must not decide what this process does: they could write the state that it obeys, or put a link
in the place of a folder that it makes, gives away or deletes.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shlex
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

MAX_LINKS = 40


@dataclass(frozen=True)
class Distrusted:
    """A path that others can change, why, and the command that ends this."""

    path: str
    why: str
    remedy: str


def require(*paths: Path, also: Collection[int] = ()) -> None:
    """Raise StrataError where somebody less privileged can change one of these absolute paths. A missing one is fine.

    Root checks each folder that leads to a path, because the owner of a folder can replace what is in it. Links are
    followed. Any other user checks the path itself.

    Args:
        also: users who are trusted like the one of this process.
    """
    found = list(dict.fromkeys(each for path in paths for each in distrusted(path, also)))
    if not found:
        return
    commands: dict[str, list[str]] = {}
    for each in found:
        commands.setdefault(each.remedy, []).append(shlex.quote(each.path))
    said = "; ".join(f"{each.path} {each.why}" for each in found)
    remedy = " && ".join(" ".join((command, *where)) for command, where in commands.items())
    raise StrataError(
        f"Others can change what this run, as {_user(os.geteuid())}, would obey or delete: {said}."
        f" Check what is there, and take it from them with `{remedy}`; or run as its owner (become_user); or give another folder."
    )


def operator() -> set[int]:
    """The user who became root by sudo: in whose home the folder of the operator's own deployments is, by default."""
    number = os.environ.get("SUDO_UID", "")
    return {int(number)} if os.geteuid() == 0 and number.isdecimal() else set()


def distrusted(path: Path, also: Collection[int] = ()) -> Iterator[Distrusted]:
    """Each folder, link and file on the way to ``path``, and it itself, that somebody less privileged can change."""
    trusted = {0, os.geteuid(), *also}
    if os.geteuid() != 0:
        with contextlib.suppress(FileNotFoundError):
            yield from _problems(path, path.stat(), trusted, last=True)
        return
    at, links = Path("/"), 0
    left = list(reversed(path.parts[1:]))
    yield from _problems(at, at.lstat(), trusted, last=not left)
    while left:
        part = left.pop()
        if part == "..":
            at = at.parent
            continue
        try:
            status = (at / part).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        yield from _problems(at / part, status, trusted, last=not left)
        if not stat.S_ISLNK(status.st_mode):
            at = at / part
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        target = PurePosixPath(os.readlink(at / part))
        if target.is_absolute():
            at = Path("/")
        left += reversed(target.parts[1:] if target.is_absolute() else target.parts)


def _problems(
    path: Path, status: os.stat_result, trusted: Collection[int], last: bool
) -> Iterator[Distrusted]:
    shown = str(path)
    if status.st_uid not in trusted:
        name = _user(os.geteuid())
        command = "chown -h" if stat.S_ISLNK(status.st_mode) else "chown"
        yield Distrusted(shown, f"belongs to {_user(status.st_uid)}", f"{command} {name}")
    # In a sticky folder nobody can replace what belongs to others, but anybody can add something.
    if stat.S_ISLNK(status.st_mode) or (status.st_mode & stat.S_ISVTX and not last):
        return
    if status.st_mode & stat.S_IWOTH:
        yield Distrusted(shown, "can be written by everybody", "chmod go-w")
    elif status.st_mode & stat.S_IWGRP and not (stat.S_ISDIR(status.st_mode) and _is_own(status.st_gid)):
        yield Distrusted(shown, f"can be written by the group {_group(status.st_gid)}", "chmod go-w")


def _is_own(group: int) -> bool:
    """Whether this process's user shares a folder with a group that they are in; root shares nothing."""
    return os.geteuid() != 0 and group in (os.getegid(), *os.getgroups())


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the user {number}"


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
