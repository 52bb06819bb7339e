# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of a whole database as one file of this host, made by the system's own tool and read back before it counts."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import select
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import IO, Callable, cast
from urllib.parse import quote

from ansible_collections.strata.deploy.plugins.module_utils._core import free_space
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import sync_directory
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
    Address,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import client, opened
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import end, end_with_parent
from ansible_collections.strata.deploy.plugins.module_utils._deployment.journal import append

CHUNK = 1 << 20
PAGES = 4096
"""SQLite's, that are copied before the clock is looked at again."""
TAIL_LINES = 10

_NAME = re.compile(r"\w[\w.-]*")
_TIME = r"\d{8}T\d{6}\.\d{3}Z"
_COMPLETE = b"-- Dump completed"
Programs = Sequence[str]


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


@dataclass(frozen=True)
class _Method:
    """How a database system is backed up.

    Attributes:
        write: writes the backup into an empty file, by the programs that were found, until the time is up.
        verify: raises StrataError unless the file is a whole backup.
        programs: each by the names that it goes by.
        package: what Debian has them in.
    """

    suffix: str
    write: Callable[[Address, Programs, Path, float], None]
    verify: Callable[[Address, Programs, Path, float], None]
    programs: tuple[tuple[str, ...], ...] = ()
    package: str = ""


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
    method = _METHODS[address.system]
    target = Path(folder)
    name = _validated(address, target, name, keep, timeout)
    programs = [_program(names, method.package) for names in method.programs]
    if address.is_file and not Path(address.database).exists():
        return Backup(absent=True)
    with _told_of(address, target):
        _check_folder(target)
        _check_room(address, target, min_free)
        if check_mode:
            return Backup(removed=_superfluous(target, name, method.suffix, keep - 1 if keep else None))
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        with exclusive(target / f".{name}.lock", create=True):
            made = _make(address, method, programs, target, name, timeout)
            entry = {"time": utc_now(), "database": address.shown, "release": release}
            append(target, {**entry, "path": made.path, "size": made.size, "checksum": made.checksum})
            removed = _superfluous(target, name, method.suffix, keep or None)
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


def _program(names: tuple[str, ...], package: str) -> str:
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
    if not folder.exists():
        return
    found = folder.stat()
    if not folder.is_dir() or found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022:
        raise StrataError(
            "others than its owner may write there, or it is no folder of this user. A backup has all that the database has: "
            "give it a folder of its own. One that is not there yet is made so that this user alone gets at it."
        )


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
    address: Address, method: _Method, programs: Programs, folder: Path, name: str, timeout: float
) -> Backup:
    began = time.monotonic()
    for leftover in _files(folder, name, method.suffix, partial=True):
        os.unlink(leftover)  # of a run that was killed, for this one is alone
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    final = folder / f"{name}-{now}Z{method.suffix}"
    partial = folder / f".{final.name}.partial"
    partial.touch(mode=0o600, exist_ok=False)
    try:
        method.write(address, programs, partial, began + timeout)
        method.verify(address, programs, partial, began + timeout)
        checksum = hashlib.sha256()
        with partial.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                checksum.update(chunk)
            size = stream.tell()
            os.fsync(stream.fileno())
        os.rename(partial, final)
    except BaseException:
        for leftover in _files(folder, name, method.suffix, partial=True):
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


