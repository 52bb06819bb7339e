# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of databases: adding one is a file beside this, and its line here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration import postgresql, sqlite
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import Database

DRIVERS: Mapping[str, Callable[[str, bool], Database]] = {
    "postgres": postgresql.connect,
    "postgresql": postgresql.connect,
    "sqlite": sqlite.connect,
}


@contextmanager
def opened(url: str, *, read_only: bool) -> Iterator[Database]:
    """Connect to the database at ``url``; read-only, it is not even created."""
    driver = DRIVERS.get(url.partition("://")[0])
    if driver is None:
        raise StrataError(
            "The database URL is none that is known (it is not shown, for it may hold a password). "
            f"It begins with one of {', '.join(f'{scheme}://' for scheme in sorted(DRIVERS))}."
        )
    database = driver(url, read_only)
    try:
        yield database
    finally:
        database.close()
