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


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = {
        "drivers": "shopper|shopdb",
        "read_only": "READ",
        "limits": ["LOCK 1", "RUN 2"],
        "long": ["LOCK 0"],
    }
    monkeypatch.setenv("STRATA_SESSIONS", json.dumps({"shop": shop, "other": {**shop, "drivers": "other"}}))


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(("long", "expected"), [(False, ["LOCK 1", "RUN 2"]), (True, ["LOCK 0"])])
def test_a_connection_gets_the_timeouts_that_were_sent(long: bool, expected: list[str]) -> None:
    said: list[str] = []
    limit("shop", said.append, long=long)
    assert said == expected


@pytest.mark.usefixtures("sessions")
def test_a_connection_can_be_made_to_only_read() -> None:
    said: list[str] = []
    only_read("shop", said.append)
    assert said == ["READ"]


@pytest.mark.usefixtures("sessions")
@pytest.mark.parametrize(
    ("driver", "system"), [("shopdb.connection", "shop"), ("other.connection", "other"), ("oracle", "")]
)
def test_a_system_is_known_by_its_driver(driver: str, system: str) -> None:
    assert system_of(driver) == system


def test_a_statement_that_holds_nobody_up_is_known() -> None:
    assert is_long("create index concurrently i on t (a)")
    assert not is_long("CREATE INDEX i ON t (a)")


@pytest.mark.usefixtures("sessions")
def test_an_unknown_system_is_left_as_it_is() -> None:
    said: list[Any] = []
    only_read("oracle", said.append)
    limit("oracle", said.append)
    assert said == []
