# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real PostgreSQL says about its objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_catalog import (
    PostgresqlCatalog,
)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with drivers.opened(resolve(url, None, {}), read_only=False) as database:
        yield database


@pytest.fixture
def catalog(database: Database) -> PostgresqlCatalog:
    return PostgresqlCatalog(database.query)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1", True),
        (
            "CREATE TABLE alembic_version (version_num text); CREATE TABLE strata_progress (version text)",
            True,
        ),
        ("CREATE TEMP TABLE t (a int); CREATE FUNCTION f() RETURNS int RETURN 1", True),
        ("CREATE SCHEMA hidden; CREATE TABLE hidden.t (a int)", False),
        ("CREATE VIEW v AS SELECT 1 AS a", False),
        ("CREATE TABLE t (a int) PARTITION BY LIST (a)", False),
    ],
)
def test_a_database_is_empty_without_tables_of_its_users(
    database: Database, catalog: PostgresqlCatalog, script: str, expected: bool
) -> None:
    database.script(script)
    assert catalog.is_empty() is expected


def test_an_index_is_unique_or_not(database: Database, catalog: PostgresqlCatalog) -> None:
    database.script(
        "CREATE TABLE t (a int CONSTRAINT u UNIQUE, b int); CREATE INDEX i ON t (b); CREATE SCHEMA s;"
        "CREATE TABLE s.t (a int); CREATE UNIQUE INDEX i ON s.t (a)"
    )
    assert catalog.is_unique(("u",), ())
    assert catalog.is_unique(("i",), ())  # one of them
    assert catalog.is_unique(("s", "i"), ())
    assert not catalog.is_unique(("public", "i"), ())
    assert not catalog.is_unique(("absent",), ())


def test_the_kind_of_a_constraint(database: Database, catalog: PostgresqlCatalog) -> None:
    database.script(
        "CREATE TABLE t (id int CONSTRAINT p PRIMARY KEY, a int CONSTRAINT c CHECK (a > 0) CONSTRAINT n NOT NULL,"
        " b int CONSTRAINT f REFERENCES t, CONSTRAINT x EXCLUDE USING btree (b WITH =)); CREATE DOMAIN d AS int CONSTRAINT e CHECK (VALUE > 0)"
    )
    kinds = {name: catalog.constraint(("t",), (name,)) for name in "pcfx"}
    assert kinds == {"p": "unique", "c": "check", "f": "foreign", "x": "unique"}
    assert catalog.constraint(("renamed",), ("p",)) == "unique"
    assert catalog.constraint(("d",), ("e",)) == "check"
    assert catalog.constraint(("t",), ("absent",)) == ""
    assert catalog.constraint(("t",), ("n",)) in ("null", "")  # servers before 18 have none of the kind


def test_a_view_its_columns_and_privileges(database: Database, catalog: PostgresqlCatalog) -> None:
    database.script(
        'CREATE VIEW v AS SELECT 1 AS a, 2 AS "B"; CREATE VIEW granted AS SELECT 1; GRANT SELECT ON granted TO PUBLIC;'
        "CREATE FUNCTION f() RETURNS int RETURN 1; CREATE FUNCTION kept() RETURNS int RETURN 1;"
        "REVOKE ALL ON FUNCTION kept() FROM PUBLIC"
    )
    assert sorted(catalog.columns(("public", "v")) or ()) == ["B", "a"]
    assert catalog.columns(("absent",)) == []
    assert [catalog.has_grants((name,), routine=False) for name in ("v", "granted")] == [False, True]
    assert [catalog.has_grants((name,), routine=True) for name in ("f", "kept")] == [False, True]


def test_whether_a_column_has_a_default(database: Database, catalog: PostgresqlCatalog) -> None:
    database.script("CREATE TABLE t (a int DEFAULT 1, b int)")
    assert [catalog.has_default(("t",), name) for name in "abc"] == [True, False, False]


def test_a_function_is_looked_for_as_the_server_does(database: Database, catalog: PostgresqlCatalog) -> None:
    database.script(
        "CREATE FUNCTION f(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN 1; CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;"
        "CREATE SCHEMA s; CREATE FUNCTION s.g() RETURNS int LANGUAGE sql RETURN 1;"
        "CREATE FUNCTION g() RETURNS int STABLE LANGUAGE sql RETURN 1;"
        "CREATE FUNCTION h(a int, b int DEFAULT 1, VARIADIC c int[] DEFAULT '{}') RETURNS int LANGUAGE sql RETURN 1"
    )
    here = {"anywhere": False}
    assert [catalog.is_volatile(("f",), number, **here) for number in (0, 1, 2)] == [True, False, None]
    assert [catalog.is_volatile(("h",), number, **here) for number in (0, 1, 9)] == [None, True, True]
    assert catalog.is_volatile(("g",), 0, **here) is False
    assert catalog.is_volatile(("g",), 0, anywhere=True) is True
    assert catalog.is_volatile(("s", "g"), 0, **here) is True
    assert catalog.is_volatile(("now",), 0, **here) is False
    assert catalog.is_volatile(("random",), 0, **here) is True
    assert catalog.is_volatile(("pg_catalog", "md5"), 1, **here) is False
    assert catalog.is_volatile(("absent",), 0, **here) is None


def test_a_domain_is_checked_that_has_more_than_its_type(
    database: Database, catalog: PostgresqlCatalog
) -> None:
    database.script(
        "CREATE DOMAIN plain AS int DEFAULT 5; CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE DOMAIN deep AS positive;"
        "CREATE DOMAIN given AS int NOT NULL; CREATE DOMAIN drawn AS float DEFAULT random()"
    )
    names = ("plain", "positive", "deep", "given", "drawn", "int4", "absent")
    assert [catalog.is_checked((name,)) for name in names] == [False, True, True, True, True, False, False]
