# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the migrations of a run define, before the database has it."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import UnknownCatalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.defined import DefinedCatalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


class Made(UnknownCatalog):
    """A database that has the function steady, which is not volatile, and the domain loose, which checks nothing."""

    def is_volatile(self, function: object, arguments: int, *, anywhere: bool) -> bool | None:
        return False if function == ("steady",) else None


def defined(sql: str) -> DefinedCatalog:
    catalog = DefinedCatalog(Made(), POSTGRESQL)
    for statement in statements(sql, POSTGRESQL):
        catalog.define(statement)
    return catalog


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", None),
        ("CREATE FUNCTION f() RETURNS int AS 'x'", True),
        ("CREATE OR REPLACE FUNCTION shop.f() RETURNS int IMMUTABLE AS 'x'", False),
        ("CREATE FUNCTION \"f\"() RETURNS int STABLE AS 'x'", False),
        ("CREATE FUNCTION \"F\"() RETURNS int STABLE AS 'x'", None),
        ("CREATE FUNCTION f() RETURNS int IMMUTABLE AS 'x'; ALTER FUNCTION f() VOLATILE", True),
        ("CREATE FUNCTION f(a int) RETURNS int AS 'x'; CREATE FUNCTION f() RETURNS int STABLE AS 'x'", True),
    ],
)
def test_a_function_is_volatile_unless_it_says_otherwise(sql: str, expected: bool | None) -> None:
    assert defined(sql).is_volatile(("f",), 0, anywhere=False) is expected


def test_what_the_run_defines_goes_before_what_the_database_has() -> None:
    assert defined("SELECT 1").is_volatile(("steady",), 0, anywhere=False) is False
    changed = defined("CREATE OR REPLACE FUNCTION steady() RETURNS int AS 'x'")
    assert changed.is_volatile(("steady",), 0, anywhere=False) is True


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE DOMAIN d AS int", False),
        ("CREATE DOMAIN d AS int CHECK (VALUE > 0)", True),
        ("CREATE DOMAIN shop.d AS int NOT NULL", True),
        ("CREATE DOMAIN d AS int DEFAULT random()", True),
        ("ALTER DOMAIN d ADD CHECK (VALUE > 0)", True),
    ],
)
def test_a_domain_is_checked_that_has_more_than_its_type(sql: str, expected: bool) -> None:
    assert defined(sql).is_checked(("d",)) is expected


def test_the_rest_is_the_databases() -> None:
    catalog = defined("CREATE DOMAIN d AS int")
    assert not catalog.is_empty()
    assert catalog.is_unique(("i",), ())
    assert catalog.constraint(("t",), ("k",)) == "unique"
    assert catalog.columns(("v",)) is None
    assert not catalog.has_grants(("v",), routine=False)
    assert not catalog.has_default(("t",), "c")
    assert not catalog.is_checked(("e",))
