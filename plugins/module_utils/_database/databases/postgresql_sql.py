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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import (
    BLOCK_COMMENT,
    DOLLARS,
    DOUBLE_QUOTED,
    ESCAPED,
    SINGLE_QUOTED,
    SKIPPED,
    Dialect,
    grammar,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.traffic import has_volatile_default

_SERIAL = frozenset(("SERIAL", "SERIAL2", "SERIAL4", "SERIAL8", "SMALLSERIAL", "BIGSERIAL"))
_LIGHT_LOCK = re.compile(r" IN (ACCESS SHARE|ROW SHARE|ROW EXCLUSIVE|SHARE UPDATE EXCLUSIVE) MODE")
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


POSTGRESQL = Dialect(
    grammar=grammar(
        SKIPPED,
        BLOCK_COMMENT,
        rf"(?P<string> {ESCAPED} | {SINGLE_QUOTED} | {DOLLARS} )",
        rf"(?P<quoted> {DOUBLE_QUOTED} )",
    ),
    nests_comments=True,
    table_parts=("CONSTRAINT",),  # the other words may be names of columns
    is_delimited=False,
    schema_is_database=False,
    version_type="varchar",  # as dbmate makes it there
    traffic_rules=_traffic_rules,
    remarks=squawk.remarks,
)
