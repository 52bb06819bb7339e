# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy lock of an app: who deploys, and which members a deployment took out of rotation.

An app's folder holds ``lock.json`` while a deployment runs, ``drained.json`` while members are out,
``contracted.json`` once the schema has been contracted, and the journal. Whoever reads, decides and writes does so alone (``.guard``), and each file is either
the old or the new, so that a kill at any point leaves a state from which the next run goes on.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import processes
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    read_json,
    sync_directory,
    write_json,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._deployment.journal import append, tail

LOCK = "lock.json"
DRAINED = "drained.json"
CONTRACTED = "contracted.json"
GUARD = ".guard"

Drained = Mapping[str, Mapping[str, Any]]
"""Balancer host -> member -> the definition that puts it back."""


@dataclass(frozen=True)
class Lock:
    """A deployment and the controller process that runs it."""

    id: str
    version: str
    user: str
    host: str
    boot_id: str
    pid_ns: str
    pid: int
    started: int
    since: str = ""
    note: str = ""

    def is_same_run(self, other: Lock) -> bool:
        """Whether both were taken by one deployment in one controller process."""
        return replace(self, since="", note="") == replace(other, since="", note="")

    def is_alive(self) -> bool | None:
        """Whether its process runs; None where it cannot be told, from another machine or container for instance."""
        boot_id, pid_ns = processes.boot_id(), processes.pid_namespace()
        if not boot_id or not self.boot_id or not pid_ns:
            return None
        if self.host != socket.gethostname() or self.pid_ns != pid_ns:
            return None
        return self.boot_id == boot_id and processes.is_running(self.pid, self.started)


@dataclass(frozen=True)
class LockResult:
    """The lock and the drained record afterwards, and what they were."""

    changed: bool
    before: Lock | None
    lock: Lock | None
    drained_before: Drained
    drained: Drained
    unfinished: Lock | None = None
    contracted: str | None = None


@dataclass(frozen=True)
class Deployment:
    """What an app's folder tells to a reader; ``journal`` has the newest entry first."""

    lock: Lock | None
    drained: Drained
    journal: tuple[dict[str, Any], ...]


def read_deployment(folder: Path, entries: int) -> Deployment:
    """Read an app's folder without waiting for anyone; nothing is there before the first deployment."""
    with _told_of_folder("Reading", folder):
        return Deployment(_read_lock(folder), _read_drained(folder), tail(folder, entries))


def ensure_held(
    folder: Path,
    holder: Lock,
    *,
    drained: Drained | None = None,
    note: str | None = None,
    break_id: str | None = None,
    contracted: str | None = None,
    check_mode: bool = False,
) -> LockResult:
    """Take the lock, or update it where ``holder`` has it.

    Args:
        drained: replaces the drained record; while the lock is being taken it is added to what an
            earlier deployment left there, which must not be forgotten. None leaves the record alone.
        note: replaces the lock's note; None leaves it alone.
        break_id: id of a lock that is taken over although its holder may be alive.
        contracted: from which version on releases do with the schema that the deployment is about to leave behind.

    Raises:
        StrataError: another deployment holds it.
    """
    with _told_of_folder("Taking the deploy lock in", folder), _alone(folder, check_mode):
        former, recorded = _read_lock(folder), _read_drained(folder)
        if former is not None and former.is_same_run(holder):
            unfinished = None
            lock = former if note is None else replace(former, note=note)
            wanted = recorded if drained is None else drained
        else:
            if former is not None and former.id != break_id and former.is_alive() is not False:
                raise _held(folder, former, break_id)
            unfinished = former
            lock = replace(holder, since=utc_now(), note=note or "")
            wanted = _joined(recorded, drained or {})
        if not check_mode:
            if former is None:
                _create(folder / LOCK, lock, folder)
            elif lock != former:
                write_json(folder / LOCK, asdict(lock))
            _write_drained(folder, recorded, wanted)
            if contracted is not None:
                write_json(
                    folder / CONTRACTED, {"version": contracted, "since": utc_now(), "deployment": lock.id}
                )
        known = contracted if contracted is not None else _read_contracted(folder)
        changed = lock != former or wanted != recorded or contracted is not None
        return LockResult(changed, former, lock, recorded, wanted, unfinished, known)


