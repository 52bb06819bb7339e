# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deploy lock of an app: who deploys, and which members a deployment took out of rotation.

An app's folder holds ``lock.json`` while a deployment runs, ``drained.json`` while members are out,
``contracted.json`` once the schema has been contracted, and the journal. Only one process at a time reads, decides and
writes (``.guard``). Each file is either the old or the new one, so the next run can go on after a kill at any point.

A run takes the lock once, confirms it before everything that it changes, and releases it. Confirming never takes it: a
run that has lost its lock must not get it back, because another run may have changed things in between.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import processes, trust
from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    read_json,
    sync_directory,
    write_json,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._deployment.journal import (
    JOURNAL,
    append,
    last_entry_of,
    tail,
)

LOCK = "lock.json"
DRAINED = "drained.json"
CONTRACTED = "contracted.json"
GUARD = ".guard"

Drained = Mapping[str, Mapping[str, Any]]
"""Balancer host -> member -> the definition that puts it back."""
Restored = Mapping[str, Sequence[str]]
"""Balancer host -> members that are back in rotation."""


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
    machine_id: str = ""

    def is_same_run(self, other: Lock) -> bool:
        """Whether both were taken by one deployment in one controller process."""
        return replace(self, since="", note="") == replace(other, since="", note="")

    def is_alive(self) -> bool | None:
        """Whether its process runs; None where that cannot be known from here.

        A process can only be looked up from its own machine and pid namespace. A host name does not identify a
        machine: runners of one CI system and clones share it.

        - The same boot id means the same kernel, so the process is looked up.
        - Another boot id means that this machine was booted since, and the process is dead. That takes the same
          machine id, and the namespace outside of all containers: containers on two machines can share all of host
          name, machine id (from their image) and the number of their namespace.
        """
        boot_id, pid_ns, machine_id = processes.boot_id(), processes.pid_namespace(), processes.machine_id()
        if not (boot_id and self.boot_id and pid_ns):
            return None
        if (self.host, self.pid_ns) != (socket.gethostname(), pid_ns):
            return None
        if self.machine_id != machine_id and self.machine_id and machine_id:
            return None
        if self.boot_id == boot_id:
            return processes.is_running(self.pid, self.started)
        was_booted = self.machine_id == machine_id != "" and pid_ns == processes.INITIAL_PID_NAMESPACE
        return False if was_booted else None


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
    """The content of an app's folder, for a reader; ``journal`` has the newest entry first."""

    lock: Lock | None
    drained: Drained
    journal: tuple[dict[str, Any], ...]


def read_deployment(folder: Path, entries: int) -> Deployment:
    """Read an app's folder without waiting for anyone; nothing is there before the first deployment."""
    with _naming_folder("Reading", folder):
        _require_trusted(folder)
        return Deployment(_read_lock(folder), _read_drained(folder), tail(folder, entries))


def ensure_held(
    folder: Path,
    holder: Lock,
    *,
    note: str | None = None,
    break_id: str | None = None,
    check_mode: bool = False,
) -> LockResult:
    """Take the lock, unless ``holder`` has it already.

    Args:
        note: replaces the lock's note; None leaves it alone.
        break_id: id of a lock that is taken over although its holder may be alive. The journal then has an
            entry for the deployment that lost it.

    Raises:
        StrataError: another deployment holds it.
    """
    with _naming_folder("Taking the deploy lock in", folder), _alone(folder, check_mode):
        former, recorded = _read_lock(folder), _read_drained(folder)
        contracted = _read_contracted(folder)
        if former is not None and former.is_same_run(holder):
            unfinished = None
            lock = former if note is None else replace(former, note=note)
        else:
            if former is not None and former.id != break_id and former.is_alive() is not False:
                raise _held(folder, former, break_id)
            unfinished = former
            lock = replace(holder, since=utc_now(), note=note or "")
        if not check_mode:
            if former is None:
                _create(folder / LOCK, lock, folder)
            elif lock != former:
                if unfinished is not None and unfinished.id == break_id:
                    append(folder, _broken_entry(unfinished, lock))
                write_json(folder / LOCK, asdict(lock))
        return LockResult(lock != former, former, lock, recorded, recorded, unfinished, contracted)


