# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What statements are about."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    alteration,
    altered,
    calls,
    column_change,
    constraint,
    created,
    default,
    deleted_from,
    folded,
    folded_table,
    is_qualified,
    new_columns,
    objects,
    parts,
    renamed,
    split,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN, Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


def only(sql: str, dialect: Dialect = UNKNOWN) -> Statement:
    (statement,) = statements(sql, dialect)
    return statement


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("a", ["a"]),
        ('Shop . Orders, `x y`.[z], "p""q" CASCADE', ["Shop.Orders", "`x y`.[z]", '"p""q"']),
        ("a *, b *", ["a", "b"]),
        ("größe.\U0001f41f, a\u00a0b", ["größe.\U0001f41f", "a\u00a0b"]),
        ("1a", ["1a"]),
        ("('x')", []),
        ("12", []),
    ],
)
def test_names_are_read_as_they_are_spelled(sql: str, names: list[str]) -> None:
    (statement,) = statements(sql, SQLITE)
    assert Reader(statement.tokens).names() == names


@pytest.mark.parametrize(
    ("sql", "table", "actions"),
    [
        ("ALTER TABLE t ADD a numeric(8, 2), DROP b", "t", ["ADD A NUMERIC ( 8 , 2 )", "DROP B"]),
        ("ALTER TABLE IF EXISTS ONLY shop.t * DROP a", "shop.t", ["DROP A"]),
        ("ALTER ONLINE IGNORE TABLE t ENGINE=InnoDB", "t", ["ENGINE = INNODB"]),
        ("ALTER FOREIGN TABLE t DROP a", "t", ["DROP A"]),
        ("ALTER TABLE \U0001f41f DROP a", "\U0001f41f", ["DROP A"]),
        ("ALTER VIEW v RENAME TO w", "", []),
        ("DROP TABLE t", "", []),
    ],
)
def test_the_table_and_the_actions_of_an_alter_table(sql: str, table: str, actions: list[str]) -> None:
    found = altered(statements(sql)[0])
    assert found[0] == table
    assert [" ".join(action) for action in found[1]] == actions


@pytest.mark.parametrize(
    ("name", "dialect", "expected"),
    [
        ("Shop.Orders", POSTGRESQL, "shop.orders"),
        ('"shop"."Orders"', POSTGRESQL, "shop.Orders"),
        ("`Orders`", MYSQL, "orders"),
        ("[Orders]", SQLITE, "orders"),
        ('"a.b".c', UNKNOWN, '"a.b".c'),
        ("É.A", POSTGRESQL, "É.a"),
    ],
)
def test_names_are_compared_as_the_system_does(name: str, dialect: Dialect, expected: str) -> None:
    assert folded(name, dialect) == expected


@pytest.mark.parametrize(
    ("name", "dialect", "expected"),
    [
        ("Orders", POSTGRESQL, "orders"),
        ("Orders", MYSQL, "Orders"),
        ("`Orders`", MYSQL, "Orders"),
        ("Orders", UNKNOWN, "Orders"),
    ],
)
def test_names_of_tables_are_folded_where_the_system_surely_does(
    name: str, dialect: Dialect, expected: str
) -> None:
    assert folded_table(name, dialect) == expected


