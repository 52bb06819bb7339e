# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite, by Python's own driver: ``sqlite:///absolute/path``.

The migrators' lock is the database's own write lock, held over one transaction; each migration is a savepoint in
it, so that those before a failing one are kept. A killed process leaves nothing, for nothing was committed.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import LockedError


def connect(url: str, read_only: bool) -> SqliteDatabase:
    """Open the file; it is created unless ``read_only``, where an absent one reads as empty."""
    location = unquote(url[len("sqlite://") :])
    path = Path("/" + location.lstrip("/"))
    if not location.startswith("/") or path.name == "":
        raise StrataError(
            "A SQLite URL is sqlite:/// and an absolute path, as in sqlite:///srv/shop/shop.db."
        )
    if not path.parent.is_dir():
        raise StrataError(f"SQLite database {path}: there is no folder {path.parent}. Create it first.")
    if read_only and not path.exists():
        target = ":memory:"
    else:
        target = f"file:{quote(str(path))}?mode={'rw' if read_only else 'rwc'}"
    try:
        connection = sqlite3.connect(target, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise StrataError(f"Opening the SQLite database {path} failed: {error}.") from error
    database = SqliteDatabase(path, connection)
    if read_only:
        database.query("PRAGMA query_only = ON")
    return database


class SqliteDatabase:
    """Implements `database.Database`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def has_table(self, name: str) -> bool:
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            kind = LockedError if "is locked" in str(error) else StrataError
            raise kind(f"SQLite database {self._path}: {error}") from error

    def script(self, sql: str) -> None:
        # executescript() would commit first; complete_statement() knows strings, comments and triggers.
        statement = ""
        for piece in re.split(r"(?<=;)", sql):
            statement += piece
            if sqlite3.complete_statement(statement):
                self.query(statement)
                statement = ""
        if statement.strip():
            self.query(statement)

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        self.query(f"PRAGMA busy_timeout = {int(wait * 1000)}")
        try:
            self.query("BEGIN IMMEDIATE")
        except LockedError as error:
            raise StrataError(
                f"SQLite database {self._path} was locked by another process for {wait:g} s. "
                "If it is another migration, let it end and try again."
            ) from error
        try:
            yield
        except StrataError as error:
            if not self._connection.in_transaction:  # a full disk, say, makes SQLite end it by itself
                raise StrataError(f"{error} SQLite gave up the whole run: nothing of it was kept.") from error
            raise
        finally:
            if self._connection.in_transaction:
                self._commit()

    @contextmanager
    def transaction(self, lock_timeout: float) -> Iterator[None]:
        self.query(f"PRAGMA busy_timeout = {int(lock_timeout * 1000)}")
        self.query("SAVEPOINT migration")
        try:
            yield
            self.query("RELEASE migration")
        except BaseException:
            if self._connection.in_transaction:
                self.query("ROLLBACK TO migration")
                self.query("RELEASE migration")
            raise

    def close(self) -> None:
        self._connection.close()

    def _commit(self) -> None:
        try:
            self.query("COMMIT")
        except StrataError as error:
            self.query("ROLLBACK")
            raise StrataError(f"{error}: committing failed, and nothing of this run was kept.") from error
