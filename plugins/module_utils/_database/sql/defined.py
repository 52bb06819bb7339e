# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The functions and domains that the migrations of a run define, which the database does not have yet, or has otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import Catalog, Name
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import Reader, parts
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement


class DefinedCatalog:
    """Implements `catalog.Catalog`: what the run defines goes before what the database has.

    A name counts without its schema, because where a migration looks names up is not known.
    """

    def __init__(self, catalog: Catalog, dialect: Dialect) -> None:
        self._catalog = catalog
        self._dialect = dialect
        self._volatile: dict[str, bool] = {}
        self._checked: dict[str, bool] = {}

    def define(self, statement: Statement) -> None:
        """Take note of what a statement of the run defines or changes."""
        reader = Reader(statement.words)
        if not (reader.took("CREATE") or reader.took("ALTER")):
            return
        reader.skip("OR", "REPLACE")
        words = set(statement.words)
        if reader.took("FUNCTION"):
            name = self._last(reader)
            is_volatile = "VOLATILE" in words or words.isdisjoint(("IMMUTABLE", "STABLE"))
            self._volatile[name] = is_volatile or self._volatile.get(name, False)
        elif reader.took("DOMAIN"):
            name = self._last(reader)
            computed = not {"CHECK", "CONSTRAINT", "DEFAULT", "NOT"}.isdisjoint(words)
            self._checked[name] = computed or statement.words[0] == "ALTER"

    def is_empty(self) -> bool:
        return self._catalog.is_empty()

    def is_unique(self, index: Name, table: Name) -> bool:
        return self._catalog.is_unique(index, table)

    def constraint(self, table: Name, name: Name) -> str:
        return self._catalog.constraint(table, name)

    def columns(self, view: Name) -> Sequence[str] | None:
        return self._catalog.columns(view)

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        return self._catalog.has_grants(name, routine=routine)

    def has_default(self, table: Name, column: str) -> bool:
        return self._catalog.has_default(table, column)

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        defined = self._volatile.get(function[-1])
        found = self._catalog.is_volatile(function, arguments, anywhere=anywhere)
        # One of the same name and other arguments stays as it is in the database.
        return found if defined is None else defined or bool(found)

    def is_checked(self, type_name: Name) -> bool:
        defined = self._checked.get(type_name[-1])
        return self._catalog.is_checked(type_name) if defined is None else defined

    def _last(self, reader: Reader) -> str:
        reader.took("IF", "EXISTS")
        return parts(reader.name(), self._dialect)[-1]
