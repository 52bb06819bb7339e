# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of a whole database as one file of this host, made by the system's own tool and read back before it counts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core import free_space, trust
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import sync_directory
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import (
    client,
    dump_of,
    opened,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump, Programs
from ansible_collections.strata.deploy.plugins.module_utils._deployment.journal import append

CHUNK = 1 << 20
_NAME = re.compile(r"\w[\w.-]*")
_TIME = r"\d{8}T\d{6}\.\d{3}Z"


@dataclass(frozen=True)
class Backup:
    """What was made or, in check mode, would be: a file that is not there has no path, size and checksum.

    ``removed`` are older ones, which it made superfluous; ``absent`` says that there is no database yet.
    """

    path: str | None = None
    size: int | None = None
    checksum: str | None = None
    seconds: float | None = None
    removed: tuple[str, ...] = ()
    absent: bool = False


def back_up(
    address: Address,
    *,
    folder: str,
    name: str | None = None,
    keep: int = 0,
    min_free: int = 0,
    timeout: float = 3600,
    release: str = "",
    check_mode: bool = False,
) -> Backup:
    """Back ``address`` up into ``folder``, as ``NAME-TIME`` with the suffix of its kind.

    Args:
        name: by default the database's, and its host's.
        keep: how many backups of that name are left, this one among them; 0 for all.
        min_free: bytes of the file system that it must leave, should it be as large as the database.
        timeout: seconds for writing it and reading it back.
        release: what is going to change the database, for the folder's journal.

    Raises:
        StrataError: it was not made, and nothing of it is left.
    """
    dump = dump_of(address)
    target = Path(folder)
    name = _validated(address, target, name, keep, timeout)
    programs = [_program(names, dump.PACKAGE) for names in dump.PROGRAMS]
    if address.is_file and not Path(address.database).exists():
        return Backup(absent=True)
    with _told_of(address, target):
        _check_folder(target)
        _check_room(address, target, min_free)
        if check_mode:
            return Backup(removed=_superfluous(target, name, dump.SUFFIX, keep - 1 if keep else None))
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(target / f".{name}.lock", create=True):
            made = _make(address, dump, programs, target, name, timeout)
            entry = {"time": utc_now(), "database": address.shown, "release": release}
            append(target, {**entry, "path": made.path, "size": made.size, "checksum": made.checksum})
            removed = _superfluous(target, name, dump.SUFFIX, keep or None)
            for old in removed:
                os.unlink(old)
    return replace(made, removed=removed)


def _validated(address: Address, folder: Path, name: str | None, keep: int, timeout: float) -> str:
    if not folder.is_absolute():
        raise StrataError(f"The folder for backups must be an absolute path; it is '{folder}'.")
    if keep < 0 or timeout <= 0:
        raise StrataError(
            f"keep must not be negative, and timeout must be above 0; they are {keep} and {timeout:g}."
        )
    if name is None:
        own = Path(address.database).stem if address.is_file else address.database
        parts = "-".join(filter(None, (own or address.user, address.host)))
        name = re.sub(r"[^\w.-]", "_", parts).lstrip(".-") or "database"
    if not _NAME.fullmatch(name):
        raise StrataError(
            f"A backup cannot be called '{name}': a name begins with a letter, digit or _, and has these, . and - in it."
        )
    return name


def _program(names: Sequence[str], package: str) -> str:
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise StrataError(
            f"Backing up needs {' or '.join(names)}, which is not on the PATH of this host. "
            f"Install its package ({package} on Debian and Ubuntu), in the version of the database's server."
        )
    return found


@contextmanager
def _told_of(address: Address, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StrataError(
            f"Backing up {address.shown} in {folder} failed: {error.filename or folder}: {error.strerror}."
        ) from error
    except StrataError as error:
        raise StrataError(
            f"Backing up {address.shown} in {folder} failed: {error}", **error.details
        ) from None


def _check_folder(folder: Path) -> None:
    """Nobody else may put a file in the place of a backup, or make a link of one."""
    found = folder.stat() if folder.exists() else None
    if found and (not folder.is_dir() or found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022):
        raise StrataError(
            "others than its owner may write there, or it is no folder of this user. A backup has all that the database has: "
            "give it a folder of its own. One that is not there yet is made so that this user alone gets at it."
        )
    trust.require(folder)


def _check_room(address: Address, folder: Path, min_free: int) -> None:
    with opened(address, read_only=True, application="strata backup") as database:
        size = database.size()
    room = free_space.free(folder)
    if room < size + min_free:
        reserve = f", and {free_space.shown(min_free)} are to stay free (min_free)" if min_free else ""
        raise StrataError(
            f"the database has {free_space.shown(size)}, which a backup may take{reserve}; the folder's file system has "
            f"{free_space.shown(room)} free. Make room there, or give it another folder."
        )


def _make(
    address: Address, dump: Dump, programs: Programs, folder: Path, name: str, timeout: float
) -> Backup:
    began = time.monotonic()
    for leftover in _files(folder, name, dump.SUFFIX, partial=True):
        os.unlink(leftover)  # of a run that was killed, for this one is alone
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    final = folder / f"{name}-{now}Z{dump.SUFFIX}"
    partial = folder / f".{final.name}.partial"
    partial.touch(mode=0o600, exist_ok=False)
    try:
        with client(address) as access:
            dump.write(address, access, programs, partial, began + timeout)
        dump.verify(address, programs, partial, began + timeout)
        checksum = hashlib.sha256()
        with partial.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                checksum.update(chunk)
            size = stream.tell()
            os.fsync(stream.fileno())
        os.rename(partial, final)
    except BaseException:
        for leftover in _files(folder, name, dump.SUFFIX, partial=True):
            os.unlink(leftover)
        raise
    sync_directory(folder)
    return Backup(str(final), size, f"sha256:{checksum.hexdigest()}", round(time.monotonic() - began, 3))


def _files(folder: Path, name: str, suffix: str, *, partial: bool = False) -> list[Path]:
    """The backups of that name, the oldest first, and of no other that begins with it."""
    form = rf"{re.escape(name)}-{_TIME}{re.escape(suffix)}"
    whole = re.compile(rf"\.{form}\.partial.*" if partial else form)
    found = sorted(os.listdir(folder)) if folder.is_dir() else []
    return [folder / each for each in found if whole.fullmatch(each)]


def _superfluous(folder: Path, name: str, suffix: str, keep: int | None) -> tuple[str, ...]:
    found = _files(folder, name, suffix)
    return () if keep is None else tuple(map(str, found[: max(len(found) - keep, 0)]))
