# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is dropped and created again in one migration, or replaced, and what of it queries miss."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import UnknownCatalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.replaced import (
    is_created_again,
    keeps_columns,
    replaces_view,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


class Made(UnknownCatalog):
    """A database with the view v (a, b), and granted, on which privileges were given."""

    def columns(self, view: Sequence[str]) -> Sequence[str] | None:
        return ["a", "b"] if view[-1] in ("v", "granted") else []

    def has_grants(self, name: Sequence[str], *, routine: bool) -> bool:
        return name[-1] == "granted"


def again(sql: str) -> bool:
    dropped, *later = statements(sql, POSTGRESQL)
    return is_created_again(dropped, later, POSTGRESQL, Made())


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW v; CREATE VIEW v AS SELECT b, t.a, count(*) AS n FROM t",
        "DROP VIEW IF EXISTS shop.V; CREATE OR REPLACE VIEW shop.v (a, b, c) AS SELECT 1, 2, 3",
        "DROP VIEW absent; CREATE VIEW absent AS SELECT * FROM t",
        "DROP VIEW v, absent; CREATE VIEW absent AS SELECT 1; CREATE VIEW v AS SELECT DISTINCT a, 'x, y' AS b",
        "DROP VIEW granted; CREATE VIEW granted AS SELECT a, b FROM t; GRANT SELECT ON granted TO web",
        "DROP FUNCTION f(int); CREATE FUNCTION f(int) RETURNS int AS 'x'",
        "DROP FUNCTION IF EXISTS f(a int, text[]); CREATE FUNCTION F(IN a INT, b text[] DEFAULT NULL) RETURNS int AS 'x'",
        "DROP FUNCTION f(int); CREATE FUNCTION f(a int, b int = 1, OUT c int) AS 'x'",
        "DROP FUNCTION f; CREATE FUNCTION f() RETURNS trigger AS 'x'",
        "DROP PROCEDURE p(); CREATE PROCEDURE p() AS 'x'",
        "DROP TRIGGER IF EXISTS g ON t; CREATE CONSTRAINT TRIGGER g AFTER INSERT ON t EXECUTE FUNCTION f()",
        "DROP TRIGGER g; SELECT 1; CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
    ],
)
def test_nothing_is_lost(sql: str) -> None:
    assert again(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DROP VIEW v",
        "DROP VIEW v; CREATE VIEW w AS SELECT a, b FROM t",
        "DROP VIEW v; CREATE VIEW v AS SELECT a FROM t",
        "DROP VIEW v; CREATE VIEW v AS SELECT a, b AS c FROM t",
        "DROP VIEW v; CREATE VIEW v AS SELECT a, b::text FROM t",
        "DROP VIEW v; CREATE VIEW v AS SELECT * FROM t",
        "DROP VIEW v; CREATE VIEW v AS WITH x AS (SELECT a, b FROM t) SELECT * FROM x",
        "DROP VIEW v; CREATE TABLE v (a int, b int)",
        "DROP VIEW v; CREATE TEMP VIEW v AS SELECT a, b FROM t",
        "DROP VIEW v CASCADE; CREATE VIEW v AS SELECT a, b FROM t",
        "DROP VIEW v, w; CREATE VIEW v AS SELECT a, b FROM t",
        "DROP VIEW granted; CREATE VIEW granted AS SELECT a, b FROM t",
        "DROP FUNCTION f(int); CREATE FUNCTION f(text) RETURNS int AS 'x'",
        "DROP FUNCTION f(int); CREATE FUNCTION f(a int, b int) RETURNS int AS 'x'",
        "DROP FUNCTION f(int, int); CREATE FUNCTION f(int) RETURNS int AS 'x'",
        "DROP FUNCTION f; CREATE FUNCTION f(int) RETURNS int AS 'x'",
        "DROP FUNCTION f(); CREATE PROCEDURE f() AS 'x'",
        "DROP FUNCTION granted(); CREATE FUNCTION granted() RETURNS int AS 'x'",
        "DROP TRIGGER g ON t; CREATE TRIGGER g AFTER INSERT ON u EXECUTE FUNCTION f()",
        "DROP TYPE y; CREATE TYPE y AS ENUM ()",
    ],
)
def test_something_is_lost_or_that_is_not_known(sql: str) -> None:
    assert not again(sql)


@pytest.mark.parametrize(
    ("sql", "replaces", "keeps"),
    [
        ("CREATE OR REPLACE VIEW v AS SELECT a, b FROM t", True, True),
        (
            "CREATE OR REPLACE ALGORITHM = MERGE DEFINER = 'x'@'%' SQL SECURITY INVOKER VIEW v AS SELECT a",
            True,
            False,
        ),
        ("CREATE VIEW v AS SELECT a, b FROM t", False, True),
        ("ALTER VIEW v AS SELECT a FROM t", False, False),
    ],
)
def test_a_view_of_mysql_may_lose_columns(sql: str, replaces: bool, keeps: bool) -> None:
    (statement,) = statements(sql, MYSQL)
    assert replaces_view(statement) is replaces
    assert keeps_columns(statement, MYSQL, Made()) is keeps


def test_columns_that_cannot_be_asked_for_are_not_kept() -> None:
    (statement,) = statements("CREATE VIEW v AS SELECT a, b FROM t")
    assert not keeps_columns(statement, Dialect(), UnknownCatalog())
