# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's SQL, and what holds up the traffic of a table there.

Its tokens: https://www.postgresql.org/docs/current/sql-syntax-lexical.html. Its locks:
https://www.postgresql.org/docs/current/sql-altertable.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_catalog import (
    PostgresqlCatalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import squawk
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import end_in_postgresql
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    UNKNOWN_CATALOG,
    Catalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    alteration,
    altered,
    calls,
    changes_type,
    column_change,
    constraint,
    default,
    folded,
    new_columns,
    objects,
    parts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    BLOCK_COMMENT,
    DOLLARS,
    DOUBLE_QUOTED,
    ESCAPED,
    OPENS_DOLLARS,
    SINGLE_QUOTED,
    SPACE,
    WORD_OR_NUMBER,
    grammar,
)

_SERIAL = frozenset(("serial", "serial2", "serial4", "serial8", "smallserial", "bigserial"))
_STABLE = frozenset(("now", "statement_timestamp", "transaction_timestamp"))
"""Known to have one value for all rows, also where no database can be asked."""
_LIGHT_LOCK = re.compile(r" IN (ACCESS SHARE|ROW SHARE|ROW EXCLUSIVE|SHARE UPDATE EXCLUSIVE) MODE")
# What changes the catalog alone, once it has its lock: https://www.postgresql.org/docs/current/sql-altertable.html.
_BRIEF = (
    *(
        ("ADD",),
        ("ATTACH",),
        ("CLUSTER", "ON"),
        ("DETACH",),
        ("DISABLE",),
        ("DROP",),
        ("ENABLE",),
        ("FORCE",),
    ),
    *(("INHERIT",), ("NO", "FORCE"), ("NO", "INHERIT"), ("NOT", "OF"), ("OF",), ("OWNER",), ("RENAME",)),
    *(("REPLICA", "IDENTITY"), ("RESET",), ("SET", "("), ("SET", "SCHEMA"), ("SET", "WITHOUT")),
)
_BRIEF_CHANGES = (
    *(
        ("ADD", "GENERATED"),
        ("DROP",),
        ("OPTIONS",),
        ("RESET",),
        ("RESTART",),
        ("SET", "("),
        ("SET", "CACHE"),
    ),
    *(
        ("SET", "COMPRESSION"),
        ("SET", "CYCLE"),
        ("SET", "DEFAULT"),
        ("SET", "GENERATED"),
        ("SET", "INCREMENT"),
    ),
    *(("SET", "MAXVALUE"), ("SET", "MINVALUE"), ("SET", "NO"), ("SET", "START"), ("SET", "STATISTICS")),
    ("SET", "STORAGE"),
)
_MOVES = (("SET", "ACCESS", "METHOD"), ("SET", "TABLESPACE"))
_CLIENT_COPY = {(way, place) for way in ("FROM", "TO") for place in ("STDIN", "STDOUT")}
_IS_ON = re.compile(r"standard_conforming_strings'? (?:to|=|,) '?(?:on|true|yes|1)\b")
_ENCODING = re.compile(r"\bclient_encoding\b|^set (?:session |local )?names\b")
_KNOWN_ENCODING = re.compile(r"\b(?:utf_?-?8|unicode|default)\b")


def _traffic_rules(
    statement: Statement,
    earlier: Sequence[Statement],
    transactional: bool,
    catalog: Catalog = UNKNOWN_CATALOG,
) -> Iterator[str]:
    words, tokens = statement.words, statement.tokens
    before = [each for each in earlier if _same_table(each, statement)]
    locked = transactional and any(map(_locks, before))
    table, actions = altered(statement)
    if table:
        validated = any("VALIDATE" in each.words for each in before)
        for action in actions:
            yield from _broken_by(action, locked=locked, validated=validated)
            moved = any("SEARCH_PATH" in each.words for each in earlier)
            yield from _broken_by_columns(action, catalog, moved=moved)
    elif words[0] == "CREATE" and "INDEX" in words[1:3]:
        if "CONCURRENTLY" not in words and ("ON", "ONLY") not in set(zip(words, words[1:])):
            yield "add-index"
    elif transactional and _goes_over_locked(statement, earlier):
        yield "long-lock"
    elif words[0] == "CLUSTER" or (words[0] == "VACUUM" and "FULL" in tokens):
        yield "rewrite-table"
    elif (words[0] in ("REINDEX", "REFRESH") and "CONCURRENTLY" not in tokens) or (
        words[0] == "LOCK" and not _LIGHT_LOCK.search(" ".join(words))
    ):
        yield "lock-table"
    elif words[0] == "ALTER":
        yield from _broken_by_alter(statement)


def _broken_by_alter(statement: Statement) -> Iterator[str]:
    """What an ALTER of anything but a table breaks."""
    kind, _name, change = alteration(statement)
    if kind in ("DATABASE", "INDEX", "MATERIALIZED") and _begins(change, _MOVES):
        yield "rewrite-table"
    elif kind == "DOMAIN" and change[:2] == ("SET", "NOT"):
        yield "set-not-null"  # all tables that have a column of it are read


def _broken_by(action: Sequence[Word], *, locked: bool, validated: bool) -> Iterator[str]:
    words = tuple(word for word in action if not word.depth)
    kind = constraint(action)
    pairs = set(zip(words, words[1:]))
    _column, change = column_change(action)
    if words[0] == "VALIDATE":
        if locked:
            yield "long-lock"
    elif kind:
        if (
            ("NOT", "VALID") not in pairs
            and ("USING", "INDEX") not in pairs
            and ("NOT", "ENFORCED") not in pairs
        ):
            yield "add-constraint"
    elif change[:3] == ("SET", "NOT", "NULL"):
        if not validated:
            yield "set-not-null"
    elif changes_type(change):
        yield "change-type"
    elif words[:2] == ("ALTER", "CONSTRAINT"):
        if "ENFORCED" in words and ("NOT", "ENFORCED") not in pairs:
            yield "add-constraint"
    elif not _begins(change or words, _BRIEF_CHANGES if change else _BRIEF):
        yield "rewrite-table"


