# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the linter about code: what breaks a release that is still running, and knows nothing of the migration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    altered,
    changes_type,
    column_change,
    constraint,
    deleted_from,
    folded,
    is_about_column,
    new_columns,
    objects,
    renamed,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_COPY_OVER = "have the new release write both, copy the old rows over in batches, read the new one, and drop the old one in a contract migration"
ADVICE = {
    "add-not-null": "inserts of the running release, which does not know the column, would fail. Give it a DEFAULT; or add it "
    "nullable, have the new release fill it, and set NOT NULL in a contract migration.",
    "change-type": "the running release may not take the new type, and most changes have the table rewritten while its "
    f"queries wait. Add a new column beside it, {_COPY_OVER}.",
    "delete": "the running release may still need the rows. Delete them in a contract migration.",
    "drop-column": "the running release may still name it. Let the new release do without it, and drop it in a contract "
    "migration.",
    "drop-default": "inserts of the running release may rely on it. Let the new release give the value itself, and drop the "
    "default in a contract migration.",
    "drop-object": "the running release may still use it. Let the new release do without it, and drop it in a contract "
    "migration; give a new form of it a new name, or use CREATE OR REPLACE.",
    "drop-table": "the running release may still use it. Let the new release do without it, and drop it in a contract "
    "migration.",
    "rebuild-table": "whether the new table has all that the running release uses of the old one is not known. Where it has, "
    "waive the rule and say so; else do it in a contract migration.",
    "rename": f"the running release knows the old name alone. Column: add one of the new name, {_COPY_OVER}. Table: rename it "
    "in a contract migration; or now, with a view of the old name in the same transaction, and waive the rule.",
    "revoke": "the running release may need it to get at its rows. Let the new release do without it, and take it away in a "
    "contract migration.",
    "set-not-null": "inserts of the running release may leave it out, and all rows are read while the table's queries wait. "
    "Let the new release fill it. Then, in contract migrations, on PostgreSQL: ADD CONSTRAINT c CHECK (column IS NOT "
    "NULL) NOT VALID in one; in the next VALIDATE CONSTRAINT c, after it SET NOT NULL, which reads no rows any more, and "
    "DROP CONSTRAINT c.",
    "truncate": "the running release may still need the rows. Do it in a contract migration.",
}

_UNNAMED = frozenset(("INDEX", "STATISTICS", "TEMPORARY", "PREPARE"))  # no other session's query names them
_HAVE_VALUE = frozenset(("DEFAULT", "GENERATED", "AS", "AUTO_INCREMENT"))


def broken(statement: Statement, later: Sequence[Statement], dialect: Dialect) -> Iterator[str]:
    """The rules that a statement breaks; ``later`` are those after it in its migration."""
    words = statement.words
    table, actions = altered(statement)
    if table:
        for action in actions:
            yield from _broken_by(action, dialect)
    elif words[0] in ("REVOKE", "TRUNCATE", "RENAME"):
        yield words[0].lower()
    elif deleted_from(statement) or words[0] == "DELETE" or (words[0] == "MERGE" and "DELETE" in words):
        yield "delete"
    elif words[:2] == ("DROP", "TABLE"):
        dropped = {folded(name, dialect) for name in objects(statement)}
        replaced = {folded(new, dialect) for each in later for _old, new in renamed(each)}
        yield "rebuild-table" if dropped & replaced else "drop-table"
    elif words[:4] == ("CREATE", "OR", "REPLACE", "TABLE"):
        yield "drop-table"
    elif words[0] == "DROP" and _UNNAMED.isdisjoint(words[1:2]):
        yield "drop-object"
    elif words[:2] == ("ALTER", "DOMAIN") and (
        ("SET", "NOT", "NULL") in _triples(words) or _refuses_null(statement.tokens)
    ):
        yield "set-not-null"
    elif words[:2] == ("ALTER", "TYPE") and ("DROP", "ATTRIBUTE") in set(zip(words, words[1:])):
        yield "drop-column"
    elif words[:2] == ("ALTER", "TYPE") and ("ALTER", "ATTRIBUTE") in set(zip(words, words[1:])):
        yield "change-type"
    elif (
        words[0] == "ALTER"
        and _UNNAMED.isdisjoint(words[1:2])
        and ("RENAME" in words or words[-3:-1] == ("SET", "SCHEMA"))
    ):
        yield "rename"


def _broken_by(action: Sequence[Word], dialect: Dialect) -> Iterator[str]:
    words = tuple(word for word in action if not word.depth)
    verb, rest = words[0], words[1:]
    about_column = is_about_column(action, dialect)
    if verb in ("DROP", "DETACH", "EXCHANGE") and rest[:1] == ("PARTITION",):
        yield "delete"
    elif verb == "TRUNCATE":
        yield "truncate"
    elif verb == "DROP" and about_column:
        yield "drop-column"
    elif (verb == "RENAME" and about_column) or (verb == "SET" and rest[:1] == ("SCHEMA",)):
        yield "rename"
    elif verb == "MODIFY":
        yield "change-type"
    elif verb == "CHANGE":
        yield "change-type"
        names = [word for word in rest if word not in ("COLUMN", "IF", "EXISTS")]
        if names[1:] and folded(names[0].spelled, dialect) != folded(names[1].spelled, dialect):
            yield "rename"
    elif verb == "ALTER":
        _column, change = column_change(action)
        if change[:3] == ("SET", "NOT", "NULL"):
            yield "set-not-null"
        elif change[:1] == ("DROP",) and change[1:2] in (("DEFAULT",), ("IDENTITY",), ("EXPRESSION",)):
            yield "drop-default"
        elif changes_type(change):
            yield "change-type"
    elif constraint(action) == "NOT" or (constraint(action) == "CHECK" and _refuses_null(action)):
        yield "set-not-null"
    elif any(map(_needs_value, new_columns(action))):
        yield "add-not-null"
    elif words == ("ENABLE", "ROW", "LEVEL", "SECURITY"):
        yield "revoke"


def _needs_value(column: Sequence[Word]) -> bool:
    words = [word for word in column if not word.depth]
    return (("NOT", "NULL") in set(zip(words, words[1:])) or _refuses_null(column)) and not any(
        word in _HAVE_VALUE or word.rstrip("248").endswith("SERIAL") for word in words
    )


def _refuses_null(words: Sequence[Word]) -> bool:
    """Whether a CHECK has it that something is not null, and so fails what leaves that out, even if NOT VALID."""
    check = words[words.index("CHECK") :] if "CHECK" in words else ()
    return ("IS", "NOT", "NULL") in _triples(check) or "NOTNULL" in check


def _triples(words: Sequence[Word]) -> set[tuple[Word, ...]]:
    return set(zip(words, words[1:], words[2:]))
