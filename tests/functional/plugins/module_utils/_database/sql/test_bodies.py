# SPDX-License-Identifier: GPL-3.0-or-later
"""Where statements end, compared with the parsers of the database systems and with servers, over generated statements."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator

import pglast
import pytest
import sqlglot
from pglast.parser import split
from sqlglot.tokens import TokenType

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

SEEDS = range(40)
NAMES = ("begin", "atomic", "t", "größe", '"end; x"', '"a""b"', "a$b", "\U0001f41f")
TEXTS = (
    "'a; b'",
    "'it''s; c:\\'",
    r"E'it\'s; x'",
    "E'a'\n'\\'; b'",
    "$$ it's; $$",
    "$größe$ ; $$ ; $größe$",
    "U&'d\\0061; '",
)
GAPS = (" ", "\n", " -- it's; \n", " -- x;\r ", " /* ; /* it's; */ ; */ ", "\t")


def names(rng: random.Random) -> str:
    return rng.choice(NAMES)


def on_postgresql(rng: random.Random) -> str:
    """A statement that PostgreSQL can parse."""
    name, other, text = names(rng), names(rng), rng.choice(TEXTS)
    body = "; ".join(inner(rng) for _each in range(rng.randint(1, 3)))
    return rng.choice(
        (
            f'CREATE FUNCTION {name}({other} int, "end" text) RETURNS {name} AS {text} LANGUAGE sql',
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS int LANGUAGE sql BEGIN ATOMIC {body}; END",
            f"CREATE PROCEDURE {name}({other} int) BEGIN ATOMIC; {body}; ; END",
            f"CREATE FUNCTION {name}() RETURNS TABLE ({other} int, atomic int) LANGUAGE sql AS {text}",
            f"CREATE FUNCTION {name}() RETURNS int RETURN CASE WHEN true THEN 1 ELSE 2 END",
            f"CREATE TRIGGER {name} BEFORE INSERT ON {other} FOR EACH ROW EXECUTE FUNCTION {name}()",
            f"CREATE RULE {name} AS ON INSERT TO {other} DO ALSO ({inner(rng)}; {inner(rng)})",
            f"CREATE VIEW {name} AS SELECT {text} AS begin, 1 end",
            f"DO {text}",
            f"COMMENT ON TABLE {name} IS {rng.choice(TEXTS[:4])}",
            "BEGIN",
            "COMMIT",
            "END",
            inner(rng),
        )
    )


def inner(rng: random.Random) -> str:
    """A statement that may be in a body."""
    name, text = names(rng), rng.choice(TEXTS)
    return rng.choice(
        (
            f"SELECT {text}, {name}.end, {name}.case AS case FROM {name}",
            f"SELECT CASE {name} WHEN {text} THEN 1 ELSE (CASE WHEN true THEN 2 END) END end",
            f"INSERT INTO {name} (begin) VALUES ({text})",
            f"UPDATE {name} SET atomic = {text} WHERE begin",
            f"DELETE FROM {name} AS begin",
        )
    )


def with_gaps(sql: str, rng: random.Random, gaps: tuple[str, ...]) -> str:
    """The same with other spaces and comments where no string is."""
    return "".join(rng.choice(gaps) if part == " " and rng.random() < 0.2 else part for part in sql)


@pytest.mark.parametrize("seed", SEEDS)
def test_statements_of_postgresql_end_where_its_own_parser_has_it(seed: int) -> None:
    rng = random.Random(seed)
    for _each in range(25):
        sql = ";".join(
            rng.choice(GAPS) + on_postgresql(rng) + rng.choice(GAPS) for _one in range(rng.randint(1, 5))
        )
        expected = [each.strip() for each in split(sql)]
        assert [bare(each.text) for each in statements(sql, POSTGRESQL)] == [bare(each) for each in expected]


def bare(sql: str) -> tuple[str, ...]:
    """The tokens of a statement by PostgreSQL's scanner, without the comments around them."""
    return tuple(
        sql[token.start : token.end + 1]
        for token in pglast.parser.scan(sql)
        if token.name not in ("C_COMMENT", "SQL_COMMENT") and token.name != "ASCII_59"
    )


def on_sqlite(rng: random.Random) -> str:
    name = rng.choice(("begin", "t", "größe", '"end; x"', "[a; b]", "`c; d`"))
    body = rng.choice(
        (
            "SELECT CASE WHEN 1 THEN 2 END",
            "UPDATE t SET a = 'x; y' WHERE [a]",
            "DELETE FROM t -- it's; \n",
            "INSERT INTO t SELECT end FROM u",
        )
    )
    return rng.choice(
        (
            f"CREATE TRIGGER {name} AFTER INSERT ON t BEGIN {body}; {body}; END",
            f"CREATE TEMP TRIGGER {name} AFTER UPDATE OF end ON t WHEN NEW.begin BEGIN {body}; END",
            f"EXPLAIN CREATE TRIGGER {name} AFTER INSERT ON t BEGIN {body}; END",
            f"CREATE TABLE {name} (begin int, [end; ] text DEFAULT 'it''s; c:\\')",
            "BEGIN",
            "END",
            body,
        )
    )


def cut_by_sqlite(sql: str) -> Iterator[str]:
    statement = ""
    for character in sql + ";":
        statement += character
        if character == ";" and sqlite3.complete_statement(statement):
            yield statement[:-1].strip()
            statement = ""


