# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts lose of a SQLite database: they are tried on a copy, and its rows are compared with those before.

A table is kept where the table of its name has all its rows afterwards, or else a table that the scripts have made in the file
itself: a temporary table and an attached database end with their session. A value that an UPDATE of the scripts sets is not
compared, because an UPDATE is there to put values back.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import Reader, folded
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.session import (
    controls_transaction,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

_FAILS_ALIKE = re.compile(
    r"no such (?:table|column|index|view|trigger|savepoint)|has no column named|already exists|duplicate column"
    r"|constraint failed|within a transaction"
)
"""Errors of the SQL itself, by which the rollback ends as well: it loses no more than the copy has."""
_SAME = (
    "CAST(CASE WHEN (typeof({0}) = 'real' OR {0} = CAST(CAST({0} AS REAL) AS TEXT)) "
    "AND CAST({0} AS REAL) = CAST({0} AS INTEGER) THEN CAST({0} AS INTEGER) ELSE {0} END AS TEXT)"
)
"""A value, whatever the type of its column."""


class SqliteRehearsal:
    """Implements `database.Rehearsal`.

    Args:
        folder: an empty one for two copies.
        copy: writes a copy of the database to a file.
        connect: opens a file. What it opens reaches no other file.
    """

    def __init__(
        self,
        folder: Path,
        dialect: Dialect,
        copy: Callable[[Path], None],
        connect: Callable[[Path], Database],
    ) -> None:
        self._before, self._after = folder / "before.db", folder / "after.db"
        self._dialect = dialect
        self._connect = connect
        self._updated: dict[str, set[str]] = {}
        self._known: set[str] = set()
        copy(self._before)
        shutil.copyfile(self._before, self._after)

    def losses(self, sql: str, *, transactional: bool) -> list[str] | None:
        parsed = statements(sql, self._dialect)
        for statement in parsed:
            for table, columns in _updates(statement):
                self._updated.setdefault(folded(table, self._dialect), set()).update(
                    folded(column, self._dialect) for column in columns
                )
        try:
            ended = self._try(sql, transactional=transactional and not any(map(controls_transaction, parsed)))
            found = list(self._compared())
        except (StrataError, sqlite3.Error) as error:
            return [
                f"was tried on a copy, which failed, so whether it loses rows is not known: {str(error).replace('copy: ', '', 1)}"
            ]
        new = [each for each in found if each not in self._known]
        self._known.update(new)
        return new if ended or new else None

    def _try(self, sql: str, *, transactional: bool) -> bool:
        """Carry a script out; whether it came to its end."""
        database = self._connect(self._after)
        try:
            if not transactional:
                database.script(sql)
            else:
                with database.transaction(None):
                    database.script(sql)
        except StrataError as error:
            if not _FAILS_ALIKE.search(str(error)):
                raise
            return False
        else:
            return True
        finally:
            database.close()

    def _compared(self) -> Iterator[str]:
        with closing(sqlite3.connect(self._after)) as connection:
            connection.execute("ATTACH ? AS before", (str(self._before),))
            before, after = _tables(connection, "before"), _tables(connection, "main")
            fresh = {name: columns for name, columns in after.items() if name not in before}
            for table in before:
                loss, place = self._lost(connection, table, before[table], after, fresh)
                fresh.pop(place, None)
                if loss:
                    yield loss

    def _lost(
        self,
        connection: sqlite3.Connection,
        table: str,
        columns: Sequence[str],
        after: Mapping[str, Sequence[str]],
        fresh: Mapping[str, Sequence[str]],
    ) -> tuple[str, str]:
        """What a table has lost, and where its rows are now; "" for nothing and nowhere."""
        held = [column for column in columns if _count(connection, "before", table, column)]
        rows = _count(connection, "before", table)
        loss = f"loses rows of table {table}"
        for place in ([table] if table in after else []) + list(fresh):
            if not rows or _count(connection, "main", place) < rows:
                continue
            updated = self._updated.get(table.lower(), set()) | self._updated.get(place.lower(), set())
            pairs: list[tuple[str, str]] = []
            missing = ""
            for column in held:
                if column.lower() in updated:
                    continue
                other = _counterpart(connection, table, column, place, after[place], pairs)
                if not other:
                    missing = missing or column
                else:
                    pairs.append((column, other))
            if (pairs or place == table) and _contains(connection, table, place, pairs):
                if not missing:
                    return "", place
                if place == table:
                    loss = f"loses values of column {table}.{missing}"
        return (loss, "") if rows else ("", "")


def _counterpart(
    connection: sqlite3.Connection,
    table: str,
    column: str,
    place: str,
    columns: Sequence[str],
    taken: Sequence[tuple[str, str]],
) -> str:
    """The column that holds the values of another now: the one of the same name, or one that holds all of them; "" if no column does."""
    for other in columns:
        if other.lower() == column.lower():
            return other
    free = [other for other in columns if other not in [used for _column, used in taken]]
    return next((other for other in free if _contains(connection, table, place, [(column, other)])), "")


def _contains(
    connection: sqlite3.Connection, table: str, place: str, pairs: Sequence[tuple[str, str]]
) -> bool:
    """Whether each row of ``before.table``, as far as these columns go, is in ``main.place``, as often as there."""
    if not pairs:
        return True
    first, second = (
        ", ".join(_SAME.format(_quoted(each)) for each in side)
        for side in (dict(pairs), dict(pairs).values())
    )
    numbered = "SELECT {0}, row_number() OVER (PARTITION BY {0}) FROM {1}"
    before = numbered.format(first, f"before.{_quoted(table)}")
    after = numbered.format(second, f"main.{_quoted(place)}")
    return not connection.execute(f"SELECT 1 FROM ({before} EXCEPT {after}) LIMIT 1").fetchall()  # noqa: S608 (names of the schema)


def _count(connection: sqlite3.Connection, schema: str, table: str, column: str = "") -> int:
    counted = _quoted(column) if column else "*"
    return int(connection.execute(f"SELECT count({counted}) FROM {schema}.{_quoted(table)}").fetchone()[0])  # noqa: S608 (names of the schema)


def _tables(connection: sqlite3.Connection, schema: str) -> dict[str, list[str]]:
    """The tables of a database, and their columns."""
    names = connection.execute(
        f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'"  # noqa: S608 (one of the two)
    ).fetchall()
    return {
        name: [
            row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({_quoted(name)})").fetchall()
        ]
        for (name,) in names
    }


def _updates(statement: Statement) -> Iterator[tuple[str, list[str]]]:
    """The tables of the UPDATEs in a statement, and the columns that they set."""
    tokens = statement.tokens
    inserted = Reader(tokens[tokens.index("INTO") + 1 :]).name() if "INTO" in tokens else ""
    for at, word in enumerate(tokens):
        if word != "UPDATE":
            continue
        reader = Reader(tokens[at + 1 :])
        if reader.took("OR"):
            reader.skip(*reader.rest[:1])
        table = inserted if reader.rest[:1] == ("SET",) else reader.name().rpartition(".")[2]
        while reader.rest and not reader.took("SET"):
            reader.skip(*reader.rest[:1])
        yield table, _assigned(reader.rest)


def _assigned(tokens: Sequence[str]) -> list[str]:
    """The columns before the equals signs of ``a = 1, (b, c) = (2, 3)``."""
    found: list[str] = []
    expected = True
    depth = getattr(tokens[0], "depth", 0) if tokens else 0
    for word in tokens:
        level = getattr(word, "depth", 0)
        if level < depth or (level == depth and word in ("WHERE", "FROM", "RETURNING", ";", "END")):
            break
        if level == depth and word == "=":
            expected = False
        elif level == depth and word == ",":
            expected = True
        elif expected and word not in ("(", ")", ","):
            found.append(getattr(word, "spelled", word))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
