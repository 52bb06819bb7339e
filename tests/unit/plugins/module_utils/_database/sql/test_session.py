# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement leaves in its session."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import session
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


def read(sql: str, dialect: Dialect = MYSQL) -> Statement:
    (statement,) = statements(sql, dialect)
    return statement


@pytest.mark.parametrize(
    "sql",
    [
        "SET @rank = 0",
        "SET @a := 'x', @old_mode = @@sql_mode",
        "SET NAMES latin1",
        "SET SESSION sql_mode = ''",
        "/*!40101 SET @saved = @@character_set_client */",
        "USE shop",
        "PREPARE s FROM 'SELECT 1'",
        "PRAGMA foreign_keys(0)",
        "ATTACH '/srv/other.db' AS o",
        "RESET ALL",
    ],
)
def test_a_setting_to_constants_can_be_made_again(sql: str) -> None:
    assert session.is_constant(read(sql))
    assert not session.leaves(read(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path TO app, public",
        "SET ROLE app",
        "SET SESSION AUTHORIZATION app",
        "SET TIME ZONE 'UTC'",
        "SELECT set_config('search_path', 'app', false), pg_catalog.set_config('app.x', '1', true)",
        "PREPARE p (int) AS INSERT INTO a VALUES ($1)",
        "DISCARD ALL",
    ],
)
def test_so_can_one_of_postgresql(sql: str) -> None:
    assert session.is_constant(read(sql, POSTGRESQL))


@pytest.mark.parametrize(
    "sql",
    [
        "SET GLOBAL max_connections = 10",
        "SET @@global.max_connections = 10",
        "SET PERSIST x = 1",
        "SET LOCAL search_path = app",
        "SET DEFAULT ROLE app TO shop",
    ],
)
def test_what_is_set_for_all_or_for_one_transaction_is_not_made_again(sql: str) -> None:
    assert session.is_lasting(read(sql))
    assert not session.is_constant(read(sql))
    assert not session.leaves(read(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE a SET id = @rank := @rank + 1",
        "SELECT max(id) FROM a INTO @last",
        "SET @last = (SELECT max(id) FROM a)",
        "SET @n = ROW_COUNT()",
        "SET @t = CURRENT_TIMESTAMP",
        "SET @id = @@identity",
        "SET TRANSACTION READ ONLY",
        "SET STATEMENT max_statement_time = 1 FOR UPDATE a SET n = n + 1",
        "CREATE TEMPORARY TABLE t (x int)",
        "CREATE OR REPLACE TEMPORARY TABLE t (x int)",
        "CREATE TEMP VIEW v AS SELECT 1",
        "CREATE TABLE pg_temp.t (x int)",
        "CREATE TABLE temp.t (x int)",
        "SELECT 1 AS x INTO TEMP t",
        "PREPARE s FROM @sql",
        "EXECUTE s",
        "LOCK TABLES a WRITE",
        "SELECT GET_LOCK('x', 1)",
        "INSERT INTO a SELECT pg_advisory_lock(1)",
        "SELECT set_config('search_path', current_setting('search_path') || ', app', false)",
        "WITH s AS (SELECT set_config('search_path', 'app', false)) SELECT * FROM s",
        "INSERT INTO a SELECT set_config('search_path', 'app', false)",
        "SELECT app.enter_tenant(1)",
        "ATTACH ':memory:' AS m",
        "ATTACH '' AS m",
        "ATTACH 'file:x?mode=memory' AS m",
        "CALL p()",
        "DO SLEEP(1)",
        "LISTEN jobs",
        "LOAD DATA INFILE 'x' INTO TABLE a (@x)",
        "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
    ],
)
def test_what_is_computed_locked_or_temporary_cannot_be_set_again(sql: str) -> None:
    assert session.leaves(read(sql))
    assert not session.is_constant(read(sql))


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE a (x varchar(4) DEFAULT (uuid()))",
        "ALTER TABLE a ADD COLUMN temp int",
        "INSERT INTO a (temp) VALUES (lower('X'))",
        "UPDATE a SET temp = 1 WHERE x IN (1, 2)",
        "SELECT count(*) FROM (SELECT 1) AS x WHERE x IN (1)",
        "(SELECT 1) UNION (SELECT 2)",
        "GRANT SELECT ON a TO b",
        "DROP TEMPORARY TABLE t",
        "DEALLOCATE PREPARE s",
        "UNLOCK TABLES",
    ],
)
def test_what_changes_the_database_alone_leaves_nothing(sql: str) -> None:
    assert not session.leaves(read(sql))


def test_a_variable_that_goes_through_rows_is_told_from_one_that_is_set() -> None:
    assert session.assigns(read("UPDATE a SET id = @rank := @rank + 1"))
    assert session.assigns(read("SELECT 1 INTO @x"))
    assert not session.assigns(read("SET @a := 1"))


def test_the_key_that_was_made_last_is_read() -> None:
    assert session.reads_last_key(read("INSERT INTO b VALUES (LAST_INSERT_ID())"))
    assert session.reads_last_key(read("SELECT @@identity"))
    assert not session.reads_last_key(read("CREATE TABLE b (x int GENERATED ALWAYS AS IDENTITY)"))
    assert session.makes_key(read("INSERT INTO a VALUES (1)"))
    assert not session.makes_key(read("ALTER TABLE a ADD x int"))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("BEGIN", True),
        ("START TRANSACTION READ ONLY", True),
        ("ROLLBACK", True),
        ("ROLLBACK TO SAVEPOINT a", False),
        ("PREPARE TRANSACTION 'x'", True),
        ("PREPARE x FROM 'y'", False),
        ("XA COMMIT 'x'", True),
        ("BEGIN NOT ATOMIC SELECT 1; END", False),
        ("INSERT INTO a VALUES (1)", False),
    ],
)
def test_what_begins_or_ends_a_transaction(sql: str, expected: bool) -> None:
    assert session.controls_transaction(read(sql)) is expected


@pytest.mark.parametrize(
    ("sql", "sizes"),
    [
        ("CREATE TABLE a (x int); INSERT INTO a VALUES (1); SELECT 1", [1, 1, 1]),
        ("SELECT 1; BEGIN; DELETE FROM a; ROLLBACK TO x; ROLLBACK; SELECT 2", [1, 4, 1]),
        ("START TRANSACTION; DELETE FROM a", [2]),
        ("XA START 'x'; DELETE FROM a; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'; SELECT 1", [5, 1]),
        ("SET autocommit = 0; DELETE FROM a; COMMIT; SET @@autocommit = 1; SELECT 1", [4, 1]),
        ("LOCK TABLES a WRITE; DELETE FROM a; COMMIT; UNLOCK TABLES; SELECT 1", [4, 1]),
        ("FLUSH TABLES a FOR EXPORT; SELECT 1; UNLOCK TABLES", [3]),
        ("DELETE FROM a; INSERT INTO n VALUES (ROW_COUNT()); SELECT 1", [2, 1]),
        ("DELETE FROM a; GET DIAGNOSTICS @n = ROW_COUNT", [2]),
        ("SELECT 1; INSERT INTO changes (x) VALUES (1)", [1, 1]),
        ("SELECT ROW_COUNT()", [1]),
    ],
)
def test_statements_that_must_follow_each_other_are_grouped(sql: str, sizes: list[int]) -> None:
    assert [len(group) for group in session.grouped(statements(sql, MYSQL))] == sizes