@pytest.mark.parametrize("seed", SEEDS)
def test_statements_of_sqlite_end_where_it_has_it_itself(seed: int) -> None:
    rng = random.Random(seed)
    for _each in range(25):
        sql = "; ".join(on_sqlite(rng) for _one in range(rng.randint(1, 5)))
        assert [each.text for each in statements(sql, SQLITE)] == [*cut_by_sqlite(sql)]


def on_mysql(rng: random.Random) -> str:
    return rng.choice(
        (
            "SELECT 'it\\'s; x', \"a\\\"; b\" FROM `c; ``d`",
            "SELECT a$b; SELECT 5--3",
            "SELECT begin, end FROM t # it's; \n",
            "INSERT INTO t VALUES ('a''; b') -- it's; \n",
            "UPDATE t SET begin = IF(a, 1, 2) /* it's; */",
            "ALTER TABLE größe ADD `end` int",
        )
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_strings_and_comments_of_mysql_end_where_another_tokenizer_has_it(seed: int) -> None:
    rng = random.Random(seed)
    sql = ";\n".join(on_mysql(rng) for _each in range(rng.randint(1, 9)))
    semicolons = [
        each.start for each in sqlglot.tokenize(sql, read="mysql") if each.token_type == TokenType.SEMICOLON
    ]
    pieces = [
        sql[start:end] for start, end in zip([0, *(at + 1 for at in semicolons)], [*semicolons, len(sql)])
    ]
    assert [each.text for each in statements(sql, MYSQL)] == [piece.strip() for piece in pieces]


def compound(rng: random.Random, depth: int = 0) -> str:
    """A statement of a stored program, without its semicolon."""
    if depth > 2 or rng.random() < 0.3:
        return rng.choice(
            (
                "SET @a = 1",
                "SET @a = IF(@b, REPEAT('x', 2), CASE @c WHEN 1 THEN 'a; b' ELSE 2 END)",
                "SET @end = CASE WHEN @end THEN @begin ELSE @end END",
                "SELECT begin, end, CASE WHEN end THEN end ELSE begin END FROM names INTO @a, @b, @c",
                "SET @a = 'it\\'s; x' /* END; */",
            )
        )
    some = "; ".join(compound(rng, depth + 1) for _each in range(rng.randint(1, 3))) + ";"
    return rng.choice(
        (
            f"BEGIN {some} END",
            f"b{depth}: BEGIN {some} END b{depth}",
            f"BEGIN DECLARE CONTINUE HANDLER FOR SQLSTATE '42S02', NOT FOUND BEGIN {some} END; {some} END",
            f"BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION SET @a = 1; {some} END",
            f"IF (@a) THEN {some} END IF",
            f"IF CASE WHEN @a THEN 1 END THEN {some} ELSEIF @b THEN {some} ELSE {some} END IF",
            f"CASE @a WHEN 1 THEN {some} ELSE {some} END CASE",
            f"CASE WHEN @a THEN {some} WHEN CASE @b WHEN 2 THEN 3 END THEN {some} END CASE",
            f"l{depth}: LOOP {some} LEAVE l{depth}; END LOOP l{depth}",
            f"REPEAT {some} UNTIL CASE WHEN @a THEN 1 ELSE 1 END END REPEAT",
            f"w{depth}: WHILE @a DO {some} END WHILE",
        )
    )


def test_a_mysql_server_takes_generated_routines_as_they_are_cut(mysql_url: str) -> None:
    rng = random.Random(1)
    heads = (
        "CREATE OR REPLACE PROCEDURE p(begin int, end int) COMMENT 'a; b' SQL SECURITY INVOKER",
        "CREATE OR REPLACE DEFINER = CURRENT_USER() PROCEDURE p()",
        "CREATE OR REPLACE EVENT e ON SCHEDULE EVERY 1 DAY DISABLE DO",
        "CREATE OR REPLACE TRIGGER g BEFORE INSERT ON names FOR EACH ROW",
    )
    with drivers.opened(resolve(mysql_url, None, {}), read_only=False) as database:
        database.query("CREATE TABLE names (begin int, end int)")
        for _each in range(150):
            created = f"{rng.choice(heads)} {compound(rng)}"
            found = [each.text for each in statements(f"{created}; DROP TABLE customers", MYSQL)]
            assert found == [created, "DROP TABLE customers"]
            database.script(created)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [
        (POSTGRESQL, "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; DROP TABLE t"),
        (POSTGRESQL, "SELECT 'x; DROP TABLE t"),
        (POSTGRESQL, "SELECT /* /* */ 1; DROP TABLE t"),
        (POSTGRESQL, "SELECT $a$ x; DROP TABLE t $b$"),
        (SQLITE, "CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; DROP TABLE t;"),
        (SQLITE, "SELECT [x; DROP TABLE t"),
    ],
)
def test_what_the_system_refuses_as_not_closed_is_refused(dialect: Dialect, sql: str) -> None:
    with pytest.raises(UnreadableError):
        statements(sql, dialect)
    if dialect is POSTGRESQL:
        with pytest.raises(pglast.parser.ParseError):
            pglast.parse_sql(sql)
    else:
        assert not sqlite3.complete_statement(sql)
