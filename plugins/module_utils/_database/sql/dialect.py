# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the SQL of database systems, as far as the linter, the history and a run in steps need it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Callable

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import end_in_any
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    UNKNOWN_CATALOG,
    Catalog,
    Query,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    BACKTICKS,
    BLOCK_COMMENT,
    DOLLARS,
    DOUBLE_QUOTED,
    ESCAPED,
    OPENS_DOLLARS,
    SINGLE_QUOTED,
    SKIPPED,
    Token,
    grammar,
)

if TYPE_CHECKING:
    from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
    from ansible_collections.strata.deploy.plugins.module_utils._database.sql.squawk import Remark

# What ends here on some systems, and elsewhere, or is no comment, on others.
_AMBIGUOUS = (
    r"'(?:[^'\\]|\\[^']|'')*\\'",
    r'"(?:[^"\\]|\\[^"]|"")*\\"',
    r"\#(?![>=\-\#])[^\n]*[;'\"`]",
    r"--(?=\S)[^\n]*[;'\"`]",
    r"/\*M?!",
    r"/\*(?:(?!\*/).)*/\*",
)
_IN_COMMON = grammar(
    rf"(?P<ambiguous> {' | '.join(_AMBIGUOUS)} )",
    SKIPPED,
    BLOCK_COMMENT,
    rf"(?P<string> {ESCAPED} | {SINGLE_QUOTED} | {DOLLARS} )",
    rf"(?P<quoted> {DOUBLE_QUOTED} | {BACKTICKS} )",
    r"(?P<client> \\(?!N)\S* )",
    opens=OPENS_DOLLARS,
)


def _no_rules(
    statement: Statement,
    earlier: Sequence[Statement],
    transactional: bool,
    catalog: Catalog = UNKNOWN_CATALOG,
) -> Iterator[str]:
    return iter(())


def _no_catalog(query: Query) -> Catalog:
    return UNKNOWN_CATALOG


def _reads_on(statement: Statement, rest: str) -> tuple[str, str] | None:
    return None


def _no_remarks(migrations: Sequence[Migration]) -> Mapping[str, Sequence[Remark]]:
    return {}


@dataclass(frozen=True)
class Dialect:
    """The SQL of a database system. The defaults are for a system that is not known.

    Attributes:
        grammar: its tokens, made by the function of that name.
        ends: finds where a statement ends, one of `bodies`.
        stops: says of a statement and the text behind it why that cannot be read on, by a rule of the linter and a sentence.
        client_commands: words, and characters, that begin a command of its own client program and no statement.
        nests_comments: whether a block comment may have another one inside.
        keeps_quoted_case: whether names in quotes that differ in case alone are different names.
        folds_tables: whether names of tables without quotes that differ in case alone are surely the same.
        table_parts: words after DROP and RENAME in an ALTER TABLE that say that it is not about a column.
        refuses_in_transaction: whether it refuses some statements in a transaction.
        takes_back_schema: whether a transaction that fails takes back changes of the schema.
        schema_is_database: whether DROP SCHEMA drops a database.
        columns_query: asks for the names of a table's columns, where a table is changed by making it anew; else "".
        version_type, text_type, table_options: for the tables of the history.
        replaces_views_freely: whether CREATE OR REPLACE VIEW may take columns away.
        catalog: makes of a database's `query` what answers the linter about its objects.
        traffic_rules: the rules of `traffic` that a statement breaks. It is given the statement, those before it in its
            migration that alter or set something, whether all of them are in one transaction, and the catalog.
        traffic_advice: what to say in place of `traffic.ADVICE`.
        remarks: what another linter says against migrations, by their names.
    """

    grammar: re.Pattern[str] = _IN_COMMON
    ends: Callable[[Sequence[Token], int], int] = end_in_any
    stops: Callable[[Statement, str], tuple[str, str] | None] = _reads_on
    client_commands: Collection[str] = ("DELIMITER",)
    nests_comments: bool = False
    keeps_quoted_case: bool = True
    folds_tables: bool = False
    table_parts: tuple[str, ...] = ("CONSTRAINT", "INDEX", "KEY", "FOREIGN", "CHECK", "PRIMARY")
    refuses_in_transaction: bool = True
    takes_back_schema: bool = True
    schema_is_database: bool = True
    columns_query: str = ""
    version_type: str = "varchar(128)"
    text_type: str = "text"
    table_options: str = ""
    replaces_views_freely: bool = False
    catalog: Callable[[Query], Catalog] = _no_catalog
    traffic_rules: Callable[..., Iterator[str]] = _no_rules
    traffic_advice: Mapping[str, str] = field(default_factory=dict)
    remarks: Callable[[Sequence[Migration]], Mapping[str, Sequence[Remark]]] = _no_remarks


UNKNOWN = Dialect()
