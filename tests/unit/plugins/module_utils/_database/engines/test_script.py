# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts share that run inside a release."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.engines.script import (
    Progress,
    RefusalError,
    is_long,
    limit,
    only_read,
    reason,
    system_of,
)


class DriverError(Exception):
    """As psycopg's."""

    sqlstate = "55P03"


class WrappedError(Exception):
    """As SQLAlchemy's."""

    orig = DriverError("canceling statement due to lock timeout")


def test_what_a_transaction_did_stays_only_once_it_is_committed() -> None:
    progress = Progress()
    progress.begin("1_orders")
    for statement in ("BEGIN", "CREATE TABLE orders (id integer)", "SELECT 1"):
        progress.executing(statement, alone=False)
        progress.executed()
    assert progress.failure(ValueError("no"))["kept"] == []
    progress.executing("COMMIT", alone=False)
    progress.executed()
    assert progress.failure(ValueError("no"))["kept"] == ["CREATE TABLE orders (id integer)"]


def test_where_the_database_takes_nothing_back_each_statement_stays() -> None:
    progress = Progress()
    progress.takes_back = False
    progress.begin("1_orders")
    progress.executing("CREATE TABLE orders (id integer)", alone=False)
    progress.executed()
    progress.executing("ALTER TABLE orders ADD x int", alone=False)
    failure = progress.failure(ValueError("no"))
    assert failure["kept"] == ["CREATE TABLE orders (id integer)"]
    assert failure["error"] == "ValueError: no, at ALTER TABLE orders ADD x int"


def test_a_failure_names_what_is_done_and_in_hand() -> None:
    progress = Progress()
    progress.begin("1_orders")
    progress.end()
    progress.begin("2_notes")
    progress.executing("CREATE INDEX CONCURRENTLY i ON t (a)", alone=True)
    assert progress.failure(RefusalError("It is refused.")) == {
        "done": ["1_orders"],
        "migration": "2_notes",
        "error": "It is refused., at CREATE INDEX CONCURRENTLY i ON t (a)",
        "locked": False,
        "kept": [],
        "unfinished": "CREATE INDEX CONCURRENTLY i ON t (a)",
    }


@pytest.mark.parametrize(
    ("error", "locked"),
    [
        (DriverError("lock timeout"), True),
        (WrappedError("wrapped"), True),
        (Exception(1205, "Lock wait timeout exceeded"), True),
        (Exception({"C": "40P01"}), True),
        (Exception("database is locked"), True),
        (Exception(1064, "syntax"), False),
        (Exception(), False),
    ],
)
def test_a_refused_lock_is_known_whatever_wraps_it(error: Exception, locked: bool) -> None:
    assert Progress().failure(error)["locked"] is locked
    outer = RuntimeError("outer")
    outer.__cause__ = error
    assert Progress().failure(outer)["locked"] is locked


def test_a_reason_is_the_drivers_in_one_line() -> None:
    assert (
        reason(WrappedError("(SQL: SELECT s3cret)")) == "DriverError: canceling statement due to lock timeout"
    )
    assert reason(ValueError("a\n  b")) == "ValueError: a b"
    assert reason(ValueError()) == "ValueError"


SESSIONS = {
    "made": {
        "drivers": "madedb|madelib",
        "read_only": "SET READ ONLY",
        "limits": ["SET LIMIT 1", "SET LIMIT 2"],
        "long": ["SET LIMIT 0"],
    }
}


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the engine tells the script of a made-up database system."""
    monkeypatch.setenv("STRATA_SESSIONS", json.dumps(SESSIONS))


@pytest.mark.usefixtures("sessions")
def test_a_connection_is_set_as_its_system_says() -> None:
    said: list[str] = []
    assert system_of("madelib.connection") == "made"
    limit("made", said.append)
    limit("made", said.append, long=True)
    only_read("made", said.append)
    assert said == ["SET LIMIT 1", "SET LIMIT 2", "SET LIMIT 0", "SET READ ONLY"]


@pytest.mark.usefixtures("sessions")
def test_an_unknown_system_is_left_as_it_is() -> None:
    said: list[Any] = []
    assert system_of("cx_Oracle") == ""
    limit("", said.append)
    only_read("", said.append)
    assert said == []


def test_a_statement_that_only_waits_for_others_is_a_long_one() -> None:
    assert is_long("create index concurrently i on t (a)")
    assert not is_long("CREATE INDEX i ON t (a)")
