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

from ansible_collections.strata.deploy.plugins.module_utils._database.sql import squawk
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import end_in_postgresql
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    altered,
    changes_type,
    column_change,
    constraint,
    deleted_from,
    folded,
    new_columns,
    objects,
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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.traffic import has_volatile_default

_SERIAL = frozenset(("SERIAL", "SERIAL2", "SERIAL4", "SERIAL8", "SMALLSERIAL", "BIGSERIAL"))
_LIGHT_LOCK = re.compile(r" IN (ACCESS SHARE|ROW SHARE|ROW EXCLUSIVE|SHARE UPDATE EXCLUSIVE) MODE")
_CLIENT_COPY = {(way, place) for way in ("FROM", "TO") for place in ("STDIN", "STDOUT")}
_IS_ON = re.compile(r"standard_conforming_strings'? (?:to|=|,) '?(?:on|true|yes|1)\b")
_ENCODING = re.compile(r"\bclient_encoding\b|^set (?:session |local )?names\b")
_KNOWN_ENCODING = re.compile(r"\b(?:utf_?-?8|unicode|default)\b")
_REWRITES = (("SET", "LOGGED"), ("SET", "UNLOGGED"), ("SET", "TABLESPACE"), ("SET", "ACCESS", "METHOD"))


def _traffic_rules(statement: Statement, earlier: Sequence[Statement], transactional: bool) -> Iterator[str]:
    words, tokens = statement.words, statement.tokens
    before = [each for each in earlier if _same_table(each, statement)]
    locked = transactional and any(map(_locks, before))
    table, actions = altered(statement)
    if table:
        validated = any("VALIDATE" in each.words for each in before)
        for action in actions:
            yield from _broken_by(action, locked=locked, validated=validated)
    elif words[0] == "CREATE" and "INDEX" in words[1:3]:
        if "CONCURRENTLY" not in words and ("ON", "ONLY") not in set(zip(words, words[1:])):
            yield "add-index"
    elif locked and (words[0] == "UPDATE" or deleted_from(statement)):
        yield "long-lock"
    elif words[0] == "CLUSTER" or (words[0] == "VACUUM" and "FULL" in tokens):
        yield "rewrite-table"
    elif (words[0] in ("REINDEX", "REFRESH") and "CONCURRENTLY" not in tokens) or (
        words[0] == "LOCK" and not _LIGHT_LOCK.search(" ".join(words))
    ):
        yield "lock-table"


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
    elif any(words[: len(each)] == each for each in _REWRITES):
        yield "rewrite-table"
    for column in new_columns(action):
        outside = [word for word in column if not word.depth]
        if not {"CHECK", "UNIQUE", "PRIMARY"}.isdisjoint(outside) or {"REFERENCES", "DEFAULT"} <= set(
            outside
        ):
            yield "add-constraint"
        if not {"STORED", "IDENTITY", *_SERIAL}.isdisjoint(outside) or has_volatile_default(column):
            yield "rewrite-table"


def _locks(statement: Statement) -> bool:
    """Whether a statement takes a lock on its table that holds up queries, and keeps it for the transaction."""
    _table, actions = altered(statement)
    return any(
        action[0] != "VALIDATE" and action[:2] != ("SET", "(") and "STATISTICS" not in action
        for action in actions
    )


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
    traffic_rules=_traffic_rules,
    remarks=squawk.remarks,
)
