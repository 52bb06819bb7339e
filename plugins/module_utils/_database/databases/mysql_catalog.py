# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What information_schema of MySQL and MariaDB says about objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    HISTORIES,
    Name,
    Query,
)

_TABLES = "SELECT LOWER(table_name) FROM information_schema.tables WHERE table_schema = DATABASE()"
_UNIQUE = """
    SELECT 1 FROM information_schema.statistics
    WHERE LOWER(table_schema) = LOWER(COALESCE(?, DATABASE())) AND LOWER(table_name) = LOWER(?)
    AND LOWER(index_name) = LOWER(?) AND non_unique = 0"""
_CONSTRAINT = """
    SELECT constraint_type FROM information_schema.table_constraints
    WHERE LOWER(table_schema) = LOWER(COALESCE(?, DATABASE())) AND LOWER(table_name) = LOWER(?) AND LOWER(constraint_name) = LOWER(?)"""
# MariaDB says NULL in words.
_COLUMNS = """
    SELECT LOWER(column_name), COALESCE(column_default, 'NULL') FROM information_schema.columns
    WHERE LOWER(table_schema) = LOWER(COALESCE(?, DATABASE())) AND LOWER(table_name) = LOWER(?)"""
_KINDS = {"CHECK": "check", "FOREIGN KEY": "foreign", "PRIMARY KEY": "unique", "UNIQUE": "unique"}


class MysqlCatalog:
    """Implements `catalog.Catalog`."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def is_empty(self) -> bool:
        return all(table in HISTORIES for (table,) in self._query(_TABLES, ()))

    def is_unique(self, index: Name, table: Name) -> bool:
        return not table or bool(self._query(_UNIQUE, (*_named(table), index[-1])))

    def constraint(self, table: Name, name: Name) -> str:
        kinds = [_KINDS[kind] for (kind,) in self._query(_CONSTRAINT, (*_named(table), name[-1]))]
        return max(kinds, default="")

    def columns(self, view: Name) -> Sequence[str] | None:
        return [column for column, _default in self._query(_COLUMNS, _named(view))]

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        return False  # those stay with the name

    def has_default(self, table: Name, column: str) -> bool:
        rows = self._query(_COLUMNS, _named(table))
        return any(name == column.lower() and value != "NULL" for name, value in rows)

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        return None  # a default takes the system's own functions alone, and of these the catalog says nothing

    def is_checked(self, type_name: Name) -> bool:
        return False  # there are no domains


def _named(table: Name) -> tuple[Any, ...]:
    """The parameters of a table's name."""
    return (table[-2] if len(table) > 1 else None), table[-1]
