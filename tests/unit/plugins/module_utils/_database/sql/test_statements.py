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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import opened, statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

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
        ("größe a1$b; 12.5", ["GRößE A1$B", "12 . 5"]),
        ("a\u00a0b; c", ["A\u00a0B", "C"]),
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
        ("postgresql", "do $größe$ x; $größe$; b", ["DO ''", "B"]),
        ("postgresql", "do $\U0001f41f$ x; $\U0001f41f$; b", ["DO ''", "B"]),
        ("postgresql", "a 1$$ x; $$; b", ["A 1 ''", "B"]),
        ("postgresql", "a -- x; y\r; b", ["A", "B"]),
        ("postgresql", "a E'x'\n'\\'; y'; b", ["A ''", "B"]),
        ("postgresql", "a E'x' -- it's; y\n '\\'; y'; b", ["A ''", "B"]),
        ("postgresql", 'a U&"d\\0061\\+000074\\\\"; b', ['A "dat\\"', "B"]),
        ("postgresql", "f (a; b); c", ["F ( )", "C"]),
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
        ("mysql", "a -- x; \r y\n; b", ["A", "B"]),
        ("mysql", "a \\N; b", ["A \\ N", "B"]),
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


@pytest.mark.parametrize(
    ("sql", "opened"),
    [
        ("a 'x; y", "'"),
        ('a "x; y', '"'),
        ("a /* x; y", r"/\*"),
        ("a (x, y", None),
    ],
)
@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_not_closed_cannot_be_read(sql: str, opened: str | None, system: str) -> None:
    why = (
        f"what {opened} opens is not closed"
        if opened
        else "(its parenthesis is not closed|a semicolon .* in its parentheses)"
    )
    with pytest.raises(UnreadableError, match=f"Line 2 of the SQL: {why}"):
        statements(f"b;\n{sql}; DROP TABLE c", DIALECTS[system])


