# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_statements import (
    is_transactional,
    made,
    temporary_tables,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("INSERT INTO a VALUES (1)", True),
        ("WITH x AS (SELECT 1) SELECT * FROM x", True),
        ("CREATE TEMPORARY TABLE a (x int)", True),
        ("SET foreign_key_checks = 0", True),
        ("SET GLOBAL sql_mode = ''", False),
        ("SET autocommit = 0", False),
        ("SET PASSWORD = 'x'", False),
        ("CREATE TABLE a (x int)", False),
        ("TRUNCATE a", False),
        ("CALL anything()", False),
        ("COMMIT", False),
    ],
)
def test_a_statement_is_known_to_commit_nothing_or_it_is_not(sql: str, expected: bool) -> None:
    (statement,) = statements(sql, MYSQL)
    assert is_transactional(statement) is expected


def test_temporary_tables_are_found_in_a_script() -> None:
    script = """
        CREATE TEMPORARY TABLE IF NOT EXISTS a (x int);
        CREATE TABLE b (x int);
        CREATE OR REPLACE TEMPORARY TABLE shop.`c d` (x int);
        DROP TEMPORARY TABLE e
    """
    assert list(temporary_tables(script)) == ["a", "shop.`c d`"]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE TABLE IF NOT EXISTS a (x int)", ("table", "a", "", True)),
        ("DROP TABLE shop.a", ("table", "shop.a", "", False)),
        ("DROP TABLE a, b", None),
        ("ALTER TABLE a ADD COLUMN x int", ("column", "a", "x", True)),
        ("ALTER TABLE a ADD x int", ("column", "a", "x", True)),
        ("ALTER TABLE a DROP COLUMN x", ("column", "a", "x", False)),
        ("ALTER TABLE a ADD INDEX by_x (x)", ("index", "a", "by_x", True)),
        ("ALTER TABLE a ADD UNIQUE KEY by_x (x)", ("index", "a", "by_x", True)),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)", None),
        ("ALTER TABLE a ADD PRIMARY KEY (x)", None),
        ("ALTER TABLE a MODIFY x bigint", None),
        ("CREATE UNIQUE INDEX by_x ON a (x)", ("index", "a", "by_x", True)),
        ("CREATE INDEX by_x USING BTREE ON a (x)", ("index", "a", "by_x", True)),
        ("DROP INDEX by_x ON a", ("index", "a", "by_x", False)),
        ("CREATE VIEW v AS SELECT 1", None),
        ("INSERT INTO a VALUES (1)", None),
        ("CREATE TABLE a (x int); CREATE TABLE b (x int)", None),
    ],
)
def test_what_a_statement_makes_or_drops_is_read_from_it(
    sql: str, expected: tuple[str, str, str, bool] | None
) -> None:
    assert made(sql) == expected
