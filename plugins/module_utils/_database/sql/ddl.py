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
_AFTER_DEFAULT = frozenset(("CHECK", "CONSTRAINT", "GENERATED", "PRIMARY", "REFERENCES", "UNIQUE"))
_NO_FUNCTIONS = frozenset(
    (
        *("ALL", "AND", "ANY", "ARRAY", "AS", "BETWEEN", "CASE", "CAST", "COALESCE", "CURRENT_TIME"),
        *(
            "CURRENT_TIMESTAMP",
            "DEFAULT",
            "ELSE",
            "EXTRACT",
            "GREATEST",
            "IN",
            "INTERVAL",
            "IS",
            "LEAST",
            "LIKE",
        ),
        *("LOCALTIME", "LOCALTIMESTAMP", "NOT", "NULLIF", "OR", "ROW", "SOME", "THEN", "TRIM", "WHEN"),
    )
)
"""Words before parentheses: what the grammar itself has, none of which has another value in each row."""
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

    def inside(self) -> list[Word]:
        """Take the parentheses that come next; the words in them, as deep as if there were none."""
        depth = self.rest[0].depth
        self._at += 1
        found = []
        while self.rest and self.rest[0].depth > depth:
            word = self.rest[0]
            found.append(Word(word, word.spelled, word.depth - depth - 1))
            self._at += 1
        self.took(")")
        return found

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
    return table, [tuple(action) for action in listed(reader.rest)]


def listed(words: Sequence[Word]) -> list[list[Word]]:
    """The parts of a list, which commas outside parentheses part."""
    found: list[list[Word]] = [[]]
    for word in words:
        if word == "," and not word.depth:
            found.append([])
        else:
            found[-1].append(word)
    return [each for each in found if each]


def alteration(statement: Statement) -> tuple[str, str, tuple[Word, ...]]:
    """The kind of an object that is not a table, its name, and what ALTER does to it; empty for other statements."""
    reader = Reader(statement.words)
    if not reader.took("ALTER") or not reader.rest:
        return "", "", ()
    kind = str(reader.rest[0])
    reader.took(kind)
    if kind in ("EVENT", "MATERIALIZED"):
        reader.skip("TRIGGER", "VIEW")
    reader.took("IF", "EXISTS")
    name = reader.name()
    if reader.took("("):
        reader.took(")")
    if kind == "TRIGGER" and reader.took("ON"):
        reader.name()
    return kind, name, reader.rest


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
    return [tuple(column) for column in listed(reader.inside())]


def default(column: Sequence[Word]) -> tuple[Word, ...]:
    """The expression that a new column has as its default; empty where it has none. The column's first word is its name."""
    words = list(column[1:])
    outside = [word if not word.depth else "" for word in words]
    if "DEFAULT" not in outside:
        return ()
    words = words[outside.index("DEFAULT") + 1 :]
    ends = [at for at, word in enumerate(words) if not word.depth and word in _AFTER_DEFAULT]
    return tuple(words[: min(ends, default=None)])


def calls(expression: Sequence[Word]) -> list[tuple[str, int]]:
    """The functions that an expression calls, each with the number of its arguments; what only looks like a call is left out."""
    found = []
    reader = Reader(expression)
    before = ""
    while reader.rest:
        word = reader.rest[0]
        name = reader.name()
        if not name:
            reader.took(word)
        elif reader.rest[:1] == ("(",) and before not in (":", "AS") and word not in _NO_FUNCTIONS:
            inside = Reader(reader.rest).inside()
            found.append((name, len(listed(inside))))
        before = str(word)
    return found


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


def parts(name: str, dialect: Dialect) -> tuple[str, ...]:
    """The parts of a name without a kind or parameters, the schema first, as a catalog has them."""
    found = [_folded(part, dialect) for part in split(name)]
    return tuple(part[1:-1] if "." in part else part for part in found) or ("",)


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