@pytest.mark.parametrize(
    ("system", "sql", "rule"),
    [
        ("postgresql", "a /* x /* y */; b", "unreadable"),
        ("postgresql", "a $é$ x; y $e$", "unreadable"),
        ("postgresql", "a U&\"d!0061\" UESCAPE '!'", "unreadable"),
        ("postgresql", "SET standard_conforming_strings = off; SELECT '\\'; DROP TABLE c; --'", "unreadable"),
        (
            "postgresql",
            "SELECT set_config('standard_conforming_strings', 'off', true); SELECT 'x\\'",
            "unreadable",
        ),
        ("postgresql", "SET client_encoding TO sjis; SELECT 'é'", "unreadable"),
        ("postgresql", "SET NAMES 'gbk'; SELECT 'é'", "unreadable"),
        ("postgresql", "SELECT 1;\n\\copy t from 'x'", "client-command"),
        ("postgresql", "SELECT 1 \\gexec", "client-command"),
        ("postgresql", "\\i it's", "client-command"),
        ("postgresql", "COPY t (a, b) FROM stdin WITH (FORMAT csv);\n1,it's\n\\.", "client-command"),
        ("postgresql", "COPY (SELECT 1) TO STDOUT", "client-command"),
        ("mysql", "a `x; y", "unreadable"),
        ("mysql", "f (a; b); c", "unreadable"),
        ("mysql", "/*!50001 a; b", "unreadable"),
        ("mysql", "/*!50001 a; b */", "unreadable"),
        (
            "mysql",
            "CREATE PROCEDURE p() /*!999999 BEGIN */ SELECT 1; DROP TABLE c; /*!999999 END */",
            "unreadable",
        ),
        ("mysql", "/*!999999 CREATE PROCEDURE p() */ BEGIN NOT ATOMIC SELECT 1; END /*! ( */", "unreadable"),
        ("mysql", "SET sql_mode = 'ANSI_QUOTES'; SELECT \"it's; x\"", "unreadable"),
        (
            "mysql",
            "SET @@SESSION.sql_mode = CONCAT(@@sql_mode, ',no_backslash_escapes'); SELECT '\\'",
            "unreadable",
        ),
        ("mysql", "SET NAMES gbk; SELECT 'é\\'", "unreadable"),
        ("mysql", "DELIMITER //\nSELECT 'it' //", "delimiter"),
        ("mysql", "source it's.sql", "client-command"),
        ("mysql", "SELECT 1\\G", "client-command"),
        ("mysql", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "client-command"),
        ("mysql", "CREATE FUNCTION f() RETURNS int LANGUAGE JAVASCRIPT AS $$ 1; $$", "unreadable"),
        ("mysql", "CREATE PACKAGE p AS PROCEDURE a(); END", "unreadable"),
        ("sqlite", "a [x; y", "unreadable"),
        ("sqlite", "f (a; b); c", "unreadable"),
        ("sqlite", ".read other.sql", "client-command"),
        ("sqlite", "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; DROP TABLE c;", "unreadable"),
        ("", "a 'it\\'s'; b", "unreadable"),
        ("", 'a "it\\"s"; b', "unreadable"),
        ("", "# it's\nDROP TABLE c; # '", "unreadable"),
        ("", "SELECT 5--3; DROP TABLE c", "unreadable"),
        ("", "/*!50001 DROP TABLE c */", "unreadable"),
        ("", "/* /* */ '; */ DROP TABLE c; -- '", "unreadable"),
        ("", "DELIMITER //", "delimiter"),
        ("", "\\connect shop", "client-command"),
    ],
)
def test_what_cannot_be_read_for_certain_is_an_error(system: str, sql: str, rule: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        statements(sql, DIALECTS[system])
    assert caught.value.rule == rule


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("", "CREATE FUNCTION f(begin int) RETURNS int LANGUAGE plpgsql AS 'BEGIN'; DROP TABLE c"),
        ("postgresql", "CREATE FUNCTION f(begin int) RETURNS int LANGUAGE plpgsql AS 'BEGIN'; DROP TABLE c"),
        ("", "SELECT a #> b --x\n; -- it's; x\nSELECT '{a}' -----"),
        ("postgresql", "SET standard_conforming_strings = on; SELECT '\\'"),
        ("postgresql", "SET standard_conforming_strings = off; SELECT 'x'"),
        ("postgresql", "SET client_encoding = 'UTF8'; SELECT 'é'"),
        ("postgresql", "SELECT set_config('search_path', '', false); SELECT 'é\\'"),
        ("postgresql", "COPY t FROM '/srv/stdin'; COPY t TO PROGRAM 'cat'"),
        ("mysql", "SET sql_mode = 'STRICT_ALL_TABLES'; SELECT 'it\\'s'"),
        ("mysql", "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */; SELECT \"x\""),
        ("mysql", "SET NAMES utf8mb4; SELECT 'é'"),
        ("mysql", "LOAD DATA INFILE 'x' INTO TABLE t; SELECT 1"),
    ],
)
def test_what_is_read_the_same_afterwards_is_read(system: str, sql: str) -> None:
    assert len(cut(sql, system)) == 2


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize(
    "sql",
    [
        "CREATE FUNCTION busy(begin timestamptz, \"end\" timestamptz) RETURNS int AS 'SELECT 1' LANGUAGE sql",
        "CREATE FUNCTION f(x int) RETURNS begin LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION begin() RETURNS int LANGUAGE sql RETURN 1",
        "CREATE FUNCTION f() RETURNS TABLE (begin int, atomic int) LANGUAGE sql AS 'SELECT 1, 2'",
        "CREATE PROCEDURE begin(begin int) LANGUAGE sql AS ''",
        "CREATE VIEW begin AS SELECT 1 AS begin",
        "ALTER FUNCTION begin(int) RENAME TO atomic",
        "SELECT begin FROM event",
        'INSERT INTO function (begin, "case") VALUES (1, 2)',
    ],
)
def test_begin_is_a_name_where_no_body_may_open(sql: str, system: str) -> None:
    assert [each.text for each in statements(f"{sql}; DROP TABLE customers", DIALECTS[system])] == [
        sql,
        "DROP TABLE customers",
    ]


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
        ("mysql", "IF (SELECT COUNT(*) FROM a) = 0 THEN DROP TABLE a; ELSE SELECT 1; END IF"),
        (
            "mysql",
            "CREATE PROCEDURE p() COMMENT 'x' SQL SECURITY INVOKER outer_one: BEGIN SELECT 1; END outer_one",
        ),
        ("mysql", "CREATE PROCEDURE p(begin int) l: LOOP LEAVE l; END LOOP l"),
        ("mysql", "CREATE PROCEDURE p() REPEAT SET @x = REPEAT('a', 2); UNTIL end END REPEAT"),
        ("mysql", "CREATE PROCEDURE p() BEGIN IF(a) THEN SELECT IF(b, 1, 2); END IF; END"),
        (
            "mysql",
            "CREATE PROCEDURE p() BEGIN SELECT end, begin FROM t; SELECT @end, t.end, t.case FROM t; END",
        ),
        (
            "mysql",
            "CREATE PROCEDURE p() BEGIN IF CASE WHEN a THEN end ELSE (SELECT 1 AS end) END THEN SELECT 1; END IF; END",
        ),
        (
            "mysql",
            "CREATE PROCEDURE p() BEGIN DECLARE c CURSOR FOR SELECT 1; DECLARE EXIT HANDLER FOR SQLSTATE VALUE '42S02', "
            "NOT FOUND, 1051 BEGIN SELECT 1; END; DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET @x = 1; SELECT 1; END",
        ),
        ("mysql", "CREATE PROCEDURE p() FOR i IN 1..2 DO SELECT i; END FOR"),
        (
            "mysql",
            "CREATE PROCEDURE p() CASE WHEN a THEN SELECT 1; WHEN b THEN SELECT 2; ELSE BEGIN END; END CASE",
        ),
        (
            "mysql",
            "CREATE DEFINER=function@10.0.0.1 TRIGGER t AFTER INSERT ON a FOR EACH ROW FOLLOWS begin BEGIN SELECT 1; END",
        ),
        ("mysql", "CREATE FUNCTION f(x int) RETURNS varchar(9) CHARACTER SET utf8mb4 BEGIN RETURN 'x'; END"),
        ("mysql", "ALTER EVENT e ON COMPLETION PRESERVE DO BEGIN SELECT 1; SELECT 2; END"),
        (
            "mysql",
            "/*!50003 CREATE*/ /*!50017 DEFINER=`a`@`b`*/ /*!50003 TRIGGER t AFTER INSERT ON a FOR EACH ROW BEGIN SELECT 1; END */",
        ),
        ("postgresql", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC; SELECT 1 end; SELECT 2 AS end; END"),
        (
            "sqlite",
            "CREATE TRIGGER begin AFTER UPDATE OF end ON t WHEN NEW.begin BEGIN SELECT end FROM t; END",
        ),
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
@pytest.mark.parametrize("system", ["", "postgresql", "mysql"])
def test_what_has_no_body_ends_at_its_semicolon(sql: str, system: str) -> None:
    assert len(cut(f"{sql}; DROP TABLE c", system)) == 2


def test_a_compound_statement_outside_a_routine_is_opened() -> None:
    sql = "SELECT 1;\nIF a THEN\n  SELECT 'b';\nELSE SET c = 1; END IF; CREATE PROCEDURE p() BEGIN SELECT 2; END"
    found = [opened(each, MYSQL) for each in statements(sql, MYSQL)]
    assert [[(each.line, each.text) for each in inner] for inner in found] == [
        [(0, "SELECT 1")],
        [(2, "SELECT 'b'"), (3, "SET c = 1")],
        [(3, "CREATE PROCEDURE p() BEGIN SELECT 2; END")],
    ]


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
