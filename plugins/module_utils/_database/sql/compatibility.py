# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the linter about code: what breaks a release that is still running, and knows nothing of the migration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    UNKNOWN_CATALOG,
    Catalog,
    Name,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    alteration,
    altered,
    changes_type,
    column_change,
    constraint,
    deleted_from,
    folded,
    folded_table,
    is_about_column,
    new_columns,
    objects,
    parts,
    renamed,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.replaced import (
    is_created_again,
    keeps_columns,
    replaces_view,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_COPY_OVER = "have the new release write both, copy the old rows over in batches, read the new one, and drop the old one in a contract migration"
ADVICE = {
    "add-not-null": "inserts of the running release, which does not know the column, would fail. Give it a DEFAULT; or add it "
    "nullable, have the new release fill it, and set NOT NULL in a contract migration.",
    "change-object": "the running release may rely on it as it is now. Make a new one beside it for the new release, or change it in "
    "a contract migration.",
    "change-type": "the running release may not take the new type, and most changes have the table rewritten while its "
    f"queries wait. Add a new column beside it, {_COPY_OVER}.",
    "delete": "the running release may still need the rows. Delete them in a contract migration.",
    "drop-column": "the running release may still name it. Let the new release do without it, and drop it in a contract "
    "migration.",
    "drop-constraint": "the running release may rely on it: ON CONFLICT and ON DUPLICATE KEY on a unique one, deletes on a foreign "
    "key's CASCADE, and its error handling on any. Drop it in a contract migration. To replace a CHECK, drop it and "
    "add one of the same name in the same migration.",
    "drop-default": "inserts of the running release may rely on it. Let the new release give the value itself, and drop or "
    "change the default in a contract migration.",
    "drop-object": "the running release may still use it. Let the new release do without it, and drop it in a contract "
    "migration; give a new form of it a new name, or use CREATE OR REPLACE. Where the database takes back a change of its schema, a view "
    "with all its columns, a routine with the same arguments or a trigger may be dropped and created again in one migration; "
    "GRANT again what was granted.",
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

_HAVE_VALUE = frozenset(("DEFAULT", "GENERATED", "AS", "AUTO_INCREMENT"))
_SERIAL = frozenset(("SERIAL", "SERIAL2", "SERIAL4", "SERIAL8", "SMALLSERIAL", "BIGSERIAL"))
# Actions of an ALTER TABLE, by their first words, and changes of a column that queries do not notice. What is in none of the
# lists is refused as change-object: it is not known.
_UNNOTICED_ACTIONS = frozenset(
    (
        *("ADD", "ATTACH", "CLUSTER", "INHERIT", "NOT", "OF", "REPLICA", "RESET", "SET", "VALIDATE"),
        *("ALGORITHM", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHARACTER", "CHARSET", "CHECKSUM", "COALESCE"),
        *("COLLATE", "COMMENT", "COMPRESSION", "DEFAULT", "DELAY_KEY_WRITE", "ENCRYPTED", "ENCRYPTION"),
        *("FORCE", "KEY_BLOCK_SIZE", "LOCK", "MAX_ROWS", "MIN_ROWS", "NOWAIT", "ORDER", "PACK_KEYS"),
        *("PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "PARTITION", "ROW_FORMAT", "TABLESPACE", "WAIT"),
        *("ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REMOVE", "REORGANIZE", "REPAIR"),
        *("STATS_AUTO_RECALC", "STATS_PERSISTENT", "STATS_SAMPLE_PAGES", "WITH", "WITHOUT"),
    )
)
_UNNOTICED_COLUMN_CHANGES = (
    *(
        ("DROP", "NOT", "NULL"),
        ("SET", "STATISTICS"),
        ("SET", "STORAGE"),
        ("SET", "COMPRESSION"),
        ("SET", "("),
    ),
    *(("RESET",), ("SET", "GENERATED", "BY"), ("ADD", "GENERATED", "BY"), ("OPTIONS",), ("SET", "VISIBLE")),
)
# What ALTER may do to other objects, by their kind: the first words of it.
_UNNOTICED_CHANGES: Mapping[str, frozenset[str]] = {
    "DATABASE": frozenset(("CHARACTER", "CHARSET", "COLLATE", "DEFAULT", "REFRESH")),
    "DOMAIN": frozenset(("ADD", "VALIDATE")),
    "INDEX": frozenset(("ALTER", "ATTACH", "DEPENDS", "NO", "RESET", "SET")),
    "MATERIALIZED": frozenset(("ALTER", "CLUSTER", "DEPENDS", "NO", "RESET", "SET")),
    "PUBLICATION": frozenset(("ADD",)),
    "SCHEMA": frozenset(("CHARACTER", "CHARSET", "COLLATE", "DEFAULT")),
    "SEQUENCE": frozenset(("CACHE", "MAXVALUE", "OWNED")),
    "TYPE": frozenset(("ADD", "RESET", "SET")),
    **dict.fromkeys(
        ("AGGREGATE", "FUNCTION", "PROCEDURE", "ROUTINE"),
        frozenset(
            ("COST", "DEPENDS", "IMMUTABLE", "LEAKPROOF", "NO", "PARALLEL", "ROWS", "STABLE", "VOLATILE")
        ),
    ),
}
_UNNOTICED_KINDS = frozenset(("DEFAULT", "STATISTICS", "SYSTEM"))
"""Whatever ALTER does to these: privileges of what is created later, the planner's numbers, the server's settings."""
_UNNAMED = frozenset(("STATISTICS", "TEMPORARY", "PREPARE"))
"""What may be dropped: no other session's query names it."""


def broken(
    statement: Statement,
    later: Sequence[Statement],
    dialect: Dialect,
    catalog: Catalog = UNKNOWN_CATALOG,
    transactional: bool = True,
) -> Iterator[str]:
    """The rules that a statement breaks.

    Args:
        later: the statements after it in its migration.
        transactional: whether all of them are in one transaction.
    """
    words = statement.words
    table, actions = altered(statement)
    if table:
        for action in actions:
            others = [*actions, *_actions_on(table, later, dialect)] if action[0] == "DROP" else []
            yield from _broken_by(action, others, parts(table, dialect), dialect, catalog)
    elif words[0] in ("REVOKE", "TRUNCATE", "RENAME"):
        yield words[0].lower()
    elif words[:2] == ("REASSIGN", "OWNED"):
        yield "revoke"
    elif deleted_from(statement) or words[0] == "DELETE" or (words[0] == "MERGE" and "DELETE" in words):
        yield "delete"
    elif words[:2] == ("DROP", "TABLE"):
        dropped = {folded_table(name, dialect) for name in objects(statement)}
        replaced = {folded_table(new, dialect) for each in later for _old, new in renamed(each)}
        yield "rebuild-table" if dropped & replaced else "drop-table"
    elif words[:4] == ("CREATE", "OR", "REPLACE", "TABLE"):
        yield "drop-table"
    elif words[:2] == ("CREATE", "POLICY") and "RESTRICTIVE" in words:
        yield "revoke"
    elif words[0] == "DROP" and "INDEX" in words[1:2]:
        if any(
            catalog.is_unique(parts(name, dialect), _table_of(statement, dialect))
            for name in objects(statement)
        ):
            yield "drop-constraint"
    elif words[0] == "DROP" and _UNNAMED.isdisjoint(words[1:2]):
        in_one = transactional and dialect.takes_back_schema
        if not in_one or not is_created_again(statement, later, dialect, catalog):
            yield "drop-object"
    elif words[:2] == ("SET", "PASSWORD"):
        yield "change-object"
    elif dialect.replaces_views_freely and replaces_view(statement):
        if not keeps_columns(statement, dialect, catalog):
            yield "drop-column"
    elif words[0] == "ALTER":
        yield from _broken_by_alter(statement, dialect, catalog)


def _actions_on(table: str, later: Sequence[Statement], dialect: Dialect) -> Iterator[tuple[Word, ...]]:
    for statement in later:
        other, actions = altered(statement)
        if other and folded_table(other, dialect) == folded_table(table, dialect):
            yield from actions


def _table_of(statement: Statement, dialect: Dialect) -> tuple[str, ...]:
    """The table of MySQL's DROP INDEX."""
    words = statement.words
    return parts(Reader(words[words.index("ON") + 1 :]).name(), dialect) if "ON" in words else ()


def _broken_by_alter(statement: Statement, dialect: Dialect, catalog: Catalog) -> Iterator[str]:
    """What an ALTER of anything but a table breaks."""
    kind, name, change = alteration(statement)
    words = tuple(change)
    if kind in _UNNOTICED_KINDS:
        return
    if ("RENAME" in words and kind != "INDEX") or words[:2] == ("SET", "SCHEMA"):
        yield "rename"
    elif words[:2] == ("OWNER", "TO"):
        yield "revoke"
    elif kind == "INDEX" and words[:1] == ("RENAME",):
        if catalog.is_unique(parts(name, dialect), ()):
            yield "rename"
    elif kind == "DOMAIN" and (words[:3] == ("SET", "NOT", "NULL") or _refuses_null(statement.tokens)):
        yield "set-not-null"
    elif words[1:2] == ("DEFAULT",) and words[0] in ("SET", "DROP"):
        yield "drop-default"
    elif kind == "DOMAIN" and words[:2] == ("DROP", "CONSTRAINT"):
        yield "drop-constraint"
    elif kind == "DOMAIN" and words[:3] == ("DROP", "NOT", "NULL"):
        return
    elif kind == "TYPE" and words[:2] == ("DROP", "ATTRIBUTE"):
        yield "drop-column"
    elif kind == "TYPE" and words[:2] == ("ALTER", "ATTRIBUTE"):
        yield "change-type"
    elif kind == "VIEW" and "AS" in words:
        if not keeps_columns(statement, dialect, catalog):
            yield "drop-column"
    elif kind == "VIEW" and words[:1] == ("ALTER",):
        yield from (["drop-default"] if "DEFAULT" in words else ["change-object"])
    elif words[:1] and (words[0] not in _UNNOTICED_CHANGES.get(kind, ()) or "RESTART" in words):
        yield "change-object"


def _broken_by(
    action: Sequence[Word],
    others: Sequence[Sequence[Word]],
    table: Name,
    dialect: Dialect,
    catalog: Catalog,
) -> Iterator[str]:
    """What an action of an ALTER TABLE breaks; ``others`` are those beside a DROP and after it."""
    words = tuple(word for word in action if not word.depth)
    verb, rest = words[0], words[1:]
    about_column = is_about_column(action, dialect)
    if (verb in ("DROP", "DETACH", "EXCHANGE") and rest[:1] == ("PARTITION",)) or (
        verb in ("DISCARD", "IMPORT") or (verb == "NO" and rest[:1] == ("INHERIT",))
    ):
        yield "delete"
    elif verb == "TRUNCATE":
        yield "truncate"
    elif verb == "DROP":
        if about_column:
            yield "drop-column"
        elif _loses_constraint(Reader(rest), others, table, dialect, catalog):
            yield "drop-constraint"
    elif verb == "RENAME" and not about_column and rest[0] in ("INDEX", "KEY"):
        if catalog.is_unique(parts(Reader(rest[1:]).name(), dialect), table):
            yield "rename"
    elif verb == "RENAME" or (verb == "SET" and rest[:1] == ("SCHEMA",)):
        yield "rename"
    elif verb in ("MODIFY", "CONVERT"):
        yield "change-type"
    elif verb == "CHANGE":
        yield "change-type"
        names = [word for word in rest if word not in ("COLUMN", "IF", "EXISTS")]
        if names[1:] and folded(names[0].spelled, dialect) != folded(names[1].spelled, dialect):
            yield "rename"
    elif verb == "ALTER" and len(rest) > 2 and rest[0] in (*dialect.table_parts, "CONSTRAINT"):
        if ("NOT", "ENFORCED") in set(zip(words, words[1:])):
            yield "drop-constraint"
    elif verb == "ALTER":
        yield from _broken_by_column(action, table, dialect, catalog)
    elif constraint(action) == "NOT" or (constraint(action) == "CHECK" and _refuses_null(action)):
        yield "set-not-null"
    elif any(map(_needs_value, new_columns(action))):
        yield "add-not-null"
    elif ("ROW" in rest[:1] and verb in ("ENABLE", "FORCE")) or verb == "OWNER":
        yield "revoke"
    elif verb == "DISABLE" and rest[:1] in (("TRIGGER",), ("RULE",)):
        yield "drop-object"
    elif not (
        verb in _UNNOTICED_ACTIONS
        or (verb == "ENABLE" and rest[:1] in (("TRIGGER",), ("RULE",), ("ALWAYS",), ("KEYS",)))
        or words == ("DISABLE", "KEYS")
        or words in (("ENGINE", "=", "INNODB"), ("ENGINE", "INNODB"))
    ):
        yield "change-object"


def _broken_by_column(
    action: Sequence[Word], table: Name, dialect: Dialect, catalog: Catalog
) -> Iterator[str]:
    column, change = column_change(action)
    if change[:3] == ("SET", "NOT", "NULL"):
        yield "set-not-null"
    elif change[:1] == ("DROP",) and change[1:2] in (("DEFAULT",), ("IDENTITY",), ("EXPRESSION",)):
        yield "drop-default"
    elif changes_type(change):
        yield "change-type"
    elif change[:2] == ("SET", "DEFAULT"):
        if change[2:] == ("NULL",) or catalog.has_default(table, parts(column, dialect)[-1]):
            yield "drop-default"
    elif not any(change[: len(each)] == each for each in _UNNOTICED_COLUMN_CHANGES):
        yield "change-object"


def _loses_constraint(
    dropped: Reader, others: Sequence[Sequence[Word]], table: Name, dialect: Dialect, catalog: Catalog
) -> bool:
    """Whether a DROP of a constraint or an index takes away what the running release may rely on."""
    if dropped.rest[:1] in (("INDEX",), ("KEY",)):
        dropped.skip("INDEX", "KEY", "IF", "EXISTS")
        return catalog.is_unique(parts(dropped.name(), dialect), table)
    if dropped.took("PRIMARY"):
        return True
    dropped.skip("CONSTRAINT", "CHECK", "FOREIGN", "KEY", "IF", "EXISTS")
    name = parts(dropped.name(), dialect)
    if catalog.constraint(table, name) in ("", "null"):
        return False
    return not any(constraint(each) == "CHECK" and parts(_named(each), dialect) == name for each in others)


def _named(action: Sequence[Word]) -> str:
    """The name of the constraint that an action adds."""
    reader = Reader(action)
    return reader.name() if reader.took("ADD", "CONSTRAINT") else ""


def _needs_value(column: Sequence[Word]) -> bool:
    """Whether a column takes no row that leaves it out; its first word is its name."""
    words = [word for word in column[1:] if not word.depth]
    pairs = set(zip(words, words[1:]))
    if ("NOT", "NULL") not in pairs and "PRIMARY" not in words and not _refuses_null(column[1:]):
        return False
    return ("DEFAULT", "NULL") in pairs or _HAVE_VALUE.union(_SERIAL).isdisjoint(words)


def _refuses_null(words: Sequence[Word]) -> bool:
    """Whether a CHECK has it that something is not null, and so fails what leaves that out, even if NOT VALID."""
    check = words[words.index("CHECK") :] if "CHECK" in words else ()
    return ("IS", "NOT", "NULL") in _triples(check) or "NOTNULL" in check


def _triples(words: Sequence[Word]) -> set[tuple[Word, ...]]:
    return set(zip(words, words[1:], words[2:]))
