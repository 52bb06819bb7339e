# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a statement ends by the grammar of each database system; `test_statements` has more of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import (
    end_in_any,
    end_in_mysql,
    end_in_postgresql,
    end_in_sqlite,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN, Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    Token,
    UnreadableError,
    tokens,
)

End = Callable[[Sequence[Token], int], int]


def read(sql: str, dialect: Dialect) -> list[Token]:
    return tokens(sql, dialect.grammar, dialect.nests_comments)


@pytest.mark.parametrize(
    ("end", "dialect", "sql"),
    [
        (end_in_postgresql, POSTGRESQL, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END"),
        (end_in_sqlite, SQLITE, "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END"),
        (
            end_in_sqlite,
            SQLITE,
            "EXPLAIN QUERY PLAN CREATE TEMP TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
        ),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p() BEGIN SELECT 1; END"),
        (end_in_any, UNKNOWN, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END"),
        (end_in_any, UNKNOWN, "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END"),
        (end_in_any, UNKNOWN, "CREATE PROCEDURE p() BEGIN SELECT 1; END"),
        (end_in_any, UNKNOWN, "CREATE RULE r AS ON INSERT TO a DO ALSO (SELECT 1; SELECT 2)"),
    ],
)
def test_a_statement_ends_behind_its_body(end: End, dialect: Dialect, sql: str) -> None:
    found = read(sql, dialect)
    assert end(found, 0) == len(found)
    assert end(read(f"{sql}; SELECT 1; END", dialect), 0) == len(found)


@pytest.mark.parametrize(
    ("end", "dialect", "sql", "why"),
    [
        (
            end_in_postgresql,
            POSTGRESQL,
            "CREATE FUNCTION f()\nBEGIN ATOMIC SELECT 1;",
            "BEGIN ATOMIC has no END",
        ),
        (end_in_sqlite, SQLITE, "CREATE\nTRIGGER g BEGIN SELECT 1; SELECT 2", "TRIGGER has no END"),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p()\nBEGIN SELECT 1;", "BEGIN has no END"),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p()\nIF a SELECT 1; END IF", "IF has no THEN"),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p()\nIF a THEN SELECT 1; END", "IF has no END IF"),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p()\nREPEAT SELECT 1; END REPEAT", "REPEAT has no UNTIL"),
        (end_in_mysql, MYSQL, "CREATE PROCEDURE p()\nCASE a WHEN 1 THEN SELECT 1;", "CASE has no END"),
    ],
)
def test_a_body_that_is_not_closed_is_an_error(end: End, dialect: Dialect, sql: str, why: str) -> None:
    with pytest.raises(UnreadableError, match=f"Line 2 of the SQL: its {why}, so where the statement ends"):
        end(read(sql, dialect), 0)


def test_blocks_that_are_nested_too_deeply_are_an_error() -> None:
    sql = "CREATE PROCEDURE p() " + "BEGIN " * 5000
    with pytest.raises(UnreadableError, match="nested too deeply"):
        end_in_mysql(read(sql, MYSQL), 0)
