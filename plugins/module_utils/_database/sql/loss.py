# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback would lose: the rows of what its SQL drops, empties or deletes from.

The database is asked as it is before the rollback, so names are followed back through what renames them. A change of a
column's type counts where the column has values, for it may cut them; an UPDATE does not count, for it is there to put
values back, nor does a view, for it holds none. What cannot be told counts as a loss: routines that a SELECT, CALL or DO
runs, DROP with a CASCADE to columns of tables that are not named, what is dropped after a schema was renamed, and what a
tool does in its own language. A routine from which an INSERT, UPDATE or CREATE TABLE AS takes values is not looked into, nor
is a trigger: neither is told from one that only reads.

Where the database can be copied, the SQL is tried on a copy: that also finds what triggers, foreign keys and REPLACE
delete, and sees where the rows of a table that is dropped were copied to others before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Rehearsal,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Applied
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    altered,
    changes_type,
    column_change,
    created,
    deleted_from,
    folded,
    folded_table,
    is_about_column,
    is_qualified,
    renamed,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN, Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import directives
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.lookup import Lookup, forgets
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.session import (
    controls_transaction,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

# Django's own words for what Python does, and the engines' for what they cannot have printed.
_UNTOLD = re.compile(r"^--.*\bcannot be (?:written|printed)\b", re.IGNORECASE | re.MULTILINE)
_HARMLESS = frozenset(
    (
        *(
            "ALTER",
            "ANALYZE",
            "ATTACH",
            "CLUSTER",
            "COMMENT",
            "COPY",
            "CREATE",
            "DROP",
            "GRANT",
            "INSERT",
            "LOCK",
        ),
        *(
            "NOTIFY",
            "OPTIMIZE",
            "PRAGMA",
            "REASSIGN",
            "REFRESH",
            "REINDEX",
            "RELEASE",
            "RENAME",
            "REPLACE",
            "RESET",
        ),
        *("REVOKE", "ROLLBACK", "SAVEPOINT", "SET", "UNLOCK", "UPDATE", "USE", "VACUUM", "VALUES", "WITH"),
    )
)
_HARMLESS_CALLS = frozenset(
    ("SETVAL", "NEXTVAL", "SET_CONFIG", "COUNT", "MAX", "MIN", "COALESCE", "NOW", "FROM", "IN", ",")
)
_TEMPORARY = frozenset(("TEMP", "TEMPORARY"))
_ABOUT_PARTS = frozenset(("ADD", "ALTER", "CHANGE", "DROP", "MODIFY", "RENAME"))
_ENGINES = frozenset(("", "ARIA", "INNODB", "MYISAM", "NDB", "NDBCLUSTER", "ROCKSDB"))
_TAKE_COLUMNS_ALONG = frozenset(("TYPE", "DOMAIN", "EXTENSION", "FUNCTION", "ROUTINE", "SCHEMA", "COLLATION"))
_NOT_ALL_ROWS = frozenset(
    ("WHERE", "JOIN", "GROUP", "HAVING", "LIMIT", "DISTINCT", "OFFSET", "EXCEPT", "INTERSECT")
)


def check(targets: Sequence[Applied], database: Database | None, allow: bool) -> None:
    """Raise StrataError, with all that would be lost, unless that is allowed.

    Args:
        targets: the migrations to be taken back, in the order in which they are.
        database: None where there is no connection to ask it.
    """
    if allow or not targets:
        return
    with database.rehearsal() if database else nullcontext() as rehearsal:
        reading = _Reading(database, is_tried=rehearsal is not None)
        found: list[tuple[str, str]] = []
        for target in targets:
            if not target.irreversible:
                losses = _losses(target, reading, rehearsal, first=not found)
                found += [(target.name, loss) for loss in losses]
    if found:
        lines = "".join(f"\n- {name} {loss}" for name, loss in found)
        raise StrataError(
            f"Rolling the database back is refused: data would be lost.{lines}\n"
            "Where that is meant, allow it: allow_data_loss, in the role db_migrate_allow_data_loss.",
            migration=found[0][0],
            data_loss=[{"name": name, "loss": loss} for name, loss in found],
        )


def _losses(target: Applied, reading: _Reading, rehearsal: Rehearsal | None, *, first: bool) -> list[str]:
    """What a target loses; ``first`` where those before it lose nothing."""
    found = list(reading.losses(target))
    if rehearsal is None or not target.down:
        return found
    try:
        transactional = directives(f"What takes {target.name} back", target.down).transactional
        tried = rehearsal.losses(target.down, transactional=transactional)
    except UnreadableError:
        return found
    if first and tried == [] and all(isinstance(each, _Dropped) for each in found):
        return []
    return found or tried or []


class _Dropped(str):
    """The loss of a table whose rows may have been copied to another before."""

    __slots__ = ()


@dataclass(frozen=True)
class _Copy:
    """A table that a rollback makes and fills from another; ``kept`` are words of what it takes, None is all."""

    source: str
    kept: frozenset[str] | None


class _Reading:
    """Reads what a rollback does, from one statement to the next.

    A name in ``_now`` leads to what it is in the database now, None being nothing; a name that is not there is itself.
    """

    def __init__(self, database: Database | None, *, is_tried: bool) -> None:
        self._database = database
        self._is_tried = is_tried
        self._dialect = database.DIALECT if database else UNKNOWN
        self._now: dict[tuple[str, ...], str | None] = {}
        self._copies: dict[str, _Copy] = {}
        self._lookup = Lookup()
        self._usual = self._lookup.place
        self._unsure = False

    def losses(self, target: Applied) -> Iterator[str]:
        """What of it is lost when ``target`` is taken back, each to follow its name."""
        if not target.down or _UNTOLD.search(target.down):
            yield "does what no SQL tells, so whether it loses data is not known"
        self._lookup.restart()
        try:
            found = statements(target.down, self._dialect)
        except UnreadableError as error:
            yield f"has SQL that cannot be read, so whether it loses data is not known. {error}"
            return
        for statement in found:
            yield from self._read(statement)

    def _read(self, statement: Statement) -> Iterator[str]:
        words = statement.words
        table, actions = altered(statement)
        if table:
            if "IGNORE" in statement.tokens[1:3]:
                yield from self._held("may drop duplicates from", table)
            for action in actions:
                yield from self._read_action(table, action)
        elif words[:2] == ("DROP", "TABLE") or words[:4] == ("CREATE", "OR", "REPLACE", "TABLE"):
            reader = Reader(statement.tokens)
            reader.skip("DROP", "CREATE", "OR", "REPLACE", "TABLE", "IF", "EXISTS")
            for name in reader.names():
                yield from self._dropped(name)
                self._now[self._key(name)] = None
        elif words[0] == "TRUNCATE" and "CASCADE" in words:
            yield "empties tables with CASCADE, which are not told"
        elif words[0] == "TRUNCATE":
            reader = Reader(statement.tokens)
            reader.skip("TRUNCATE", "TABLE", "ONLY")
            for name in reader.names():
                yield from self._held("empties", name)
        elif deleted_from(statement):
            for name in deleted_from(statement):
                yield from self._held("deletes from", name)
        elif words[0] == "REPLACE" and not self._is_tried:
            reader = Reader(statement.tokens)
            reader.skip("REPLACE", "LOW_PRIORITY", "DELAYED", "INTO")
            yield from self._held("replaces rows of", reader.name())
        elif _is_untold(statement, self._dialect):
            yield f"has a statement whose effect cannot be told: {' '.join(statement.text.split())[:80]}"
        self._follow(statement)

    def _read_action(self, table: str, action: Sequence[Word]) -> Iterator[str]:
        reader = Reader(action)
        column, change = column_change(action)
        if reader.took("DROP", "PARTITION") or reader.took("TRUNCATE"):
            yield from self._held("drops a part of", table)
        elif reader.took("DROP", "SYSTEM", "VERSIONING"):
            yield from self._held("drops the history of", table)
        elif reader.took("EXCHANGE", "PARTITION"):
            yield from self._held("moves a part of", table)
        elif reader.took("DISCARD"):
            yield from self._held("discards", table)
        elif engine := _engine(action):
            yield from self._held(f"changes to {engine}, which may not keep rows, the engine of", table)
        elif reader.took("CONVERT"):
            yield from self._held("changes the characters of", table)
        elif changes_type(change):
            yield from self._held("changes the type of", table, column)
        elif reader.took("MODIFY") or reader.took("CHANGE"):
            yield from self._held("changes the type of", table, _column(reader))
        elif reader.took("DROP") and is_about_column(action, self._dialect):
            yield from self._held("drops", table, _column(reader))

    def _dropped(self, table: str) -> Iterator[str]:
        """A table that is dropped, whether it is as a whole or its rows have been copied to another before."""
        source = folded(table, self._dialect)
        copies = [self._copies.pop(new) for new, copy in [*self._copies.items()] if copy.source == source]
        if not copies or self._database is None or not self._dialect.columns_query:
            yield from self._held("drops", table, kind=_Dropped)
            return
        now = self._now.get(self._key(table), table)
        rows = self._database.query(self._dialect.columns_query, (folded(now or "", self._dialect),))
        for (column,) in rows:
            kept = copies[0].kept
            if kept is not None and column.lower() not in kept:
                yield from self._held("does without", table, '"' + column.replace('"', '""') + '"')

    def _held(self, verb: str, table: str, column: str = "", *, kind: type[str] = str) -> Iterator[str]:
        """Say that rows are lost, where there are some."""
        shown = f"column {table}.{column}" if column else f"table {table}"
        candidates = self._candidates(table, column)
        if self._is_elsewhere(table):
            yield f"{verb} {shown}, after it has set where names are looked up, so whether that holds rows is not known"
        elif not candidates:
            return
        elif self._unsure:
            yield f"{verb} {shown}, after it has changed what names stand for, so whether that holds rows is not known"
        elif self._database is None:
            yield f"{verb} {shown}, and no database is given to see whether that holds rows"
        else:
            try:
                if any(self._database.has_rows(*candidate) for candidate in candidates):
                    yield kind(f"{verb} {shown}, which holds {'values' if column else 'rows'}")
            except StrataError as error:
                yield f"{verb} {shown}, and whether that holds rows is not known: {error}"

    def _candidates(self, table: str, column: str) -> list[tuple[str, str | None]]:
        """What a table, and a column of it, may be in the database now.

        One that was renamed may be named with its schema before and without it after, or the other way round.
        """
        name = self._key(table)[0]
        names = [name, *(key[0] for key in self._now if _same_but_schema(key[0], name))]
        found: list[tuple[str, str | None]] = []
        for each in dict.fromkeys(names):
            now = self._now.get((each,), table)
            key = (each, *self._key(column)) if column else ()
            column_now = self._now.get(key, column) if column else ""
            if now is not None and column_now is not None:
                found.append((now, column_now or None))
        return found

    def _follow(self, statement: Statement) -> None:
        """Take note of what is called otherwise after a statement."""
        words = statement.words
        self._lookup.follow(statement)
        for old, new in renamed(statement):
            if self._is_elsewhere(old):
                self._unsure = True  # it may be any table that has another name now
            self._rename(self._key(old), self._key(new), old)
            for key in [key for key in self._now if key[0] == self._key(old)[0] and key[1:]]:
                self._now[self._key(new)[0], key[1]] = self._now.pop(key)
        table, actions = altered(statement)
        for action in actions:
            reader = Reader(action)
            if action[1:2] not in (("TO",), ("AS",)) and (reader.took("RENAME") or reader.took("CHANGE")):
                old = _column(reader)
                reader.took("TO")
                new = reader.name()
                if (
                    is_about_column(action, self._dialect)
                    and new
                    and folded(old, self._dialect) != folded(new, self._dialect)
                ):
                    self._rename(self._key(table, old), self._key(table, new), old)
        name = created(statement)
        # Beside a temporary table, one of the same name stays.
        if (
            name
            and ("IF", "NOT") not in set(zip(words, words[1:]))
            and _TEMPORARY.isdisjoint(words[1:4])
            and not self._is_elsewhere(name)
        ):
            self._now[self._key(name)] = None
        if words[:2] == ("INSERT", "INTO"):
            self._follow_copy(statement)
        if forgets(statement):
            self._unsure = True
            # What was created before may be gone, or have another name.
            self._now = {key: now for key, now in self._now.items() if now is not None}

    def _is_elsewhere(self, name: str) -> bool:
        return self._lookup.place != self._usual and not is_qualified(name)

    def _follow_copy(self, statement: Statement) -> None:
        """INSERT INTO new SELECT ... FROM old: what is done with the new table befalls the rows of the old one."""
        words = statement.words
        reader = Reader(statement.tokens[2:])
        new = reader.name()
        if self._now.get(self._key(new), new) is not None or not {"SELECT", "FROM"} <= set(words):
            return
        source = Reader(words[words.index("FROM") + 1 :])
        old = source.name()
        taken = statement.tokens[statement.tokens.index("SELECT") + 1 : statement.tokens.index("FROM")]
        if source.rest or not _NOT_ALL_ROWS.isdisjoint(words):
            return
        kept = None if taken == ("*",) else frozenset(folded(word.spelled, self._dialect) for word in taken)
        self._now[self._key(new)] = self._now.get(self._key(old), old)
        self._copies[folded(new, self._dialect)] = _Copy(folded(old, self._dialect), kept)

    def _rename(self, old: tuple[str, ...], new: tuple[str, ...], spelled: str) -> None:
        self._now[new] = self._now.get(old, spelled)
        self._now[old] = None

    def _key(self, table: str, column: str = "") -> tuple[str, ...]:
        key = (folded_table(table, self._dialect),)
        return (*key, folded(column, self._dialect)) if column else key


def _engine(action: Sequence[Word]) -> str:
    """The storage engine that an action of an ALTER TABLE says, where its tables may lose their rows."""
    if action[0] in _ABOUT_PARTS or "ENGINE" not in action:
        return ""
    reader = Reader(action[action.index("ENGINE") + 1 :])
    reader.skip("=")
    engine = reader.name()
    return "" if engine.upper() in _ENGINES else engine


def _column(reader: Reader) -> str:
    reader.took("COLUMN")
    reader.took("IF", "EXISTS")
    return reader.name()


def _same_but_schema(name: str, other: str) -> bool:
    """Whether two names may be one: of which one has a schema and the other has none, or which differ in case."""
    name, other = name.lower(), other.lower()
    return name == other or name.endswith(f".{other}") or other.endswith(f".{name}")


def _is_untold(statement: Statement, dialect: Dialect) -> bool:
    """Whether a statement may lose rows that cannot be told."""
    words, tokens = statement.words, statement.tokens
    if controls_transaction(statement):
        return False
    if words[0] == "SELECT":
        return not {before for before, word in zip(tokens, tokens[1:]) if word == "("} <= _HARMLESS_CALLS
    if words[0] == "DROP":
        return (
            words[1:2] in (("DATABASE",), ("OWNED",))
            or (words[1:2] == ("SCHEMA",) and dialect.schema_is_database)
            or ("CASCADE" in words and not _TAKE_COLUMNS_ALONG.isdisjoint(words[1:2]))
        )
    if words[:2] == ("ALTER", "TYPE"):
        return "ATTRIBUTE" in words and not {"DROP", "ALTER"}.isdisjoint(words[2:])
    return words[0] not in _HARMLESS
