# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What SQLite's schema table and pragmas say about objects: https://www.sqlite.org/schematab.html."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    HISTORIES,
    Name,
    Query,
)

_TABLES = """
    SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"""
_UNIQUE = """
    SELECT 1 FROM sqlite_master AS m, pragma_index_list(m.tbl_name) AS i
    WHERE m.type = 'index' AND i.name = m.name AND i."unique" AND lower(m.name) = ?"""
_COLUMNS = "SELECT lower(name) FROM pragma_table_info(?)"


class SqliteCatalog:
    """Implements `catalog.Catalog`."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def is_empty(self) -> bool:
        return all(table in HISTORIES for (table,) in self._query(_TABLES, ()))

    def is_unique(self, index: Name, table: Name) -> bool:
        return bool(self._query(_UNIQUE, (index[-1],)))

    def constraint(self, table: Name, name: Name) -> str:
        return "check"  # of its tables a constraint is dropped by making them anew

    def columns(self, view: Name) -> Sequence[str] | None:
        return [column for (column,) in self._query(_COLUMNS, (view[-1],))]

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        return False

    def has_default(self, table: Name, column: str) -> bool:
        return False  # none is changed but by making the table anew

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        return None

    def is_checked(self, type_name: Name) -> bool:
        return False
