# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real MariaDB or MySQL says about its objects."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_catalog import (
    MysqlCatalog,
)


@pytest.fixture
def database(mysql_url: str) -> Iterator[Database]:
    with drivers.opened(resolve(mysql_url, None, {}), read_only=False) as database:
        yield database


@pytest.fixture
def catalog(database: Database) -> MysqlCatalog:
    return MysqlCatalog(database.query)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("SELECT 1", True),
        ("CREATE TABLE schema_migrations (version varchar(9))", True),
        ("CREATE TABLE t (a int)", False),
        ("CREATE VIEW v AS SELECT 1", False),
    ],
)
def test_a_database_is_empty_without_tables_of_its_users(
    database: Database, catalog: MysqlCatalog, script: str, expected: bool
) -> None:
    database.script(script)
    assert catalog.is_empty() is expected


def test_keys_and_constraints(database: Database, catalog: MysqlCatalog) -> None:
    schema = database.query("SELECT DATABASE()")[0][0]
    database.script(
        "CREATE TABLE T (id int PRIMARY KEY, a int, b int, UNIQUE KEY U (a), KEY i (b),"
        " CONSTRAINT f FOREIGN KEY (b) REFERENCES T (id), CONSTRAINT c CHECK (a > 0))"
    )
    assert [catalog.is_unique((name,), ("t",)) for name in ("primary", "u", "i", "absent")] == [
        *(True, True),
        *(False, False),
    ]
    assert catalog.is_unique(("u",), (schema, "t"))
    database.script("CREATE TABLE Maße (Ä int DEFAULT 1, UNIQUE KEY Ü (Ä))")
    assert catalog.is_unique(("Ü",), ("Maße",))
    assert catalog.has_default(("Maße",), "Ä")
    assert not catalog.is_unique(("u",), ("other", "t"))
    kinds = {name: catalog.constraint(("t",), (name,)) for name in ("primary", "u", "f", "c", "absent")}
    assert kinds == {"primary": "unique", "u": "unique", "f": "foreign", "c": "check", "absent": ""}


def test_columns_and_defaults(database: Database, catalog: MysqlCatalog) -> None:
    database.script("CREATE TABLE t (a int DEFAULT 1, b int, c int NOT NULL)")
    database.script("CREATE VIEW v AS SELECT a, b AS B2 FROM t")
    assert catalog.columns(("v",)) == ["a", "b2"]
    assert catalog.columns(("absent",)) == []
    assert [catalog.has_default(("t",), name) for name in "abcd"] == [True, False, False, False]


def test_what_it_does_not_have(catalog: MysqlCatalog) -> None:
    assert catalog.is_volatile(("uuid",), 0, anywhere=False) is None
    assert not catalog.has_grants(("v",), routine=False)
    assert not catalog.is_checked(("int",))