def ensure_confirmed(
    folder: Path,
    holder: Lock,
    *,
    note: str | None = None,
    drained: Drained | None = None,
    restored: Restored | None = None,
    contracted: str | None = None,
    check_mode: bool = False,
) -> LockResult:
    """Make sure that ``holder`` still has the lock, and write down what it is about to do. Never takes the lock.

    In check mode no lock was taken, so where ``holder`` does not have it, it is treated as if it did.

    Args:
        note: replaces the lock's note; None leaves it alone.
        drained: members that are added to the drained record. One that is in it keeps its definition, which is the
            one that it had in rotation.
        restored: members that are removed from it, unless they are in ``drained`` too.
        contracted: from which version on releases work with the schema that the deployment is about to make.

    Raises:
        StrataError: the lock is gone, or another run holds it; nothing is written then.
    """
    _validate_record(drained, restored)
    with _naming_folder("Confirming the deploy lock in", folder):
        if not check_mode and not folder.is_dir():
            raise _lost(folder, holder, None)
        with _alone(folder, check_mode):
            before, recorded = _read_lock(folder), _read_drained(folder)
            former = before
            if former is None or not former.is_same_run(holder):
                if not check_mode:
                    raise _lost(folder, holder, former)
                former = holder
            lock = former if note is None else replace(former, note=note)
            wanted = _without(_joined(recorded, drained or {}), restored or {}, drained or {})
            if not check_mode:
                _write_drained(folder, recorded, wanted)
                if lock != former:
                    write_json(folder / LOCK, asdict(lock))
                if contracted is not None:
                    write_json(
                        folder / CONTRACTED,
                        {"version": contracted, "since": utc_now(), "deployment": lock.id},
                    )
            known = contracted if contracted is not None else _read_contracted(folder)
            changed = lock != former or wanted != recorded or contracted is not None
            return LockResult(changed, before, lock, recorded, wanted, None, known)


def ensure_absent(
    folder: Path,
    holder: Lock,
    *,
    restored: Restored | None = None,
    journal: Mapping[str, Any] | None = None,
    check_mode: bool = False,
) -> LockResult:
    """Release the lock of ``holder``, who is known by its id; the journal entry and the record are on disk before it goes.

    A run that has lost its lock still gets its journal entry, marked with ``lock: lost``. Nothing else is written then.
    In check mode no lock was taken, so it is no failure that there is none.

    Args:
        restored: members that are removed from the drained record.

    Raises:
        StrataError: the lock is gone, or another run holds it.
    """
    _validate_record(None, restored)
    with _naming_folder("Releasing the deploy lock in", folder), _alone(folder, check_mode):
        former, recorded = _read_lock(folder), _read_drained(folder)
        wanted = _without(recorded, restored or {})
        if former is None or former.id != holder.id:
            if not check_mode:
                raise _lost_at_the_end(folder, holder, former, journal)
            return LockResult(wanted != recorded, former, former, recorded, wanted)
        if not check_mode:
            if journal is not None:
                append(folder, {**_identity(former), "closed": utc_now(), **journal})
            _write_drained(folder, recorded, wanted)
            os.unlink(folder / LOCK)
            sync_directory(folder)
        return LockResult(True, former, None, recorded, wanted)