@pytest.mark.parametrize(
    ("name", "parts"), [("a", ["a"]), ('"a.b".c', ['"a.b"', "c"]), ('"a.b"', ['"a.b"']), ("f(a.b)", None)]
)
def test_a_name_is_qualified_by_a_dot_outside_its_quotes(name: str, parts: list[str] | None) -> None:
    assert is_qualified(name) == bool(parts and len(parts) > 1)
    assert parts is None or split(name) == parts


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("DROP TABLE IF EXISTS a, shop.b CASCADE", ["a", "shop.b"]),
        ("DROP MATERIALIZED VIEW v", ["v"]),
        ("DROP FUNCTION f(int), g (a.Text, int), h", ["f(int)", "g(a . text , int)", "h(*)"]),
        ("DROP TRIGGER g ON t", ["g trigger"]),
        ("DROP SCHEMA t CASCADE", ["t schema"]),
        ("DROP TYPE t", ["t type"]),
        ("REVOKE ALL ON ALL TABLES IN SCHEMA s FROM PUBLIC", []),
        ("REVOKE ALL ON SCHEMA s FROM PUBLIC", ["s schema"]),
        ("RENAME TABLE a TO b, c TO d", ["a", "c"]),
        ("RENAME USER a TO b", []),
        ("ALTER TABLE t DROP c", ["t"]),
        ("ALTER VIEW v RENAME TO w", ["v view"]),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY shop.t (c)", ["shop.t"]),
        ("CREATE INDEX ON t (c)", ["t"]),
        ("CREATE INDEX i USING BTREE ON t (c)", ["t"]),
        ("CREATE FULLTEXT INDEX i ON t (c)", ["t"]),
        ("CREATE TABLE t (c int)", []),
        ("DELETE FROM ONLY t WHERE a", ["t"]),
        ("TRUNCATE TABLE ONLY a, b", ["a", "b"]),
        ("UPDATE t SET a = 1", ["t"]),
        ("RENAME TABLE a TO b", ["a"]),
        ("LOCK TABLE a, b IN SHARE MODE", ["a", "b"]),
        ("REVOKE ALL ON TABLE a, b FROM PUBLIC", ["a", "b"]),
        ("REVOKE EXECUTE ON FUNCTION f(int) FROM PUBLIC", ["f(int)"]),
        ("REVOKE shop FROM bob", []),
        ("REFRESH MATERIALIZED VIEW CONCURRENTLY v", ["v"]),
        ("WITH gone AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM gone", ["t"]),
        ("SELECT 1", []),
    ],
)
def test_what_a_statement_changes(sql: str, names: list[str]) -> None:
    assert objects(only(sql)) == names


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("DELETE FROM t", ["t"]),
        ("DELETE a FROM a JOIN b", []),
        ("WITH x AS (DELETE FROM a), y AS (DELETE FROM b) SELECT 1", ["a", "b"]),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM a; END", []),
        ("GRANT DELETE ON t TO shop", []),
    ],
)
def test_the_tables_that_a_statement_deletes_from(sql: str, tables: list[str]) -> None:
    assert deleted_from(only(sql)) == tables


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("CREATE TABLE IF NOT EXISTS shop.t (c int)", "shop.t"),
        ("CREATE TEMP TABLE t AS SELECT 1", "t"),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "v"),
        ("CREATE FUNCTION f(int) RETURNS int RETURN 1", "f(int)"),
        ("CREATE VIEW v AS SELECT 1", "v view"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", ""),
        ("CREATE INDEX i ON t (c)", ""),
        ("DROP TABLE t", ""),
    ],
)
def test_what_a_statement_creates(sql: str, name: str) -> None:
    assert created(only(sql)) == name


@pytest.mark.parametrize(
    ("sql", "pairs"),
    [
        ("ALTER TABLE a RENAME TO b", [("a", "b")]),
        ('ALTER TABLE shop."x.y" RENAME TO b', [('shop."x.y"', "shop.b")]),
        ("ALTER TABLE a RENAME AS other.b, ADD c int", [("a", "other.b")]),
        ("ALTER TABLE a RENAME b", [("a", "b")]),
        ('ALTER TABLE IF EXISTS shop."x.y" SET SCHEMA old', [('shop."x.y"', 'old."x.y"')]),
        ("ALTER TABLE a SET (fillfactor = 70)", []),
        ("RENAME TABLE a TO b, c TO d", [("a", "b"), ("c", "d")]),
        ("ALTER TABLE a RENAME COLUMN c TO d", []),
        ("ALTER TABLE a RENAME c TO d", []),
        ("ALTER TABLE a RENAME INDEX c TO d", []),
    ],
)
def test_the_tables_that_a_statement_renames(sql: str, pairs: list[tuple[str, str]]) -> None:
    assert renamed(only(sql)) == pairs


@pytest.mark.parametrize(
    ("action", "columns"),
    [
        ("ADD c int", ["C INT"]),
        ("ADD COLUMN IF NOT EXISTS c numeric(8, 2) NOT NULL", ["C NUMERIC ( 8 , 2 ) NOT NULL"]),
        ("ADD (c numeric(8, 2), d int NOT NULL)", ["C NUMERIC ( 8 , 2 )", "D INT NOT NULL"]),
        ("ADD CONSTRAINT k CHECK (c > 0)", []),
        ("ADD INDEX (c)", []),
        ("ADD PARTITION (PARTITION p VALUES LESS THAN (5))", []),
        ("DROP c", []),
    ],
)
def test_the_columns_that_an_action_adds(action: str, columns: list[str]) -> None:
    _table, actions = altered(only(f"ALTER TABLE t {action}"))
    assert [" ".join(column) for column in new_columns(actions[0])] == columns


