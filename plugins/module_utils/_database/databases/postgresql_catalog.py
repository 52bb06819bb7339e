# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL's system catalogs say about objects: https://www.postgresql.org/docs/current/catalogs.html."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import (
    HISTORIES,
    Name,
    Query,
)

_TABLES = """
    SELECT c.relname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm') AND c.relpersistence <> 't'
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')"""
# The rest begin with the schema, see `_rows`. An invalid index serves no ON CONFLICT.
_UNIQUE = """
    SELECT n.nspname::text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE i.indisunique AND i.indisvalid AND c.relname = ?"""
_CONSTRAINTS = """
    SELECT k.contype::text, coalesce(c.relname, t.typname)::text FROM pg_catalog.pg_constraint k
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
    WHERE k.conname = ?"""
_COLUMNS = """
    SELECT n.nspname::text, a.attname::text FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND a.attnum > 0 AND NOT a.attisdropped AND c.relname = ?"""
_VIEW_GRANTS = """
    SELECT n.nspname::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relacl IS NOT NULL AND c.relname = ?"""
_ROUTINE_GRANTS = """
    SELECT n.nspname::text FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE p.proacl IS NOT NULL AND p.proname = ?"""
_DEFAULTS = """
    SELECT n.nspname::text, a.attname::text FROM pg_catalog.pg_attrdef d
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    JOIN pg_catalog.pg_class c ON c.oid = d.adrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relname = ?"""
_FUNCTIONS = """
    SELECT n.nspname::text, p.provolatile = 'v', pg_catalog.pg_function_is_visible(p.oid),
        p.pronargs - p.pronargdefaults, CASE p.provariadic WHEN 0 THEN p.pronargs ELSE 1000 END
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = ?"""
_DOMAINS = """
    WITH RECURSIVE part AS (
        SELECT n.nspname, t.oid, t.typbasetype, t.typnotnull, t.typdefault
        FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
        WHERE t.typtype = 'd' AND t.typname = ?
        UNION ALL SELECT p.nspname, t.oid, t.typbasetype, t.typnotnull, t.typdefault
        FROM pg_catalog.pg_type t JOIN part p ON p.typbasetype = t.oid WHERE t.typtype = 'd')
    SELECT p.nspname::text FROM part p WHERE p.typnotnull OR p.typdefault LIKE '%(%'
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.contypid = p.oid)"""
_KINDS = {
    "c": "check",
    "f": "foreign",
    "n": "null",
    "p": "unique",
    "t": "check",
    "u": "unique",
    "x": "unique",
}


class PostgresqlCatalog:
    """Implements `catalog.Catalog`."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def is_empty(self) -> bool:
        return all(table in HISTORIES for (table,) in self._query(_TABLES, ()))

    def is_unique(self, index: Name, table: Name) -> bool:
        return bool(self._rows(_UNIQUE, index))

    def constraint(self, table: Name, name: Name) -> str:
        # The run may have renamed the table, so one of another table counts where this one has none of the name.
        rows = self._query(_CONSTRAINTS, (name[-1],))
        kinds = {_KINDS[kind] for kind, of in rows if of == table[-1]} or {_KINDS[kind] for kind, _of in rows}
        return max(kinds - {"null"} or kinds, default="")

    def columns(self, view: Name) -> Sequence[str] | None:
        return [column for _schema, column in self._rows(_COLUMNS, view)]

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        return bool(self._rows(_ROUTINE_GRANTS if routine else _VIEW_GRANTS, name))

    def has_default(self, table: Name, column: str) -> bool:
        return column in [each for _schema, each in self._rows(_DEFAULTS, table)]

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        found = [
            volatile
            for _schema, volatile, visible, least, most in self._rows(_FUNCTIONS, function)
            if least <= arguments <= most and (visible or anywhere or len(function) > 1)
        ]
        return any(found) if found else None

    def is_checked(self, type_name: Name) -> bool:
        return bool(self._rows(_DOMAINS, type_name))

    def _rows(self, sql: str, name: Name) -> list[tuple[Any, ...]]:
        """The rows about the objects of a name, whose schema comes first in each."""
        return [row for row in self._query(sql, (name[-1],)) if len(name) == 1 or row[0] == name[-2]]
