# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement is about: the tables and other objects that it names, and the parts of an ALTER TABLE."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import LETTERS

_QUOTED = r'"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]'
_NAME = re.compile(rf"(?![0-9]+\Z)[{LETTERS}0-9][{LETTERS}0-9$]*|\$[{LETTERS}0-9$]+")
_PART = re.compile(rf"{_QUOTED}|[^.]+")
_CONSTRAINTS = frozenset(("CHECK", "EXCLUDE", "FOREIGN", "NOT", "PRIMARY", "UNIQUE"))
_INDEXES = frozenset(("FULLTEXT", "INDEX", "KEY", "SPATIAL"))
_ROUTINES = ("FUNCTION", "PROCEDURE", "ROUTINE")
_RELATIONS = ("TABLE", "TABLES", "SEQUENCE", "INDEX")
"""Kinds of which no two have the same name, and which one statement may take for another."""
_GRANTED = frozenset(
    (
        *(
            "DATABASE",
            "DOMAIN",
            "FOREIGN",
            "LANGUAGE",
            "LARGE",
            "PARAMETER",
            "SCHEMA",
            "SEQUENCE",
            "TABLE",
            "TABLESPACE",
        ),
        *("TYPE", *_ROUTINES),
    )
)
_CREATED = ("TABLE", "VIEW", "SEQUENCE", "TYPE", "DOMAIN", *_ROUTINES)