def _write_postgresql(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    with client(address) as access:
        # Into the file itself: a dump through a pipe does not say where its tables begin, for a parallel restore.
        command = (programs[0], *access.arguments, "--format=custom", f"--file={file}")
        _run(address, command, access.environment, deadline)


def _verify_postgresql(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    _run(address, (programs[1], "--list", str(file)), {}, deadline)


def _write_mysql(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    options = (
        "--single-transaction",
        "--routines",
        "--triggers",
        "--events",
        "--hex-blob",
        "--default-character-set=utf8mb4",
        "--no-tablespaces",  # which would ask for the privilege PROCESS
    )
    with client(address) as access, file.open("r+b") as raw:
        command = (programs[0], *access.arguments, *options, address.database)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw) as packed:
            _run(address, command, access.environment, deadline, packed.write)


def _verify_mysql(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    tail = b""
    try:
        with gzip.open(file) as stream:
            while chunk := stream.read(CHUNK):
                tail = (tail + chunk)[-200:]
                _check_time(deadline)
    except (EOFError, gzip.BadGzipFile) as error:
        raise StrataError(f"it could not be read back: {error}.") from error
    if _COMPLETE not in tail:
        raise StrataError("its last line does not say that it is complete.")


def _write_sqlite(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    def look(_status: int, _left: int, _pages: int) -> None:
        _check_time(deadline)

    # Opened for writing, for a reader of a database in WAL mode writes beside it, too.
    source = f"file:{quote(address.database)}?mode=rw"
    try:
        with closing(sqlite3.connect(source, uri=True, isolation_level=None)) as database:
            # One transaction over all of it: else each write by another would have it begin anew.
            database.execute("BEGIN")
            database.execute("SELECT 1 FROM sqlite_master").fetchall()
            with closing(sqlite3.connect(file)) as copy:
                database.backup(copy, pages=PAGES, progress=look)
    except sqlite3.Error as error:
        raise StrataError(f"{error}.") from error


def _verify_sqlite(address: Address, programs: Programs, file: Path, deadline: float) -> None:
    try:
        with closing(sqlite3.connect(file)) as copy:
            copy.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            found = [row[0] for row in copy.execute("PRAGMA quick_check")]
    except sqlite3.Error as error:
        raise StrataError(f"it could not be read back: {error}.") from error
    if found != ["ok"]:
        raise StrataError(f"the copy is damaged, as the database may be itself: {found[0]}.")


def _run(
    address: Address,
    command: tuple[str, ...],
    environment: Mapping[str, str],
    deadline: float,
    write: Callable[[bytes], object] | None = None,
) -> None:
    """Run a client program to its end, handing what it prints to ``write``."""
    program = Path(command[0]).name
    inherited = {name: value for name, value in os.environ.items() if name != PASSWORD_VARIABLE}
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 (fixed programs, as a list)
            command,
            env={**inherited, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            preexec_fn=end_with_parent(),
        )
        stream = cast(IO[bytes], process.stdout)
        try:
            while True:
                ready = select.select([stream], [], [], max(0.0, deadline - time.monotonic()))[0]
                if not ready:
                    raise _out_of_time(f"{program} had not ended by then. ")
                chunk = os.read(stream.fileno(), CHUNK)
                if not chunk:
                    break
                if write:
                    write(chunk)
            code = process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _out_of_time(f"{program} had not ended by then. ") from None
        finally:
            if process.poll() is None:
                end(process)
            stream.close()
        if code:
            raise StrataError(f"{program} {_ended(code)}. {_last_words(address, errors)}")


def _ended(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"


def _last_words(address: Address, errors: IO[bytes]) -> str:
    errors.seek(0)
    text = address.scrub(errors.read().decode(errors="replace"))
    lines = [line.rstrip() for line in text.splitlines() if line.strip()][-TAIL_LINES:]
    words = "\n  ".join(["It said:", *lines]) if lines else "It said nothing."
    if "server version mismatch" in text:
        words += (
            "\nInstall the client of the server's version, as Debian has it in postgresql-client-VERSION."
        )
    return words


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise _out_of_time()


def _out_of_time(detail: str = "") -> StrataError:
    return StrataError(f"the time that it may take is up. {detail}timeout is the option that limits it.")


_METHODS: Mapping[str, _Method] = {
    "mysql": _Method(
        ".sql.gz", _write_mysql, _verify_mysql, (("mysqldump", "mariadb-dump"),), "mariadb-client"
    ),
    "postgresql": _Method(
        ".dump", _write_postgresql, _verify_postgresql, (("pg_dump",), ("pg_restore",)), "postgresql-client"
    ),
    "sqlite": _Method(".sqlite", _write_sqlite, _verify_sqlite),
}