def ensure_absent(
    folder: Path,
    lock_id: str,
    *,
    drained: Drained | None = None,
    journal: Mapping[str, Any] | None = None,
    check_mode: bool = False,
) -> LockResult:
    """Release the lock ``lock_id``; the journal entry and the drained record are on disk before it goes.

    Where there is no lock, nothing is written.

    Raises:
        StrataError: another deployment holds it.
    """
    with _told_of_folder("Releasing the deploy lock in", folder):
        if not folder.is_dir():
            return LockResult(False, None, None, {}, {})
        with _alone(folder, check_mode):
            former, recorded = _read_lock(folder), _read_drained(folder)
            if former is None:
                return LockResult(False, None, None, recorded, recorded)
            if former.id != lock_id:
                raise _held(folder, former, lock_id)
            wanted = recorded if drained is None else drained
            if not check_mode:
                if journal is not None:
                    append(folder, _entry(former, journal))
                _write_drained(folder, recorded, wanted)
                os.unlink(folder / LOCK)
                sync_directory(folder)
            return LockResult(True, former, None, recorded, wanted)


@contextmanager
def _told_of_folder(deed: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StrataError(
            f"{deed} {folder}: {error.strerror}. All controllers must reach it as one user who may write there."
        ) from error


@contextmanager
def _alone(folder: Path, check_mode: bool) -> Iterator[None]:
    if check_mode:
        yield
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(folder / GUARD, create=True):
        for leftover in [*folder.glob(f".{LOCK}.*"), *folder.glob(f".{DRAINED}.*")]:
            leftover.unlink()  # a writer was killed; none is at work now
        yield


def _create(path: Path, lock: Lock, folder: Path) -> None:
    """Make the lock file with all its content in one link(2), which fails if there is one.

    The guard alone would do on a local disk; on a network file system flock may bind one client only.
    """
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(asdict(lock), stream, indent=2, sort_keys=True)
            stream.write("\n")
            stream.flush()
            os.fsync(descriptor)
        os.link(name, path)
    except FileExistsError:
        winner = _read_lock(folder)
        if winner is None:
            raise
        raise _held(folder, winner, None) from None
    finally:
        os.unlink(name)
    sync_directory(folder)


def _read_lock(folder: Path) -> Lock | None:
    path = folder / LOCK
    value = read_json(path, None)
    if value is None:
        return None
    try:
        known = {name: value[name] for name in (field.name for field in fields(Lock))}
        return Lock(**{**known, "pid": int(known["pid"]), "started": int(known["started"])})
    except (TypeError, KeyError, ValueError) as error:
        raise StrataError(
            f"Reading {path}: it is not a deploy lock. Look who wrote it, then remove it."
        ) from error


def _read_drained(folder: Path) -> Drained:
    path = folder / DRAINED
    value = read_json(path, {})
    if not isinstance(value, dict) or not all(isinstance(members, dict) for members in value.values()):
        raise StrataError(f"Reading {path}: it is not a record of drained members by balancer. Mend it.")
    return value


def _read_contracted(folder: Path) -> str | None:
    path = folder / CONTRACTED
    value = read_json(path, {"version": None})
    if not isinstance(value, dict) or not isinstance(value.get("version"), (str, type(None))):
        raise StrataError(f"Reading {path}: it is not a record of the contracted schema. Mend it.")
    version: str | None = value["version"]
    return version


def _write_drained(folder: Path, recorded: Drained, wanted: Drained) -> None:
    if wanted == recorded:
        return
    if any(wanted.values()):
        write_json(folder / DRAINED, wanted)
    else:
        (folder / DRAINED).unlink(missing_ok=True)
        sync_directory(folder)


def _joined(recorded: Drained, added: Drained) -> Drained:
    """Both records; a member's definition as first recorded, which is the one it had in rotation."""
    return {
        balancer: {**added.get(balancer, {}), **recorded.get(balancer, {})}
        for balancer in {**recorded, **added}
    }


def _entry(lock: Lock, journal: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": lock.id,
        "version": lock.version,
        "user": lock.user,
        "host": lock.host,
        "opened": lock.since,
        "closed": utc_now(),
        **journal,
    }


def _held(folder: Path, lock: Lock, wanted_id: str | None) -> StrataError:
    alive = {
        True: "which is running",
        False: "which is dead",
        None: "of which it cannot be seen from here if it runs",
    }
    other = f", not '{wanted_id}'," if wanted_id else ""
    return StrataError(
        f"The deploy lock {folder / LOCK} is held by '{lock.id}'{other} since {lock.since}: {lock.user} on {lock.host} "
        f"deploys version {lock.version} (process {lock.pid}, {alive[lock.is_alive()]}). Wait for it to end; "
        f"if you are sure that it is dead, run again with -e deployment_break_lock={lock.id}",
        lock=asdict(lock),
    )
