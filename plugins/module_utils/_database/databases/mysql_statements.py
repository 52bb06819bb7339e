# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a statement of MySQL's does beside its result: whether it can be rolled back, and what it makes or drops."""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import Reader, altered
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

_TRANSACTIONAL = frozenset(
    (
        *("DELETE", "DO", "INSERT", "REPLACE", "SAVEPOINT", "SELECT", "SET", "TABLE", "UPDATE", "USE"),
        *("DESC", "DESCRIBE", "EXPLAIN", "SHOW", "VALUES", "WITH", "("),
    )
)
_LASTING = frozenset(("AUTOCOMMIT", "GLOBAL", "PASSWORD", "PERSIST", "ROLE"))
"""What a SET sets for longer than a transaction."""
_KINDS_OF_INDEX = ("UNIQUE", "FULLTEXT", "SPATIAL")
_NO_COLUMN = frozenset(
    ("CHECK", "CONSTRAINT", "FOREIGN", "PARTITION", "PERIOD", "PRIMARY", "SYSTEM", "USING", "FOR")
)


def is_transactional(statement: Statement) -> bool:
    """Whether it is known to commit nothing."""
    words = statement.words
    if words[0] == "SET":
        return _LASTING.isdisjoint(words)
    if words[:2] in (("CREATE", "TEMPORARY"), ("DROP", "TEMPORARY")):
        return True
    return words[0] in _TRANSACTIONAL


def temporary_tables(sql: str) -> Iterator[str]:
    """The names of the temporary tables that a script makes."""
    for statement in statements(sql, MYSQL):
        reader = Reader(statement.tokens)
        if reader.took("CREATE"):
            reader.skip("OR", "REPLACE")
            if reader.took("TEMPORARY", "TABLE"):
                reader.skip("IF", "NOT", "EXISTS")
                yield reader.name()


def made(sql: str) -> tuple[str, str, str, bool] | None:
    """What a statement makes or drops: a kind, a table, a name in that, and whether it is there afterwards."""
    parsed = statements(sql, MYSQL)
    if len(parsed) != 1:
        return None
    table, actions = altered(parsed[0])
    if actions:
        reader = Reader(actions[0])
        present = reader.took("ADD")
        if present or reader.took("DROP"):
            kind, item = _item(reader)
            return (kind, table, item, present) if item else None
        return None
    reader = Reader(parsed[0].tokens)
    present = reader.took("CREATE")
    if not present and not reader.took("DROP"):
        return None
    if reader.took("TABLE"):
        reader.skip("IF", "NOT", "EXISTS")
        names = [reader.name()] if present else reader.names()
        return ("table", names[0], "", present) if len(names) == 1 else None
    kind, item = _item(reader)
    reader.skip("USING", "BTREE", "HASH")
    return ("index", reader.name(), item, present) if kind == "index" and item and reader.took("ON") else None


def _item(reader: Reader) -> tuple[str, str]:
    """A column or an index, and its name; "" where it has none, or is another thing."""
    before = reader.rest
    reader.skip(*_KINDS_OF_INDEX, "INDEX", "KEY")
    kind = "column" if reader.rest == before else "index"
    reader.skip("COLUMN", "IF", "NOT", "EXISTS")
    return kind, "" if reader.rest[:1] and reader.rest[0] in _NO_COLUMN else reader.name()
