# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQL of MySQL and MariaDB, and what holds up the traffic of a table there.

Its tokens: https://dev.mysql.com/doc/refman/8.4/en/comments.html and
https://dev.mysql.com/doc/refman/8.4/en/string-literals.html. What a server does beside writes is what it lets pass with
LOCK=NONE, as MariaDB 10.11 was asked; for MySQL see
https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_catalog import (
    MysqlCatalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import end_in_mysql
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    UNKNOWN_CATALOG,
    Catalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import (
    Reader,
    altered,
    constraint,
    default,
    new_columns,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    BACKTICKS,
    BLOCK_COMMENT,
    SPACE,
    WORD_WITH_DOLLARS,
    grammar,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.traffic import IN_BATCHES

_ADVICE = {
    "add-constraint": "the table is copied while writes to it wait. A FOREIGN KEY: SET foreign_key_checks = 0 before it and = 1 "
    "after it, when the rows are known to fit. A CHECK: on a new column.",
    "add-index": "writes to the table wait until the index is built. Build it on a new table, which is filled beside the "
    "old one; or when nobody writes, and waive the rule.",
    "change-type": "the server may copy the table while writes to it wait. Say LOCK=NONE, with which it refuses to. Where it "
    "does: add a new column beside it, copy the rows over in batches, and drop the old one.",
    "rewrite-table": f"the table is copied while writes to it wait. {IN_BATCHES}; make a generated column VIRTUAL. "
    "For anything else, copy the rows over to a new table.",
}
_CLIENT_COMMANDS = frozenset(
    (
        *(
            "CHARSET",
            "CLEAR",
            "CONNECT",
            "DELIMITER",
            "EDIT",
            "EGO",
            "EXIT",
            "GO",
            "NOPAGER",
            "NOTEE",
            "NOWARNING",
        ),
        *("PAGER", "PRINT", "PROMPT", "QUIT", "REHASH", "RESETCONNECTION", "SANDBOX", "SOURCE", "STATUS"),
        *("SYSTEM", "TEE", "WARNINGS"),
    )
)
_MODE = re.compile(r"ansi|no_backslash_escapes|oracle|mssql|db2|maxdb|postgresql|sql_mode`? *:?= *[0-9]")
_READ_BY_MODE = re.compile(r"[\"\\]|\b(?:function|package|procedure|trigger|event)\b", re.IGNORECASE)
_ENCODING = re.compile(r"\bcharacter_set_client\b|^set names\b|^set char(?:acter )?set\b")
_KNOWN_ENCODING = re.compile(r"\b(?:utf8|utf8mb3|utf8mb4|latin1|binary|default)\b|@")
_HEAVY_LOCK = re.compile(
    r"^LOCK TABLE|^FLUSH .*\bLOCK$|^(?:ALTER|CREATE|DROP) .* (?:LOCK (?:SHARED|EXCLUSIVE)|ALGORITHM COPY)\b"
)


# What the server does beside writes, or in a moment: all that is in no list is taken to copy the table.
_ONLINE = frozenset(
    (
        *(
            "ADD",
            "ALGORITHM",
            "ALTER",
            "ANALYZE",
            "AUTO_INCREMENT",
            "CHARACTER",
            "CHARSET",
            "CHECK",
            "COLLATE",
        ),
        *(
            "COMMENT",
            "DEFAULT",
            "DISABLE",
            "DISCARD",
            "DROP",
            "ENABLE",
            "EXCHANGE",
            "FORCE",
            "LOCK",
            "NOWAIT",
        ),
        *(
            "RENAME",
            "ROW_FORMAT",
            "STATS_AUTO_RECALC",
            "STATS_PERSISTENT",
            "STATS_SAMPLE_PAGES",
            "TRUNCATE",
            "WAIT",
        ),
        *(
            "AVG_ROW_LENGTH",
            "CHECKSUM",
            "DELAY_KEY_WRITE",
            "KEY_BLOCK_SIZE",
            "MAX_ROWS",
            "MIN_ROWS",
            "PACK_KEYS",
        ),
        *("WITH", "WITHOUT"),
    )
)
_REBUILT_BESIDE = (("ENGINE", "=", "INNODB"), ("ENGINE", "INNODB"))
_CONSTANTS = frozenset(
    (
        *("CURDATE", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURTIME", "FALSE", "LOCALTIME"),
        *("LOCALTIMESTAMP", "NOW", "NULL", "TRUE", "_UTF8MB4", "B", "X", "N", "DATE", "TIME", "TIMESTAMP"),
        *(
            "CAST",
            "AS",
            "CHAR",
            "CONCAT",
            "JSON",
            "JSON_ARRAY",
            "JSON_OBJECT",
            "SIGNED",
            "UNSIGNED",
            "INTERVAL",
            "DAY",
        ),
    )
)
"""Words in a default that has one value for all rows; MariaDB 10.11 adds a column with any of them beside writes."""
_AFTER_DEFAULT = frozenset(
    (
        *(
            "AFTER",
            "AUTO_INCREMENT",
            "COLLATE",
            "COLUMN_FORMAT",
            "COMMENT",
            "FIRST",
            "INVISIBLE",
            "KEY",
            "NOT",
            "ON",
        ),
        *("STORAGE", "VISIBLE"),
    )
)


def _traffic_rules(
    statement: Statement,
    earlier: Sequence[Statement],
    transactional: bool,
    catalog: Catalog = UNKNOWN_CATALOG,
) -> Iterator[str]:
    words = statement.words
    said = " ".join(words).replace(" = ", " ")
    if " LOCK NONE" in said or " ALGORITHM INSTANT" in said:
        return
    _table, actions = altered(statement)
    if _HEAVY_LOCK.search(said):
        yield "lock-table"
    elif words[0] == "CREATE" and words[1:2] in (("FULLTEXT",), ("SPATIAL",)):
        yield "add-index"
    checks = [each.words[-1] for each in earlier if "FOREIGN_KEY_CHECKS" in each.words]
    unchecked = bool(checks) and checks[-1] in ("0", "OFF", "FALSE")
    keeps_key = not any(action[:2] == ("DROP", "PRIMARY") for action in actions) or any(
        constraint(action) == "PRIMARY" for action in actions
    )
    if not keeps_key:
        yield "rewrite-table"
    for action in actions:
        yield from _broken_by(action, unchecked=unchecked)


def _broken_by(action: Sequence[Word], *, unchecked: bool) -> Iterator[str]:
    kind = constraint(action)
    if kind == "CHECK" or (kind == "FOREIGN" and not unchecked):
        yield "add-constraint"
    elif action[0] in ("MODIFY", "CHANGE"):
        yield "change-type"
    elif tuple(action[:3]) not in _REBUILT_BESIDE and (
        action[0] not in _ONLINE or tuple(action[:2]) == ("ADD", "SYSTEM")
    ):
        yield "rewrite-table"
    elif action[0] == "ADD" and action[1:] and action[1] in ("FULLTEXT", "SPATIAL"):
        yield "add-index"
    for column in new_columns(action):
        outside = [word for word in column[1:] if not word.depth]
        if "REFERENCES" in outside and not unchecked:
            yield "add-constraint"
        if not {"STORED", "PERSISTENT", "AUTO_INCREMENT"}.isdisjoint(outside) or _is_computed(column):
            yield "rewrite-table"


def _is_computed(column: Sequence[Word]) -> bool:
    """Whether the default of a new column may have another value in each row, as any does that is not known."""
    for word in default(column):
        if not word.depth and word in _AFTER_DEFAULT:
            return False
        if (word[0] in '`"' or Reader([word]).name()) and word not in _CONSTANTS:
            return True
    return False


def _stops(statement: Statement, rest: str) -> tuple[str, str] | None:
    words = statement.words
    if (
        words[0] == "LOAD"
        and words[2:3] in (("LOCAL",), ("LOW_PRIORITY",), ("CONCURRENT",))
        and "LOCAL" in words[2:4]
    ):
        return "client-command", "LOAD DATA LOCAL needs a client that has the rows, as mysql does."
    if words[0] != "SET":
        return None
    texts = " ".join(word.spelled for word in statement.tokens).lower()
    if "sql_mode" in texts and _MODE.search(texts) and _READ_BY_MODE.search(rest):
        return (
            "unreadable",
            "it sets an SQL mode in which strings, names or routines are read in another way. Leave that out.",
        )
    if _ENCODING.search(texts) and not _KNOWN_ENCODING.search(texts) and not rest.isascii():
        return "unreadable", "it sets a character set for what follows, which is UTF-8. Leave it out."
    return None


MYSQL = Dialect(
    grammar=grammar(
        rf"(?P<skipped> {SPACE} | \#[^\n]* | --(?=[\x00-\x20]|\Z)[^\n]* )",
        r"(?P<executed> /\*M?![0-9]* )",
        BLOCK_COMMENT,
        r"(?P<string> '(?:[^'\\]|\\.|'')*' )",
        rf'(?P<quoted> "(?:[^"\\]|\\.|"")*" | {BACKTICKS} )',
        r"(?P<client> \\(?!N)\S* )",
        word=WORD_WITH_DOLLARS,
        opens="`",
    ),
    ends=end_in_mysql,
    stops=_stops,
    client_commands=_CLIENT_COMMANDS,
    keeps_quoted_case=False,
    refuses_in_transaction=False,
    takes_back_schema=False,
    text_type="mediumtext",  # text ends at 64 KiB
    table_options=" CHARACTER SET utf8mb4",  # the server's own may be any
    replaces_views_freely=True,
    catalog=MysqlCatalog,
    traffic_rules=_traffic_rules,
    traffic_advice=_ADVICE,
)