@contextmanager
def _naming_folder(deed: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StrataError(
            f"{deed} {folder}: {error.strerror}. All controllers must reach it as one user who may write there."
        ) from error


@contextmanager
def _alone(folder: Path, check_mode: bool) -> Iterator[None]:
    _require_trusted(folder)
    if check_mode:
        yield
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with exclusive(folder / GUARD, create=True):
        for leftover in [*folder.glob(f".{LOCK}.*"), *folder.glob(f".{DRAINED}.*")]:
            leftover.unlink()  # a writer was killed; none is at work now
        yield


def _require_trusted(folder: Path) -> None:
    """What is read here decides what is changed in the balancers."""
    names = (LOCK, DRAINED, CONTRACTED, JOURNAL, GUARD)
    trust.require(folder, *(folder / name for name in names), also=trust.operator())


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
        whole = {"machine_id": "", **value}  # locks of earlier versions do not have it
        known = {field.name: whole[field.name] for field in fields(Lock)}
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


def _without(recorded: Drained, restored: Restored, drained: Drained | None = None) -> Drained:
    """The record without the members that were put back, except those that are drained again."""
    left = {
        balancer: {
            member: definition
            for member, definition in members.items()
            if member not in restored.get(balancer, ()) or member in (drained or {}).get(balancer, {})
        }
        for balancer, members in recorded.items()
    }
    return {balancer: members for balancer, members in left.items() if members}


def _validate_record(drained: Drained | None, restored: Restored | None) -> None:
    """Refuse shapes that would lose members, such as the name of one member in place of a list."""
    for option, record, wanted in (
        ("drained", drained, dict),
        ("restored", restored, list),
    ):
        for balancer, members in (record or {}).items():
            if not isinstance(members, wanted):
                shape = "a dictionary of definitions by member" if wanted is dict else "a list of members"
                raise StrataError(
                    f"The members of balancer '{balancer}' in the option '{option}' must be {shape}, "
                    f"not {type(members).__name__}. Nothing was written."
                )


def _identity(lock: Lock) -> dict[str, Any]:
    """How a journal entry names a deployment; ``opened`` is None where it is not known any more."""
    return {
        "id": lock.id,
        "version": lock.version,
        "user": lock.user,
        "host": lock.host,
        "opened": lock.since or None,
    }


def _broken_entry(broken: Lock, by: Lock) -> dict[str, Any]:
    """The journal entry for a deployment whose lock is broken. If it still runs, it adds an entry of its own later."""
    return {
        **_identity(broken),
        "closed": by.since,
        "occasion": "deployment",
        "outcome": "unknown",
        "lock": "broken",
        "note": broken.note,
        "broken_by": {"id": by.id, "user": by.user, "host": by.host},
    }


def _lost_at_the_end(
    folder: Path, holder: Lock, former: Lock | None, journal: Mapping[str, Any] | None
) -> StrataError:
    """The error for a run that wants to release a lock which it has lost; its journal entry is written first."""
    entry = last_entry_of(folder, holder.id)
    error = _lost(folder, holder, former)
    if journal is None or (entry is not None and entry.get("lock") != "broken"):
        return error  # an entry of its own is there already
    lost = {"lock": "lost", "held_by": former.id if former else None}
    opened = {**_identity(holder), "opened": entry.get("opened") if entry else None}
    try:
        append(folder, {**opened, "closed": utc_now(), **journal, **lost})
    except OSError as problem:
        return StrataError(
            f"{error} The journal entry could not be written either: {problem.strerror}.", **error.details
        )
    return error


def _lost(folder: Path, holder: Lock, former: Lock | None) -> StrataError:
    """The error for a run that no longer has its lock: who has it now, why, and what to do."""
    entry = last_entry_of(folder, holder.id) or {}
    if entry.get("lock") == "broken":
        by = entry.get("broken_by") or {}
        why = f"broken by '{by.get('id')}' ({by.get('user')} on {by.get('host')}) at {entry.get('closed')}"
    elif entry.get("lock") == "lost":
        why = f"lost by this run before {entry.get('closed')}"
    elif entry:
        why = f"released by this run at {entry.get('closed')}"
    else:
        why = "the journal does not say why"
    if former is None:
        found = f"the lock is gone: {why}"
    else:
        found = f"it is held by {_described(former)}" + (f"; it was {why}" if entry else "")
    return StrataError(
        f"The deploy lock {folder / LOCK} is not held by this run '{holder.id}' any more: {found}. "
        "This run has lost its lock and changes nothing more. "
        "See with status.yml what runs where and who deploys, then deploy again.",
        lock=asdict(former) if former else None,
    )


def _described(lock: Lock) -> str:
    """Who holds a lock, for a message."""
    alive = {
        True: "which is running",
        False: "which is dead",
        None: "and whether it is still running cannot be checked from here",
    }
    return (
        f"'{lock.id}' since {lock.since}: {lock.user} on {lock.host} deploys version {lock.version} "
        f"(process {lock.pid}, {alive[lock.is_alive()]})"
    )


def _held(folder: Path, lock: Lock, break_id: str | None) -> StrataError:
    other = f" That is not '{break_id}', whose lock was to be broken." if break_id else ""
    return StrataError(
        f"The deploy lock {folder / LOCK} is held by {_described(lock)}.{other} Wait for it to end. "
        f"If you are sure that it is dead, run again with -e deployment_break_lock={lock.id}",
        lock=asdict(lock),
    )


STATES: Mapping[str, tuple[Callable[..., LockResult], tuple[str, ...]]] = {
    "absent": (ensure_absent, ("journal", "restored")),
    "confirmed": (ensure_confirmed, ("contracted", "drained", "note", "restored")),
    "held": (ensure_held, ("break_id", "note")),
}
"""Each state with the options that it uses. The others are refused: an ignored record would be a lost one."""


def ensure_lock(params: Mapping[str, Any], check_mode: bool) -> dict[str, Any]:
    """Bring the lock into a state, as the module `deploy_lock` documents it.

    Args:
        params: the module's options; one that is missing was not given.

    Returns:
        What the module answers.

    Raises:
        StrataError: another deployment holds the lock, or an option is not used in this state.
    """
    ensure, used = STATES[params["state"]]
    given = {name for _ensure, names in STATES.values() for name in names if params.get(name) is not None}
    unused = sorted(given - set(used))
    if unused:
        raise StrataError(
            f"With state '{params['state']}' these options are not used: {', '.join(unused)}. "
            f"It uses {', '.join(used)}. Nothing was changed."
        )
    options = {name: params.get(name) for name in used}
    result = ensure(Path(params["path"]), Lock(**params["holder"]), **options, check_mode=check_mode)
    return {
        "changed": result.changed,
        "diff": {
            "before": {"lock": _as_dict(result.before), "drained": result.drained_before},
            "after": {"lock": _as_dict(result.lock), "drained": result.drained},
        },
        "lock": _as_dict(result.lock),
        "unfinished": _as_dict(result.unfinished),
        "drained": result.drained,
        "contracted": result.contracted,
    }


def _as_dict(lock: Lock | None) -> dict[str, Any] | None:
    return None if lock is None else asdict(lock)
