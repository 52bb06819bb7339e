# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement leaves in its session, for a migration that goes on in another one.

A setting whose values stand in the statement itself can be made again. What a statement has computed, locked, prepared or
put into a temporary table cannot. A statement that is not known to leave nothing counts as one that does.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_LEAVE_NOTHING = frozenset(
    (
        *("ALTER", "ANALYSE", "ANALYZE", "CHECK", "CLUSTER", "COMMENT", "CREATE", "DEALLOCATE"),
        *("DELETE", "DESC", "DESCRIBE", "DETACH", "DROP", "EXPLAIN", "FLUSH", "GRANT", "INSERT"),
        *("MERGE", "NOTIFY", "OPTIMIZE", "REASSIGN", "REFRESH", "REINDEX", "RENAME", "REPLACE"),
        *("REVOKE", "SECURITY", "SELECT", "SHOW", "TABLE", "TRUNCATE", "UNLOCK", "UPDATE"),
        *("VACUUM", "VALUES", "WITH"),
    )
)
_READS = frozenset(("SELECT", "WITH", "VALUES", "TABLE", "("))
_TEMPORARY = frozenset(("TEMP", "TEMPORARY"))
_SETTING_CALLS = frozenset(("SET_CONFIG", "GET_LOCK", "RELEASE_LOCK", "RELEASE_ALL_LOCKS", "LOAD_EXTENSION"))
_HARMLESS_CALLS = frozenset(
    (
        *("ABS", "AVG", "CAST", "COALESCE", "CONCAT", "COUNT", "CURRENT_SETTING", "DATE"),
        *("GREATEST", "IFNULL", "LEAST", "LENGTH", "LOWER", "MAX", "MIN", "NEXTVAL", "NOW"),
        *("NULLIF", "REPLACE", "ROUND", "ROW_NUMBER", "SETVAL", "SUBSTRING", "SUM", "TRIM"),
        *("UPPER",),
        # What stands before a parenthesis and calls nothing.
        *("ALL", "AND", "ANY", "AS", "BETWEEN", "BY", "CASE", "DISTINCT", "ELSE", "EXCEPT"),
        *("EXISTS", "FILTER", "FROM", "IN", "INTERSECT", "JOIN", "LATERAL", "LIKE", "MATERIALIZED"),
        *("NOT", "ON", "OR", "OVER", "SELECT", "SOME", "THEN", "UNION", "USING", "VALUES", "WHEN"),
        *("WHERE", "WITH"),
    )
)
_LASTING = frozenset(("DEFAULT", "GLOBAL", "LOCAL", "PASSWORD", "PERSIST", "PERSIST_ONLY", "CONSTRAINTS"))
"""What a SET sets for all sessions or for the one transaction."""
_VOLATILE = frozenset(
    (
        *("CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "ERROR_COUNT", "IDENTITY"),
        *("INSERT_ID", "LAST_INSERT_ID", "LOCALTIME", "LOCALTIMESTAMP", "TIMESTAMP", "UTC_DATE"),
        *("UTC_TIME", "UTC_TIMESTAMP", "WARNING_COUNT"),
    )
)
_OF_CONFIG = frozenset(
    ("SELECT", "PG_CATALOG", ".", "SET_CONFIG", "(", "''", ",", "TRUE", "FALSE", "ON", "OFF", ")")
)
_LAST_KEY = frozenset(("LASTVAL", "CURRVAL", "LAST_INSERT_ID", "LAST_INSERT_ROWID"))
_OUTCOME = frozenset(("CHANGES", "FOUND_ROWS", "ROW_COUNT"))
_CHANGES = frozenset(
    ("INSERT", "REPLACE", "UPDATE", "DELETE", "MERGE", "SELECT", "WITH", "CALL", "DO", "EXECUTE")
)
_OFF = frozenset(("0", "OFF", "FALSE"))


def is_constant(statement: Statement) -> bool:
    """Whether it sets something for its session, to values that stand in it, so that a new session can have the same."""
    words, tokens = statement.words, statement.tokens
    if words[0] in ("DISCARD", "PRAGMA", "RESET", "USE"):
        return True
    if words[0] == "SET":
        return (
            words[1:2] not in (("STATEMENT",), ("TRANSACTION",))
            and _LASTING.isdisjoint(words[1:2])
            and not _sets_for_all(tokens)
            and "(" not in tokens
            and _VOLATILE.isdisjoint(tokens)
        )
    if words[0] == "PREPARE":
        return words[1:2] != ("TRANSACTION",) and "@" not in tokens
    if words[0] == "ATTACH":
        files = [word.spelled.strip("'") for word in tokens if word == "''"]
        return len(files) == 1 and files[0] != "" and "memory" not in files[0]
    return words[0] == "SELECT" and "SET_CONFIG" in tokens and _OF_CONFIG.issuperset(tokens)


def is_lasting(statement: Statement) -> bool:
    """Whether a SET changes nothing of its session for the statements after it."""
    words = statement.words
    return words[0] == "SET" and (not _LASTING.isdisjoint(words[1:2]) or _sets_for_all(statement.tokens))


def leaves(statement: Statement) -> bool:
    """Whether it may leave something in its session that cannot be set again in another one."""
    words, tokens = statement.words, statement.tokens
    if is_constant(statement) or is_lasting(statement) or controls_transaction(statement):
        return False
    if words[0] == "(":
        words = tuple(word for word in tokens if word != "(")
    if words[0] not in _LEAVE_NOTHING or assigns(statement):
        return True
    if words[0] == "CREATE" and not _TEMPORARY.isdisjoint(words[1:5]):
        return True
    pairs = set(zip(tokens, tokens[1:]))
    if "PG_TEMP" in tokens or not pairs.isdisjoint({("TEMP", "."), ("INTO", "TEMP"), ("INTO", "TEMPORARY")}):
        return True
    calls = {before for before, word in zip(tokens, tokens[1:]) if word == "(" and _is_word(before)}
    if any(call in _SETTING_CALLS or "ADVISORY" in call for call in calls):
        return True
    return words[0] in _READS and not calls <= _HARMLESS_CALLS


def assigns(statement: Statement) -> bool:
    """Whether it gives variables of its session new values, as it goes through rows."""
    pairs = set(zip(statement.tokens, statement.tokens[1:]))
    return statement.words[0] != "SET" and not pairs.isdisjoint({(":", "="), ("INTO", "@")})


def reads_last_key(statement: Statement) -> bool:
    """Whether it reads which key a statement before it has made."""
    tokens = statement.tokens
    return not _LAST_KEY.isdisjoint(tokens) or ("@", "IDENTITY") in set(zip(tokens, tokens[1:]))


def makes_key(statement: Statement) -> bool:
    """Whether it may make the key that `reads_last_key` is about."""
    return statement.words[0] in _CHANGES


def controls_transaction(statement: Statement) -> bool:
    """Whether it begins a transaction, or ends one."""
    words = statement.words
    if words[0] == "ROLLBACK":
        return "TO" not in words
    if words[0] in ("PREPARE", "START"):
        return words[1:2] == ("TRANSACTION",)
    if words[0] == "BEGIN":
        return words[1:3] != ("NOT", "ATOMIC")
    return words[0] in ("ABORT", "COMMIT", "END", "XA")


def grouped(steps: Sequence[Statement]) -> list[tuple[Statement, ...]]:
    """The statements in the groups that must follow each other with nothing in between.

    Such are a transaction that the script begins and ends itself, the statements between LOCK TABLES and UNLOCK TABLES, and
    one that reads how many rows the one before it has changed.
    """
    groups: list[list[Statement]] = []
    closing = ""
    for step in steps:
        if groups and (closing or _reads_outcome(step)):
            groups[-1].append(step)
        else:
            groups.append([step])
        closing = _closing(step, closing)
    return [tuple(group) for group in groups]


def _closing(step: Statement, closing: str) -> str:
    """What ends the group that a statement is in; "" where it ends itself or is in none."""
    words = step.words
    if closing == "UNLOCK":
        return "" if words[0] == "UNLOCK" else closing
    if words[0] == "SET" and "AUTOCOMMIT" in words:
        return "" if _OFF.isdisjoint(words[-1:]) else "AUTOCOMMIT"
    if closing == "AUTOCOMMIT":
        return closing
    if controls_transaction(step):
        ends = (
            words[1:2] in (("COMMIT",), ("ROLLBACK",))
            if words[0] == "XA"
            else words[0] not in ("BEGIN", "START")
        )
        return "" if ends else "COMMIT"
    if closing:
        return closing
    if words[0] == "LOCK" or (words[0] == "FLUSH" and not {"LOCK", "EXPORT"}.isdisjoint(words)):
        return "UNLOCK"
    return ""


def _reads_outcome(step: Statement) -> bool:
    tokens = step.tokens
    if step.words[0] == "GET":  # DIAGNOSTICS
        return True
    return any(call in _OUTCOME and tokens[at + 1 : at + 3] == ("(", ")") for at, call in enumerate(tokens))


def _sets_for_all(tokens: Sequence[Word]) -> bool:
    """Whether a SET is about @@GLOBAL.name or the like."""
    pairs = set(zip(tokens, tokens[1:]))
    return not pairs.isdisjoint({("@", "GLOBAL"), ("@", "PERSIST"), ("@", "PERSIST_ONLY")})


def _is_word(token: Word) -> bool:
    return token[0].isalpha() or token[0] in '_"`'
