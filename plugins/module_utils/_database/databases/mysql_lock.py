# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lock of the migrators on MySQL: a named lock of the session (GET_LOCK).

The server frees it when the session ends, however that came. It is one server's own: where several take writes (Galera,
group replication), migrate at one of them.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database

POLL_INTERVAL = 0.1
CLOSE_WAIT = 10
"""Seconds in which the server notices that the session of the migration before has been closed."""
IDLE = 28800
"""Seconds that the session with the lock may be idle while a tool works: what MySQL has by itself."""


@contextmanager
def locked(database: Database, name: str, wait: float) -> Iterator[None]:
    """Hold the lock of the database ``name``.

    Args:
        wait: seconds to wait for another migrator, and for the session in which one that died has left a statement.

    Raises:
        StrataError: another migrator keeps it; the error says which.
    """
    deadline = time.monotonic() + wait
    with _held(database, _lock_name(name), wait, deadline):
        work = _lock_name(name, "work")
        while database.query("SELECT IS_FREE_LOCK(?)", (work,)) == [(0,)]:
            _wait(database, work, wait, deadline)
        database.query(f"SET SESSION wait_timeout = GREATEST(@@SESSION.wait_timeout, {IDLE})")
        yield


@contextmanager
def at_work(database: Database, name: str) -> Iterator[None]:
    """Make the next migrator wait until this session ends, in which a migration of the database ``name`` runs.

    The server ends the statement of a killed client before it ends its session.
    """
    with _held(database, _lock_name(name, "work"), CLOSE_WAIT, time.monotonic() + CLOSE_WAIT):
        yield


def is_locked(database: Database, name: str) -> bool:
    """Whether this session holds the lock."""
    return _is_own(database, _lock_name(name))


def is_at_work(database: Database, name: str) -> bool:
    """Whether this session still holds the lock of `at_work`."""
    return _is_own(database, _lock_name(name, "work"))


def _is_own(database: Database, lock: str) -> bool:
    return database.query("SELECT IS_USED_LOCK(?) = CONNECTION_ID()", (lock,)) == [(1,)]


@contextmanager
def _held(database: Database, lock: str, wait: float, deadline: float) -> Iterator[None]:
    # Asking again and again, for max_statement_time would end a GET_LOCK that waits inside the server.
    while database.query("SELECT GET_LOCK(?, 0)", (lock,)) != [(1,)]:
        _wait(database, lock, wait, deadline)
    try:
        yield
    finally:
        with suppress(StrataError):  # a broken connection has freed it already
            database.query("SELECT RELEASE_LOCK(?)", (lock,))


def _wait(database: Database, lock: str, wait: float, deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise StrataError(
            f"{database.shown} was being migrated by another for {wait:g} s: {_holder(database, lock)}. "
            "Let it end and try again."
        )
    time.sleep(POLL_INTERVAL)


def _lock_name(database: str, kind: str = "migration") -> str:
    """The server's own, of all databases on it; 64 characters at most."""
    name = f"strata {kind} {database}"
    hashed = database if kind == "migration" else name
    return name if len(name) <= 64 else f"strata {hashlib.sha256(hashed.encode()).hexdigest()[:56]}"


def _holder(database: Database, name: str) -> str:
    for (number,) in database.query("SELECT IS_USED_LOCK(?)", (name,)):
        if number is None:
            break
        application = "another"
        for table in ("session_account_connect_attrs", "session_connect_attrs"):
            with suppress(StrataError):  # it may be off, or not for this user to see
                for (value,) in database.query(
                    f"SELECT attr_value FROM performance_schema.{table} "  # noqa: S608 (one of the two)
                    "WHERE processlist_id = ? AND attr_name = 'program_name'",
                    (number,),
                ):
                    application = f"'{value}'"
        for user, host, command, seconds in database.query(
            "SELECT user, host, command, time FROM information_schema.processlist WHERE id = ?", (number,)
        ):
            return f"{application} of user {user} from {host}, connection {number}, {command} for {seconds} s"
        return f"{application}, connection {number} of a user that this one may not see without the privilege PROCESS"
    return "it has just ended"
