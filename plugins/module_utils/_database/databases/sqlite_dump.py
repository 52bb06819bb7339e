# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of a SQLite database, by SQLite's own backup, of one moment although others write meanwhile."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import (
    Programs,
    check_time,
)

PAGES = 4096
"""How many are copied before the clock is looked at again."""


class SqliteDump:
    """Implements `dump.Dump`."""

    SUFFIX: ClassVar[str] = ".sqlite"
    PROGRAMS: ClassVar[Sequence[Sequence[str]]] = ()
    PACKAGE: ClassVar[str] = ""

    def write(
        self, address: Address, access: Client, programs: Programs, file: Path, deadline: float
    ) -> None:
        def look(_status: int, _left: int, _pages: int) -> None:
            check_time(deadline)

        # Opened for writing, because even a reader of a database in WAL mode writes files beside it.
        source = f"file:{quote(address.database)}?mode=rw"
        try:
            with closing(sqlite3.connect(source, uri=True, isolation_level=None)) as database:
                # One transaction over all of it: else each write by another would have it begin anew.
                database.execute("BEGIN")
                database.execute("SELECT 1 FROM sqlite_master").fetchall()
                with closing(sqlite3.connect(file)) as copy:
                    database.backup(copy, pages=PAGES, progress=look)
        except sqlite3.Error as error:
            raise StrataError(f"{error}.") from error

    def verify(self, address: Address, programs: Programs, file: Path, deadline: float) -> None:
        try:
            with closing(sqlite3.connect(file)) as copy:
                copy.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
                found = [row[0] for row in copy.execute("PRAGMA quick_check")]
        except sqlite3.Error as error:
            raise StrataError(f"it could not be read back: {error}.") from error
        if found != ["ok"]:
            raise StrataError(f"the copy is damaged, as the database may be itself: {found[0]}.")
