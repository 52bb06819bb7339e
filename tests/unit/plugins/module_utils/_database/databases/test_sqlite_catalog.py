# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SQLite says about its objects, by Python's own driver."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite_catalog import (
    SqliteCatalog,
)


def catalog(*statements: str) -> SqliteCatalog:
    connection = sqlite3.connect(":memory:")
    for statement in statements:
        connection.execute(statement)

    def query(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        return connection.execute(sql, tuple(parameters)).fetchall()

    return SqliteCatalog(query)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("SELECT 1", True),
        ("CREATE TABLE schema_migrations (version text)", True),
        ("CREATE TABLE Strata_Progress (version text)", True),
        ("CREATE TABLE t (a)", False),
        ("CREATE TABLE sqlites (a)", False),
        ("CREATE VIEW v AS SELECT 1", False),
    ],
)
def test_a_database_is_empty_without_tables_of_its_users(statement: str, expected: bool) -> None:
    assert catalog(statement).is_empty() is expected


def test_an_index_is_unique_or_not() -> None:
    found = catalog("CREATE TABLE t (a, b)", "CREATE UNIQUE INDEX U ON t (a)", "CREATE INDEX i ON t (b)")
    assert [found.is_unique((name,), ()) for name in ("u", "i", "absent")] == [True, False, False]


def test_the_columns_of_a_view() -> None:
    found = catalog("CREATE VIEW v AS SELECT 1 AS A, 2 AS b")
    assert found.columns(("v",)) == ["a", "b"]
    assert found.columns(("absent",)) == []


def test_what_it_does_not_have() -> None:
    found = catalog()
    assert found.constraint(("t",), ("k",)) == "check"
    assert found.is_volatile(("f",), 0, anywhere=False) is None
    assert (found.has_grants(("v",), routine=False), found.has_default(("t",), "c")) == (False, False)
    assert not found.is_checked(("text",))
