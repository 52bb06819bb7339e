# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting SQL into statements."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

SYSTEMS = ("", "postgresql", "mysql", "sqlite")
DIALECTS = {"": UNKNOWN, "mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


def cut(sql: str, system: str = "") -> list[str]:
    return [" ".join(statement.words) for statement in statements(sql, DIALECTS[system])]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1; select 2", ["SELECT 1", "SELECT 2"]),
        (";; -- none\n /* none; */", []),
        ("a 'x; y' b", ["A '' B"]),
        ("a 'it''s; x'; b", ["A ''", "B"]),
        ('a "Drop; Table"; b', ['A "Drop; Table"', "B"]),
        ("f (a, (b, c), d) e; g", ["F ( ) E", "G"]),
        ("/* ; */ a -- ; b\n ; c", ["A", "C"]),
        ("f (a; b); c", ["F ( )", "C"]),
        ("größe a1$b; 12.5", ["GRÖSSE A1$B", "12 . 5"]),
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_statements_end_at_their_own_semicolons(sql: str, expected: list[str], system: str) -> None:
    found = cut(sql, system)
    assert found == expected


@pytest.mark.parametrize(
    ("system", "sql", "expected"),
    [
        ("postgresql", r"a E'it\'s; x'; b", ["A ''", "B"]),
        ("postgresql", r"a 'c:\'; b", ["A ''", "B"]),
        ("postgresql", "a $$ x; y $$; b", ["A ''", "B"]),
        ("postgresql", "do $body$ x; $$ y; $body$; b", ["DO ''", "B"]),
        ("postgresql", "a $1; b $2", ["A $ 1", "B $ 2"]),
        ("postgresql", "a /* x /* y; */ z; */ b; c", ["A B", "C"]),
        ("postgresql", "a # 1; b #> '{c}'", ["A # 1", "B # > ''"]),
        ("postgresql", "a[1]; b", ["A [ 1 ]", "B"]),
        ("mysql", r"a 'it\'s; x'; b", ["A ''", "B"]),
        ("mysql", r'a "it\"s; x"; b', [r'A "it\"s; x"', "B"]),
        ("mysql", "a # x; y\n; b", ["A", "B"]),
        ("mysql", "a 5--3; b -- x; y", ["A 5 - - 3", "B"]),
        ("mysql", "a `b``;c`; d", ["A `b``;c`", "D"]),
        ("mysql", "a$$; b", ["A$$", "B"]),
        ("mysql", "/*!50001 drop table t */; b", ["DROP TABLE T", "B"]),
        ("mysql", "a /* x /* y */; b", ["A", "B"]),
        ("mysql", "select 2*/* x */3", ["SELECT 2 * 3"]),
        ("sqlite", r"a 'c:\'; b", ["A ''", "B"]),
        ("sqlite", "a [b;c]; d", ["A [b;c]", "D"]),
        ("sqlite", "a $x; b $y", ["A $ X", "B $ Y"]),
    ],
)
def test_strings_comments_and_names_are_those_of_the_system(
    system: str, sql: str, expected: list[str]
) -> None:
    found = cut(sql, system)
    assert found == expected


@pytest.mark.parametrize("sql", ["a 'x; y", 'a "x; y', "a /* x; y", "a (x; y"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_not_closed_goes_on_to_the_end(sql: str, system: str) -> None:
    assert len(cut(sql, system)) == 1


@pytest.mark.parametrize(
    ("system", "body"),
    [
        (
            "sqlite",
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN y THEN 1 END; DELETE FROM b; END",
        ),
        ("sqlite", "CREATE TEMP TRIGGER IF NOT EXISTS t AFTER UPDATE ON a BEGIN SELECT NEW.begin; END"),
        (
            "postgresql",
            "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT (CASE WHEN true THEN 1 END); END",
        ),
        ("postgresql", "CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1); NOTIFY c)"),
        (
            "mysql",
            "CREATE DEFINER=`shop`@`%` PROCEDURE p() BEGIN IF a THEN SELECT 1; END IF; WHILE b DO SELECT 2; END WHILE; END",
        ),
        (
            "mysql",
            "CREATE DEFINER = CURRENT_USER() TRIGGER t BEFORE INSERT ON a FOR EACH ROW BEGIN SET @x = 1; END",
        ),
        (
            "mysql",
            "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN CASE a WHEN 1 THEN RETURN 1; END CASE; END",
        ),
        (
            "mysql",
            "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW IF NEW.x THEN SET NEW.y = 1; ELSEIF NEW.z THEN "
            "IF NEW.w THEN SET NEW.y = 2; END IF; END IF",
        ),
        ("mysql", "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN DELETE FROM a; DELETE FROM b; END"),
        ("mysql", "BEGIN NOT ATOMIC SELECT 1; SELECT 2; END"),
    ],
)
def test_a_body_belongs_to_the_routine_that_it_defines(system: str, body: str) -> None:
    found = statements(f"{body}; DROP TABLE c", DIALECTS[system])
    assert [statement.text for statement in found] == [body, "DROP TABLE c"]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE event (begin int)",
        "CREATE TABLE trigger_log (function text)",
        "CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM a",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW SET NEW.x = IF(NEW.y, 1, 2)",
        "CREATE TRIGGER t BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE FUNCTION f() RETURNS int RETURN CASE WHEN true THEN 1 END",
        "BEGIN",
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_has_no_body_ends_at_its_semicolon(sql: str, system: str) -> None:
    assert len(cut(f"{sql}; DROP TABLE c", system)) == 2


def test_lines_are_those_of_the_first_words() -> None:
    sql = "-- why\nSELECT\n 1;\n\n/* long\n comment */ SELECT 'a\nb'; SELECT 3"
    assert [statement.line for statement in statements(sql)] == [1, 5, 6]


def test_the_text_is_as_it_was_written() -> None:
    sql = "-- why\nselect 'a;b' /* c; */ ,\n  \"D\" ; \n\n/*!40101 SET NAMES utf8 */; drop table T -- at last"
    found = statements(sql, DIALECTS["mysql"])
    assert [each.text for each in found] == [
        "select 'a;b' /* c; */ ,\n  \"D\"",
        "/*!40101 SET NAMES utf8 */",
        "drop table T -- at last",
    ]


def test_the_words_in_parentheses_are_among_the_tokens() -> None:
    (statement,) = statements('WITH gone AS (DELETE FROM "t" RETURNING a) SELECT 1')
    assert statement.words == ("WITH", "GONE", "AS", "(", ")", "SELECT", "1")
    assert statement.tokens[4:7] == ("DELETE", "FROM", '"t"')
    assert [word.spelled for word in statement.tokens[:2]] == ["WITH", "gone"]
    assert statement.tokens[4].depth == 1


ON_SQLITE = r"""
    CREATE TABLE t (id integer, "a;b" text, [c;d] text); -- one; two
    CREATE TRIGGER g AFTER INSERT ON t BEGIN
      UPDATE t SET id = CASE WHEN id > 9 THEN 9 ELSE id END; DELETE FROM t WHERE id = 0;
    END;
    INSERT INTO t VALUES (10, 'c:\', 'it''s; so'), (0, '', '');
"""


def run_one_by_one(url: str, sql: str, system: str) -> list[tuple[object, ...]]:
    with drivers.opened(resolve(url, None, {}), read_only=False) as database:
        assert database.DIALECT is DIALECTS[system]
        for statement in statements(textwrap.dedent(sql), DIALECTS[system]):
            database.script(statement.text)
        return database.query("SELECT id FROM t ORDER BY id")


def test_sqlite_takes_the_statements_one_by_one(tmp_path: Path) -> None:
    assert run_one_by_one(f"sqlite://{tmp_path}/shop.db", ON_SQLITE, "sqlite") == [(9,)]