@pytest.mark.parametrize(
    ("action", "kind"),
    [
        ("ADD CONSTRAINT k CHECK (c > 0)", "CHECK"),
        ("ADD CONSTRAINT FOREIGN KEY (c) REFERENCES u", "FOREIGN"),
        ("ADD UNIQUE (c)", "UNIQUE"),
        ("ADD PRIMARY KEY USING INDEX i", "PRIMARY"),
        ("ADD CONSTRAINT n NOT NULL c", "NOT"),
        ("ADD COLUMN c int CHECK (c > 0)", ""),
        ("DROP CONSTRAINT k", ""),
    ],
)
def test_the_kind_of_constraint_that_an_action_adds(action: str, kind: str) -> None:
    _table, actions = altered(only(f"ALTER TABLE t {action}"))
    assert constraint(actions[0]) == kind


@pytest.mark.parametrize(
    ("action", "column", "change"),
    [
        ("ALTER COLUMN c SET NOT NULL", "c", "SET NOT NULL"),
        ('ALTER "C" TYPE numeric(8, 2)', '"C"', "TYPE NUMERIC ( )"),
        ("ADD c int", "", ""),
    ],
)
def test_a_column_and_what_becomes_of_it(action: str, column: str, change: str) -> None:
    _table, actions = altered(only(f"ALTER TABLE t {action}"))
    found = column_change(actions[0])
    assert (found[0], " ".join(found[1])) == (column, change)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER SEQUENCE IF EXISTS s.q RESTART WITH 5", ("SEQUENCE", "s.q", "RESTART WITH 5")),
        ("ALTER MATERIALIZED VIEW v SET (fillfactor = 5)", ("MATERIALIZED", "v", "SET ( )")),
        ("ALTER FUNCTION f(int, text) STABLE", ("FUNCTION", "f", "STABLE")),
        ("ALTER TYPE type ADD VALUE 'x'", ("TYPE", "type", "ADD VALUE ''")),
        ("ALTER TRIGGER g ON t RENAME TO h", ("TRIGGER", "g", "RENAME TO H")),
        ("DROP SEQUENCE s", ("", "", "")),
        ("ALTER", ("", "", "")),
    ],
)
def test_what_alter_does_to_which_object(sql: str, expected: tuple[str, str, str]) -> None:
    kind, name, change = alteration(only(sql))
    assert (kind, name, " ".join(change)) == expected


@pytest.mark.parametrize(
    ("column", "expression", "functions"),
    [
        ("c text", "", []),
        ('"default" text', "", []),
        ("c text DEFAULT nanoid() NOT NULL", "NANOID ( ) NOT NULL", [("nanoid", 0)]),
        ("c int DEFAULT f(1, g(2, 3)) CHECK (h(c) > 0)", "F ( 1 , G ( 2 , 3 ) )", [("f", 2), ("g", 2)]),
        ('c int DEFAULT (s."F"((1, 2)))', '( S . "F" ( ( 1 , 2 ) ) )', [('s."F"', 1)]),
        ("c int DEFAULT 1::numeric(8, 2)", "1 : : NUMERIC ( 8 , 2 )", []),
        ("c int DEFAULT CAST(1 AS numeric(8, 2))", "CAST ( 1 AS NUMERIC ( 8 , 2 ) )", []),
        ("c int DEFAULT coalesce(f(), 1) REFERENCES u (id)", "COALESCE ( F ( ) , 1 )", [("f", 0)]),
    ],
)
def test_the_default_of_a_column_and_what_it_calls(
    column: str, expression: str, functions: list[tuple[str, int]]
) -> None:
    found = default(only(column).tokens)
    assert " ".join(found) == expression
    assert calls(found) == functions


def test_the_parts_of_a_name() -> None:
    assert parts('Shop."Or.ders"', POSTGRESQL) == ("shop", "Or.ders")
    assert parts("`Shop`.t", MYSQL) == ("shop", "t")
    assert parts("[Or.ders]", SQLITE) == ("or.ders",)
    assert parts("", UNKNOWN) == ("",)


def test_parentheses_are_taken_with_what_is_in_them() -> None:
    reader = Reader(only("((a, b), c) d").tokens)
    assert [(str(word), word.depth) for word in reader.inside()][:2] == [("(", 0), ("A", 1)]
    assert reader.rest == ("D",)