def _begins(words: Sequence[Word], forms: Sequence[tuple[str, ...]]) -> bool:
    return any(tuple(words[: len(each)]) == each for each in forms)


def _broken_by_columns(action: Sequence[Word], catalog: Catalog, *, moved: bool) -> Iterator[str]:
    """What the new columns of an action break; ``moved``: names are looked up elsewhere than the session does."""
    for column in new_columns(action):
        outside = [word for word in column[1:] if not word.depth]
        if not {"CHECK", "UNIQUE", "PRIMARY"}.isdisjoint(outside) or {"REFERENCES", "DEFAULT"} <= set(
            outside
        ):
            yield "add-constraint"
        reader = Reader(column[1:])
        type_name = parts(reader.name(), POSTGRESQL)
        is_array = reader.rest[:1] in (("[",), ("ARRAY",))
        if (
            not {"STORED", "IDENTITY"}.isdisjoint(outside)
            or type_name[0] in _SERIAL
            or (not is_array and catalog.is_checked(type_name))
            or any(_is_volatile(*call, catalog, moved=moved) for call in calls(default(column)))
        ):
            yield "rewrite-table"


def _is_volatile(function: str, arguments: int, catalog: Catalog, *, moved: bool) -> bool:
    name = parts(function, POSTGRESQL)
    return name[-1] not in _STABLE and catalog.is_volatile(name, arguments, anywhere=moved) is not False


def _locks(statement: Statement) -> bool:
    """Whether a statement takes a lock on its table that holds up queries, and keeps it for the transaction."""
    _table, actions = altered(statement)
    return any(
        action[0] != "VALIDATE" and action[:2] != ("SET", "(") and "STATISTICS" not in action
        for action in actions
    )


def _goes_over_locked(statement: Statement, earlier: Sequence[Statement]) -> bool:
    """Whether a statement writes to rows of a table, as many as there may be, that an earlier one has locked."""
    written = {folded(name, POSTGRESQL) for name in _written(statement)}
    return bool(written) and any(
        _locks(each) and not written.isdisjoint(folded(name, POSTGRESQL) for name in objects(each))
        for each in earlier
    )


def _written(statement: Statement) -> Iterator[str]:
    """The tables whose rows a statement changes, also in its WITH clauses; those of INSERT ... VALUES are few."""
    tokens = statement.tokens
    if tokens[0] not in ("DELETE", "INSERT", "MERGE", "UPDATE", "WITH"):
        return
    for at, pair in enumerate(zip(("", *tokens), tokens)):
        is_copied = pair == ("INSERT", "INTO") and "SELECT" in tokens
        is_updated = pair[1] == "UPDATE" and pair[0] not in ("DO", "FOR", "KEY", "THEN")
        if is_copied or is_updated or pair in (("DELETE", "FROM"), ("MERGE", "INTO")):
            reader = Reader(tokens[at + 1 :])
            reader.skip("ONLY")
            yield reader.name()


def _same_table(one: Statement, other: Statement) -> bool:
    return bool(
        {folded(name, POSTGRESQL) for name in objects(one)}
        & {folded(name, POSTGRESQL) for name in objects(other)}
    )


def _stops(statement: Statement, rest: str) -> tuple[str, str] | None:
    words = statement.words
    if words[0] == "COPY" and not _CLIENT_COPY.isdisjoint(zip(words, words[1:])):
        return "client-command", "COPY from or to the client needs a client that has the rows, as psql does."
    is_called = "SET_CONFIG" in statement.tokens or (
        words[0] == "UPDATE" and "PG_SETTINGS" in statement.tokens
    )
    if not is_called and words[0] not in ("SET", "RESET", "DISCARD"):
        return None
    texts = " ".join(word.spelled for word in statement.tokens).lower()
    if "standard_conforming_strings" in texts and not _IS_ON.search(texts) and "\\" in rest:
        return (
            "unreadable",
            "it sets how backslashes in strings are read. Write E'...' for strings that have some.",
        )
    if _ENCODING.search(texts) and not _KNOWN_ENCODING.search(texts) and not rest.isascii():
        return "unreadable", "it sets an encoding for what follows, which is UTF-8. Leave it out."
    return None


POSTGRESQL = Dialect(
    grammar=grammar(
        rf"(?P<skipped> {SPACE} | --[^\n\r]* )",
        BLOCK_COMMENT,
        rf"(?P<string> {ESCAPED} | {SINGLE_QUOTED} | {DOLLARS} )",
        rf"(?P<quoted> (?:[uU]&)?{DOUBLE_QUOTED} )",
        r"(?P<client> \\[^\s]* )",
        word=WORD_OR_NUMBER,
        opens=OPENS_DOLLARS,
    ),
    ends=end_in_postgresql,
    stops=_stops,
    client_commands=(),
    nests_comments=True,
    folds_tables=True,
    table_parts=("CONSTRAINT",),  # the other words may be names of columns
    schema_is_database=False,
    version_type="varchar",  # as dbmate makes it there
    catalog=PostgresqlCatalog,
    traffic_rules=_traffic_rules,
    remarks=squawk.remarks,
)
