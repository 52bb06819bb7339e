# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts share that run inside a release."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.engines import script
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.script import (
    Progress,
    RefusalError,
    is_long,
    limit,
    only_read,
    reason,
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


@pytest.mark.parametrize(
    ("system", "version", "expected"),
    [
        ("postgresql", "", ["SET lock_timeout = 1500", "SET statement_timeout = 60000"]),
        (
            "mysql",
            "10.11-MariaDB",
            [
                "SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 2",
                "SET SESSION max_statement_time = 60.0",
            ],
        ),
        (
            "mysql",
            "8.4",
            [
                "SET SESSION lock_wait_timeout = 2, innodb_lock_wait_timeout = 2",
                "SET SESSION max_execution_time = 60000",
            ],
        ),
        ("sqlite", "", ["PRAGMA busy_timeout = 1500"]),
    ],
)
def test_timeouts_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, system: str, version: str, expected: list[str]
) -> None:
    for name, value in {"LOCK": "1.5", "STATEMENT": "60"}.items():
        monkeypatch.setenv(f"STRATA_{name}_TIMEOUT", value)
    said: list[str] = []
    limit(system, said.append, version)
    assert said[: len(expected)] == expected


def test_a_long_statement_has_timeouts_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATA_LONG_LOCK_TIMEOUT", "0")
    monkeypatch.setenv("STRATA_LONG_STATEMENT_TIMEOUT", "0")
    said: list[str] = []
    limit("postgresql", said.append, long=True)
    assert said[:2] == ["SET lock_timeout = 0", "SET statement_timeout = 0"]
    assert is_long("create index concurrently i on t (a)")
    assert not is_long("CREATE INDEX i ON t (a)")


@pytest.mark.parametrize("system", sorted(script._READ_ONLY))
def test_a_connection_can_be_made_to_only_read(system: str) -> None:
    said: list[str] = []
    only_read(system, said.append)
    assert len(said) == 1


def test_an_unknown_system_is_left_as_it_is() -> None:
    said: list[Any] = []
    only_read("oracle", said.append)
    assert said == []
