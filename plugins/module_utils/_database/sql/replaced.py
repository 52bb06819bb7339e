# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects that a migration drops and creates again, or replaces: whether queries find what they found before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import Catalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    folded,
    listed,
    parts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_ROUTINES = ("FUNCTION", "PROCEDURE")
_MODES = ("IN", "OUT", "INOUT", "VARIADIC")
_BEFORE_VIEW = (
    "OR",
    "REPLACE",
    "RECURSIVE",
    "ALGORITHM",
    "=",
    "UNDEFINED",
    "MERGE",
    "TEMPTABLE",
)


_AFTER_LIST = ("FROM", "UNION", "EXCEPT", "INTERSECT")


@dataclass(frozen=True)
class _Object:
    """``table`` is a trigger's, ``arguments`` a routine's; None where they are not said."""

    kind: str
    name: str
    table: str | None = None
    arguments: tuple[tuple[Word, ...], ...] | None = None


def is_created_again(
    dropped: Statement, later: Sequence[Statement], dialect: Dialect, catalog: Catalog
) -> bool:
    """Whether all that a DROP drops is created again by ``later``, in the same transaction, and nothing is lost by it."""
    found = list(_dropped(dropped))
    return (
        bool(found)
        and "CASCADE" not in dropped.words
        and all(any(_restores(each, new, later, dialect, catalog) for new in later) for each in found)
    )


def replaces_view(statement: Statement) -> bool:
    return statement.words[:3] == ("CREATE", "OR", "REPLACE") and bool(_view(statement)[0])


def keeps_columns(statement: Statement, dialect: Dialect, catalog: Catalog) -> bool:
    """Whether the view that a statement creates or alters has all the columns that the database's view of this name has."""
    name, rest = _view(statement)
    old = catalog.columns(parts(name, dialect))
    return old is not None and set(old) <= {folded(column, dialect) for column in _columns(rest)}


def _dropped(statement: Statement) -> Iterator[_Object]:
    reader = Reader(statement.tokens[1:])
    kind = reader.rest[0] if reader.rest else ""
    if kind not in (*_ROUTINES, "TRIGGER", "VIEW"):
        return
    reader.skip(kind, "IF", "EXISTS")
    while reader.rest:
        name = reader.name()
        arguments = _arguments(reader) if kind in _ROUTINES else None
        table = reader.name() if reader.took("ON") else None
        if not name:
            return
        yield _Object(kind, name, table, arguments)
        if not reader.took(","):
            return


def _restores(
    old: _Object, statement: Statement, later: Sequence[Statement], dialect: Dialect, catalog: Catalog
) -> bool:
    new = _created(statement)
    if new is None or new.kind != old.kind or folded(new.name, dialect) != folded(old.name, dialect):
        return False
    name = parts(old.name, dialect)
    if old.kind == "TRIGGER":
        return old.table is None or folded(old.table, dialect) == folded(new.table or "", dialect)
    if old.kind == "VIEW" and not keeps_columns(statement, dialect, catalog):
        return False
    if old.kind in _ROUTINES and not _same_arguments(old.arguments, new.arguments or (), dialect):
        return False
    granted = any(
        each.words[0] == "GRANT" and name[-1] in {folded(word.spelled, dialect) for word in each.words}
        for each in later
    )
    return granted or not catalog.has_grants(name, routine=old.kind in _ROUTINES)


def _created(statement: Statement) -> _Object | None:
    reader = Reader(statement.tokens)
    if not reader.took("CREATE"):
        return None
    view, _rest = _view(statement)
    if view:
        return _Object("VIEW", view)
    reader.skip("OR", "REPLACE", "CONSTRAINT")
    kind = reader.rest[0] if reader.rest else ""
    reader.skip(kind, "IF", "NOT", "EXISTS")
    name = reader.name()
    if kind == "TRIGGER":
        words = statement.words
        return _Object(kind, name, Reader(words[words.index("ON") + 1 :]).name() if "ON" in words else None)
    return _Object(kind, name, None, _arguments(reader)) if kind in _ROUTINES else None


def _view(statement: Statement) -> tuple[str, tuple[Word, ...]]:
    """The name of the view that a statement creates or alters, and what follows it; "" for other statements."""
    reader = Reader(statement.tokens)
    if not (reader.took("CREATE") or reader.took("ALTER")):
        return "", ()
    reader.skip(*_BEFORE_VIEW)
    if reader.took("DEFINER"):
        while reader.rest and reader.rest[0] not in ("SQL", "VIEW"):
            reader.skip(str(reader.rest[0]))
    if reader.took("SQL", "SECURITY"):
        reader.skip("DEFINER", "INVOKER")
    if not reader.took("VIEW"):
        return "", ()
    reader.skip("IF", "NOT", "EXISTS")
    return reader.name(), reader.rest


def _columns(rest: Sequence[Word]) -> list[str]:
    """The names of a view's columns, from what follows its own name; those that are not said are left out."""
    reader = Reader(rest)
    if reader.took("("):
        return reader.names()
    begin = [at for at, pair in enumerate(zip(reader.rest, reader.rest[1:])) if pair == ("AS", "SELECT")]
    if not begin:
        return []
    selected = reader.rest[begin[0] + 2 :]
    ends = [at for at, word in enumerate(selected) if not word.depth and word in _AFTER_LIST]
    return [item[-1].spelled for item in listed(selected[: min(ends, default=None)]) if _is_named(item)]


def _is_named(item: Sequence[Word]) -> bool:
    """Whether the last word of what is selected is the name of the column."""
    return (len(item) == 1 or item[-2] in ("AS", ".", "DISTINCT", "ALL")) and bool(Reader(item[-1:]).name())


def _arguments(reader: Reader) -> tuple[tuple[Word, ...], ...] | None:
    """The arguments in the parentheses that come next, without those that only give something back."""
    if reader.rest[:1] != ("(",):
        return None
    return tuple(tuple(each) for each in listed(reader.inside()) if each[0] != "OUT")


def _same_arguments(
    old: Sequence[Sequence[Word]] | None, new: Sequence[Sequence[Word]], dialect: Dialect
) -> bool:
    """Whether what is called with the old arguments is called with them still."""
    if old is None:
        return not new
    if len(old) > len(new):
        return False
    return all(_same_type(*pair, dialect) for pair in zip(old, new)) and all(
        {"DEFAULT", "="} & set(each) for each in new[len(old) :]
    )


def _same_type(old: Sequence[Word], new: Sequence[Word], dialect: Dialect) -> bool:
    one, other = (_bare(each, dialect) for each in (old, new))
    return one == other or one == other[1:] or one[1:] == other[1:] != ()


def _bare(argument: Sequence[Word], dialect: Dialect) -> tuple[str, ...]:
    words = argument[1:] if argument[0] in _MODES else argument
    ends = [at for at, word in enumerate(words) if word in ("DEFAULT", "=", ":")]
    words = words[: min(ends, default=None)]
    return tuple(folded(word.spelled, dialect) if Reader([word]).name() else str(word) for word in words)
