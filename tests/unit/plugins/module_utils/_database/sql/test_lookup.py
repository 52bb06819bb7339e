# SPDX-License-Identifier: GPL-3.0-or-later
"""Where names without a schema are looked up."""

from __future__ import annotations

from collections.abc import Hashable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.lookup import Lookup, forgets
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


def place(sql: str, lookup: Lookup | None = None, transactional: bool = True) -> Hashable:
    lookup = lookup or Lookup()
    for statement in statements(sql):
        lookup.follow(statement, transactional=transactional)
    return lookup.place


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SET work_mem TO '1GB'",
        "SET search_path TO a; RESET search_path",
        "SET search_path TO a; SET search_path TO DEFAULT",
        "SET search_path TO a; RESET ALL",
        "SET ROLE a; SET ROLE NONE",
        "SET ROLE a; RESET ROLE",
        "SET SESSION AUTHORIZATION a; SET ROLE b; RESET SESSION AUTHORIZATION",
        "SET SESSION AUTHORIZATION a; SET SESSION AUTHORIZATION DEFAULT",
        "SET search_path TO a; SET ROLE b; DISCARD ALL",
        "SELECT set_config('work_mem', '1GB', true)",
        "DO $$ BEGIN PERFORM 1; END $$",
        "ALTER ROLE a SET work_mem TO '1GB'",
    ],
)
def test_names_are_looked_up_where_they_were(sql: str) -> None:
    assert place(sql) == Lookup().place


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SET search_path TO a", "SET search_path = a"),
        ("SET search_path TO a", "SET SESSION search_path TO a"),
        ("SET search_path TO a", "SET LOCAL search_path TO a"),
        ("SET ROLE a", "SET SESSION ROLE a"),
        ("SET ROLE a", "SET role TO a"),
        ("SET SESSION AUTHORIZATION a", "SET session_authorization TO a"),
    ],
)
def test_two_ways_to_say_it_are_the_same_place(one: str, other: str) -> None:
    assert place(one) == place(other) != Lookup().place


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT set_config('search_path', a, true) FROM b",
        "CALL p()",
        "EXECUTE s",
        "UPDATE pg_catalog.pg_settings SET setting = a",
        "DO $$ BEGIN SET ROLE a; END $$",
    ],
)
def test_what_cannot_be_told_is_never_the_same_place(sql: str) -> None:
    lookup = Lookup()
    assert len({lookup.place, place(sql, lookup), place(sql, lookup)}) == 3


def test_what_is_set_locally_holds_in_a_transaction_alone() -> None:
    sql = "SET LOCAL search_path TO a"
    assert place(sql) != place(sql, transactional=False)


def test_the_next_migration_begins_as_the_first_one_did_unless_later_sessions_do_not() -> None:
    lookup = Lookup()
    first = lookup.place
    place("SET search_path TO a; SET ROLE b; USE c", lookup)
    lookup.restart()
    assert lookup.place == first
    place("ALTER DATABASE shop SET search_path TO a", lookup)
    lookup.restart()
    assert lookup.place != first


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ATTACH 'x' AS y", True),
        ("DETACH y", True),
        ("DISCARD TEMP", True),
        ("ROLLBACK TO SAVEPOINT s", True),
        ("ALTER SCHEMA a RENAME TO b", True),
        ("ALTER SCHEMA a OWNER TO b", False),
        ("ROLLBACK", False),
    ],
)
def test_after_some_statements_names_may_stand_for_other_things(sql: str, expected: bool) -> None:
    (statement,) = statements(sql)
    assert forgets(statement) == expected
