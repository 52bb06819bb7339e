# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the linter about traffic: what holds up the queries of whatever release, for as long as a table is large.

PostgreSQL's locks: https://www.postgresql.org/docs/current/sql-altertable.html. What MySQL and MariaDB do beside writes is what
they let pass with LOCK=NONE, as MariaDB 10.11 was asked; for MySQL see
https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html. SQLite has one writer at a time in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import Statement, Word

_IN_BATCHES = "For a new column, add it without the default, set the default in the next statement, for new rows, and fill the old rows in batches"
ADVICE = {
    "add-constraint": "writes to the table wait until all its rows are checked. A CHECK or FOREIGN KEY: add it with NOT VALID, "
    "and VALIDATE CONSTRAINT in the next migration. UNIQUE or PRIMARY KEY: CREATE UNIQUE INDEX CONCURRENTLY in a migration "
    "with the line '-- strata: no-transaction', and in the next one ADD CONSTRAINT ... USING INDEX. For a new column: "
    "add the column without it first.",
    "add-index": "writes to the table wait until the index is built. CREATE INDEX CONCURRENTLY, in a migration of its own "
    "with the line '-- strata: no-transaction'.",
    "lock-table": "queries of the table wait until it is done. Use the form that works beside them: REINDEX and REFRESH with "
    "CONCURRENTLY on PostgreSQL; LOCK=NONE on MySQL, with which the server refuses what it cannot do beside writes.",
    "long-lock": "an ALTER TABLE before it in the same transaction has locked the table, and its queries wait until this has "
    "gone over the rows, too. Put it in the next migration; a long UPDATE in batches.",
    "rewrite-table": f"the whole table is written anew while its queries wait. {_IN_BATCHES}; in place of a stored generated "
    "column use a trigger.",
}
ADVICE_FOR_MYSQL = {
    "add-constraint": "the table is copied while writes to it wait. A FOREIGN KEY: SET foreign_key_checks = 0 before it and = 1 "
    "after it, when the rows are known to fit. A CHECK: on a new column.",
    "add-index": "writes to the table wait until the index is built. Build it on a new table, which is filled beside the "
    "old one; or when nobody writes, and waive the rule.",
    "change-type": "the server may copy the table while writes to it wait. Say LOCK=NONE, with which it refuses to. Where it "
    "does: add a new column beside it, copy the rows over in batches, and drop the old one.",
    "rewrite-table": f"the table is copied while writes to it wait. {_IN_BATCHES}; make a generated column VIRTUAL. "
    "For anything else, copy the rows over to a new table.",
}

_VOLATILE = re.compile(
    r"CLOCK_TIMESTAMP|GEN_RANDOM_UUID|NEXTVAL|RAND(OM)?|TIMEOFDAY|UUID(V4|V7|_GENERATE_V\w+|_SHORT)?"
)
_SERIAL = frozenset(("SERIAL", "SERIAL2", "SERIAL4", "SERIAL8", "SMALLSERIAL", "BIGSERIAL"))
_LIGHT_LOCK = re.compile(r" IN (ACCESS SHARE|ROW SHARE|ROW EXCLUSIVE|SHARE UPDATE EXCLUSIVE) MODE")
_HEAVY_LOCK = re.compile(
    r"^LOCK TABLE|^FLUSH .*\bLOCK$|^(?:ALTER|CREATE|DROP) .* (?:LOCK (?:SHARED|EXCLUSIVE)|ALGORITHM COPY)\b"
)
_REWRITES = (("SET", "LOGGED"), ("SET", "UNLOGGED"), ("SET", "TABLESPACE"), ("SET", "ACCESS", "METHOD"))


def broken(
    statement: Statement, earlier: Sequence[Statement], transactional: bool, system: str
) -> Iterator[str]:
    """The rules that a statement breaks.

    Args:
        earlier: statements before it in its migration, those that alter and set something among them.
        transactional: whether they are in one transaction with it.
    """
    if system == "postgresql":
        yield from _broken_on_postgresql(statement, earlier, transactional)
    elif system == "mysql":
        yield from _broken_on_mysql(statement, earlier)


def _broken_on_postgresql(
    statement: Statement, earlier: Sequence[Statement], transactional: bool
) -> Iterator[str]:
    words, tokens = statement.words, statement.tokens
    before = [each for each in earlier if _same_table(each, statement)]
    locked = transactional and any(map(_locks, before))
    table, actions = altered(statement)
    if table:
        validated = any("VALIDATE" in each.words for each in before)
        for action in actions:
            yield from _broken_by_postgresql_action(action, locked=locked, validated=validated)
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


def _broken_by_postgresql_action(action: Sequence[Word], *, locked: bool, validated: bool) -> Iterator[str]:
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
        if not {"STORED", "IDENTITY", *_SERIAL}.isdisjoint(outside) or _has_volatile_default(column):
            yield "rewrite-table"


def _broken_on_mysql(statement: Statement, earlier: Sequence[Statement]) -> Iterator[str]:
    words = statement.words
    said = " ".join(words).replace(" = ", " ")
    if " LOCK NONE" in said or " ALGORITHM INSTANT" in said:
        return
    _table, actions = altered(statement)
    if _HEAVY_LOCK.search(said):
        yield "lock-table"
    elif words[0] == "CREATE" and words[1:2] in (("FULLTEXT",), ("SPATIAL",)):
        yield "add-index"
    unchecked = any("FOREIGN_KEY_CHECKS" in each.words and each.words[-1] in ("0", "OFF") for each in earlier)
    keeps_key = not any(action[:2] == ("DROP", "PRIMARY") for action in actions) or any(
        constraint(action) == "PRIMARY" for action in actions
    )
    if not keeps_key:
        yield "rewrite-table"
    for action in actions:
        yield from _broken_by_mysql_action(action, unchecked=unchecked)


def _broken_by_mysql_action(action: Sequence[Word], *, unchecked: bool) -> Iterator[str]:
    kind = constraint(action)
    if kind == "CHECK" or (kind == "FOREIGN" and not unchecked):
        yield "add-constraint"
    elif action[0] in ("MODIFY", "CHANGE"):
        yield "change-type"
    elif action[0] in ("CONVERT", "PARTITION") or tuple(action[:2]) == ("REMOVE", "PARTITIONING"):
        yield "rewrite-table"
    elif action[0] == "ADD" and action[1:] and action[1] in ("FULLTEXT", "SPATIAL"):
        yield "add-index"
    for column in new_columns(action):
        outside = [word for word in column if not word.depth]
        if "REFERENCES" in outside and not unchecked:
            yield "add-constraint"
        if not {"STORED", "PERSISTENT", "AUTO_INCREMENT"}.isdisjoint(outside) or _has_volatile_default(
            column
        ):
            yield "rewrite-table"


def _has_volatile_default(column: Sequence[Word]) -> bool:
    return "DEFAULT" in column and any(
        _VOLATILE.fullmatch(word) and after == "(" for word, after in zip(column, column[1:])
    )


def _locks(statement: Statement) -> bool:
    """Whether a statement takes a lock on its table that holds up queries, and keeps it for the transaction."""
    _table, actions = altered(statement)
    return any(
        action[0] != "VALIDATE" and action[:2] != ("SET", "(") and "STATISTICS" not in action
        for action in actions
    )


def _same_table(one: Statement, other: Statement) -> bool:
    return bool(
        {folded(name, "postgresql") for name in objects(one)}
        & {folded(name, "postgresql") for name in objects(other)}
    )