class Reader:
    """Takes the words of a statement one after the other."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = tuple(words)
        self._at = 0

    @property
    def rest(self) -> tuple[Word, ...]:
        return self._words[self._at :]

    def took(self, *words: str) -> bool:
        """Whether these come next; then they are taken."""
        if self.rest[: len(words)] != words:
            return False
        self._at += len(words)
        return True

    def skip(self, *words: str) -> None:
        """Take as many of these as come next, in whatever order."""
        while self.rest and self.rest[0] in words:
            self._at += 1

    def name(self) -> str:
        """The name that comes next, as it is spelled, its schema with it; "" where none does."""
        parts: list[str] = []
        while self.rest and _is_name(self.rest[0]):
            parts.append(self.rest[0].spelled)
            self._at += 1
            if self.rest[:1] != (".",):
                break
            self._at += 1
        return ".".join(parts)

    def names(self) -> list[str]:
        """Those that come next, with commas between them."""
        found = [self.name()]
        while self.took("*") or self.took(","):
            found.append(self.name())
        return [name for name in found if name]

    def routines(self) -> list[str]:
        """As `names`, each with its parameters, or with ``(*)`` where none are given."""
        found: list[str] = []
        while name := self.name():
            found.append(name + self._parameters())
            if not self.took(","):
                break
        return found

    def _parameters(self) -> str:
        if not self.took("("):
            return "(*)"
        inside = []
        while self.rest and (self.rest[0].depth or self.rest[0] != ")"):
            inside.append(self.rest[0].spelled.lower())
            self._at += 1
        self._at += 1
        return f"({' '.join(inside)})"


def altered(statement: Statement) -> tuple[str, list[tuple[Word, ...]]]:
    """The table of an ALTER TABLE, and what is to be done with it; "" and nothing for other statements."""
    reader = Reader(statement.tokens)
    if not reader.took("ALTER"):
        return "", []
    reader.skip("ONLINE", "IGNORE", "FOREIGN")
    if not reader.took("TABLE"):
        return "", []
    reader.skip("IF", "EXISTS", "ONLY")
    table = reader.name()
    reader.skip("*", "NOWAIT")
    actions: list[list[Word]] = [[]]
    for word in reader.rest:
        if word == "," and not word.depth:
            actions.append([])
        else:
            actions[-1].append(word)
    return table, [tuple(action) for action in actions if action]


def folded(name: str, dialect: Dialect) -> str:
    """A name as it is compared with others: without quotes, and in small letters where case is not told apart."""
    return ".".join(_folded(part, dialect) for part in _PART.findall(name))


def folded_table(name: str, dialect: Dialect) -> str:
    """The same of a table or another object, whose names the file system may keep as they are spelled."""
    if dialect.folds_tables:
        return folded(name, dialect)
    return ".".join(map(_plain, _PART.findall(name)))


def _folded(part: str, dialect: Dialect) -> str:
    if part[0] in '"`[' and dialect.keeps_quoted_case:
        return _plain(part)
    # No system is sure to fold other letters.
    return re.sub("[A-Z]+", lambda found: found.group().lower(), _plain(part))


def _plain(part: str) -> str:
    """Without quotes, unless it would read as several names then."""
    if part[0] not in '"`[':
        return part
    return part if "." in part else part[1:-1]


def split(name: str) -> list[str]:
    """The parts of a name."""
    return _PART.findall(name)


def is_qualified(name: str) -> bool:
    """Whether a name says in which schema or database it is."""
    return "." in re.sub(_QUOTED, "", name).partition("(")[0]


def _is_name(word: Word) -> bool:
    return word.spelled[0] in '"`[' or (_NAME.fullmatch(word) is not None)


def objects(statement: Statement) -> list[str]:
    """What a statement changes, as far as it may have been created a moment before.

    Names are as they are spelled, those of routines with their parameters and those of all but tables and their like with the
    kind behind them, because something of another kind may have the same name.
    """
    table, _actions = altered(statement)
    if table:
        return [table]
    reader = Reader(statement.tokens)
    if reader.took("DROP") or reader.took("ALTER") or reader.took("REFRESH"):
        reader.skip("FOREIGN", "TEMPORARY")
        return _named(reader)
    if reader.took("CREATE"):
        reader.skip("UNIQUE", *_INDEXES)
        return _indexed(reader) if statement.words[1:3] and "INDEX" in statement.words[1:3] else []
    if reader.took("RENAME"):
        return [old for old, _new in renamed(statement)]
    if reader.took("TRUNCATE") or reader.took("UPDATE") or reader.took("LOCK"):
        reader.skip("TABLE", "TABLES", "ONLY")
        return reader.names()
    if reader.took("REVOKE") and "ON" in statement.words:
        reader = Reader(statement.tokens[statement.tokens.index("ON") + 1 :])
        return [] if reader.rest[:1] == ("ALL",) else _named(reader, always=False)
    return deleted_from(statement)


def deleted_from(statement: Statement) -> list[str]:
    """The tables of the DELETEs in a statement, also in its WITH clauses."""
    if statement.words[0] not in ("DELETE", "WITH", "INSERT", "UPDATE", "SELECT", "EXPLAIN"):
        return []
    found = []
    for at, pair in enumerate(zip(statement.tokens, statement.tokens[1:])):
        if pair == ("DELETE", "FROM"):
            reader = Reader(statement.tokens[at + 2 :])
            reader.skip("ONLY")
            found += reader.names()
    return found


def created(statement: Statement) -> str:
    """What a statement creates, named as `objects` does; "" for what may replace another."""
    reader = Reader(statement.tokens)
    if not reader.took("CREATE"):
        return ""
    reader.skip("GLOBAL", "LOCAL", "TEMP", "TEMPORARY", "UNLOGGED", "RECURSIVE")
    if not reader.rest or reader.rest[0] not in ("MATERIALIZED", *_CREATED):
        return ""
    return next(iter(_named(reader)), "")


def renamed(statement: Statement) -> list[tuple[str, str]]:
    """The tables that a statement renames or moves to another schema, each with its old name before the new one."""
    table, actions = altered(statement)
    pairs = []
    for action in actions:
        reader = Reader(action)
        if reader.took("RENAME") and (reader.took("TO") or reader.took("AS") or len(reader.rest) == 1):
            pairs.append((table, _beside(table, reader.name())))
        elif reader.took("SET", "SCHEMA"):
            pairs.append((table, f"{reader.name()}.{_PART.findall(table)[-1]}"))
    reader = Reader(statement.tokens)
    if reader.took("RENAME", "TABLE") or reader.took("RENAME", "TABLES"):
        reader.skip("IF", "EXISTS")
        while reader.rest:
            old = reader.name()
            reader.skip("TO")
            pairs.append((old, reader.name()))
            if not reader.took(","):
                break
    return pairs


def new_columns(action: Sequence[Word]) -> list[tuple[Word, ...]]:
    """The columns that an action of an ALTER TABLE adds, each with its definition, without the parentheses around all."""
    reader = Reader(action)
    if not reader.took("ADD") or constraint(action) or (reader.rest and reader.rest[0] in _INDEXES):
        return []
    reader.took("UNIQUE")
    reader.took("COLUMN")
    reader.took("IF", "NOT", "EXISTS")
    if reader.rest[:1] != ("(",):
        return [reader.rest] if reader.rest[:1] != ("PARTITION",) else []
    columns: list[list[Word]] = [[]]
    for word in reader.rest[1:]:
        if not word.depth:
            break
        inner = Word(word, word.spelled, word.depth - 1)
        if inner == "," and not inner.depth:
            columns.append([])
        else:
            columns[-1].append(inner)
    return [tuple(column) for column in columns]


def constraint(action: Sequence[Word]) -> str:
    """The kind of constraint that an action of an ALTER TABLE adds, by its first word; "" for anything else."""
    reader = Reader(action)
    if not reader.took("ADD"):
        return ""
    if reader.took("CONSTRAINT") and reader.rest and reader.rest[0] not in _CONSTRAINTS:
        reader.took("IF", "NOT", "EXISTS")
        reader.name()
    return str(reader.rest[0]) if reader.rest and reader.rest[0] in _CONSTRAINTS else ""


def column_change(action: Sequence[Word]) -> tuple[str, tuple[Word, ...]]:
    """The column of an ALTER [COLUMN] or ALTER ATTRIBUTE action as it is spelled, and what becomes of it."""
    reader = Reader([word for word in action if not word.depth])
    if not reader.took("ALTER"):
        return "", ()
    if len(reader.rest) > 2:
        reader.skip("COLUMN", "ATTRIBUTE")
    return reader.name(), reader.rest


def changes_type(change: Sequence[Word]) -> bool:
    return tuple(change[:1]) == ("TYPE",) or tuple(change[:3]) == ("SET", "DATA", "TYPE")


def is_about_column(action: Sequence[Word], dialect: Dialect) -> bool:
    """Whether a DROP or RENAME action of an ALTER TABLE is about a column, and not an index, a key or a constraint."""
    rest = [word for word in action[1:] if not word.depth]
    return len(rest) < 2 or rest[0] not in (*dialect.table_parts, "PARTITION")


def _named(reader: Reader, *, always: bool = True) -> list[str]:
    """The kind of object and the names that come next; where not ``always`` a kind is given, they are tables."""
    materialized = reader.took("MATERIALIZED")
    kind = str(next(iter(reader.rest), ""))
    if always or kind in _GRANTED:
        reader.skip(kind)
    else:
        kind = "TABLE"
    reader.skip("IF", "NOT", "EXISTS", "CONCURRENTLY")
    if kind in _ROUTINES:
        return reader.routines()
    names = reader.names()
    return names if materialized or kind in _RELATIONS else [f"{name} {kind.lower()}" for name in names]


def _indexed(reader: Reader) -> list[str]:
    """The table after CREATE INDEX."""
    while reader.rest and not reader.took("ON"):
        reader.skip(*reader.rest[:1])
    reader.skip("ONLY")
    return [reader.name()]


def _beside(table: str, name: str) -> str:
    """A new name, with the schema of the old one where it has none of its own."""
    schema = _PART.findall(table)[:-1]
    return ".".join([*schema, name]) if len(_PART.findall(name)) == 1 else name
