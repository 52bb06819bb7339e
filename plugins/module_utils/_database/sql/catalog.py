# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the linter asks a database about the objects that statements name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable, Protocol

Name = Sequence[str]
"""A name's parts as the catalog has them, for example ``("shop", "orders")``; see `ddl.parts`."""
Query = Callable[[str, Sequence[Any]], "list[tuple[Any, ...]]"]
HISTORIES = (
    "alembic_version",
    "django_migrations",
    "schema_migrations",
    "strata_migrations",
    "strata_progress",
)
"""The tables in which engines keep what is applied."""


class Catalog(Protocol):
    """The objects as they are before the run.

    A migration may set where names are looked up, so a name without a schema means the objects of that name in all schemas.
    """

    def is_empty(self) -> bool:
        """Whether the database has no table and no view, except those of a history or of an extension."""

    def is_unique(self, index: Name, table: Name) -> bool:
        """Whether there is such an index and it is unique; ``table`` may be empty where names of indexes are enough."""

    def constraint(self, table: Name, name: Name) -> str:
        """The kind of a constraint: check, foreign, null, unique (also a primary key or an exclusion); "" if it does not exist."""

    def columns(self, view: Name) -> Sequence[str] | None:
        """The columns of a view; None where the database cannot be asked."""

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        """Whether privileges on a view or a routine were given or taken away."""

    def has_default(self, table: Name, column: str) -> bool: ...

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        """Whether a function may give another value in each row; None where there is no such function.

        Args:
            anywhere: whether to look in all schemas, in place of where the session looks.
        """

    def is_checked(self, type_name: Name) -> bool:
        """Whether each value of a type has to be computed or checked: a domain's with a constraint or a computed default."""


class UnknownCatalog:
    """Implements `Catalog` where no database can be asked: what may matter to a running release is taken to be there."""

    def is_empty(self) -> bool:
        return False

    def is_unique(self, index: Name, table: Name) -> bool:
        return True

    def constraint(self, table: Name, name: Name) -> str:
        return "unique"

    def columns(self, view: Name) -> Sequence[str] | None:
        return None

    def has_grants(self, name: Name, *, routine: bool) -> bool:
        return False

    def has_default(self, table: Name, column: str) -> bool:
        return False

    def is_volatile(self, function: Name, arguments: int, *, anywhere: bool) -> bool | None:
        return None

    def is_checked(self, type_name: Name) -> bool:
        return False


UNKNOWN_CATALOG = UnknownCatalog()
