# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQLite, by Python's own driver.

The migrators' lock is one on this host, which tells who has it, and the database's own write lock, held over one
transaction; each migration is a savepoint in it, so that those before a failing one are kept. A killed process leaves
nothing, for nothing was committed.
"""

from __future__ import annotations

import math
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    AbsentError,
    Database,
    LockedError,
    Rehearsal,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dbmate_url import Dbmate
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite_catalog import (
    SqliteCatalog,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite_dump import SqliteDump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite_rehearsal import (
    SqliteRehearsal,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.tool_session import (
    ToolSession,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.guard import guarded
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import end_in_sqlite
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    BACKTICKS,
    BLOCK_COMMENT,
    DOUBLE_QUOTED,
    SINGLE_QUOTED,
    SKIPPED,
    grammar,
)

SQLITE = Dialect(
    # https://www.sqlite.org/lang.html
    grammar=grammar(
        SKIPPED,
        BLOCK_COMMENT,
        rf"(?P<string> {SINGLE_QUOTED} )",
        rf"(?P<quoted> {DOUBLE_QUOTED} | {BACKTICKS} | \[[^\]]*\] )",
        opens=r"` | \[",
    ),
    ends=end_in_sqlite,
    client_commands=(".",),
    keeps_quoted_case=False,
    folds_tables=True,
    schema_is_database=False,
    columns_query="SELECT name FROM pragma_table_info(?)",
    catalog=SqliteCatalog,
)
LONGEST_WAIT = 86400
"""Seconds that a tool may wait for the file."""
_FOREVER = 2**31 - 1  # milliseconds
_OWN_PRAGMAS = ("busy_timeout", "query_only")
_LEFT_BEHIND = frozenset(
    (
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_CREATE_TEMP_TABLE,
        sqlite3.SQLITE_CREATE_TEMP_TRIGGER,
        sqlite3.SQLITE_CREATE_TEMP_VIEW,
    )
)
_CHECKED_EVERY = 10_000  # instructions of SQLite's machine: a few milliseconds


class SqliteDatabase:
    """Implements `database.Database`."""

    DIALECT: ClassVar[Dialect] = SQLITE
    KNOWS_REPLICAS: ClassVar[bool] = False

    def __init__(self, address: Address, connection: sqlite3.Connection, application: str) -> None:
        self.shown = address.shown
        self._path = address.database
        self._connection = connection
        self._application = application
        self._limit = math.inf
        self._inside = False
        self._is_locked = False
        self._is_changed = False
        self._kept = "nothing of this run"
        connection.set_authorizer(self._authorize)

    def has_table(self, name: str) -> bool:
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (name,)))

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        deadline = time.monotonic() + self._limit
        self._connection.set_progress_handler(lambda: time.monotonic() > deadline, _CHECKED_EVERY)
        try:
            return self._connection.execute(sql, tuple(parameters)).fetchall()
        except (sqlite3.Error, sqlite3.Warning, ValueError) as error:
            text = str(error)
            if text == "interrupted":
                text += ". It took too long: statement_timeout is the option that limits it."
            raise _kind(text)(f"{self.shown}: {text}") from error

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

    def rolls_back(self, sql: str) -> bool:
        return True

    @contextmanager
    def lock(self, wait: float, *, beside_tool: bool) -> Iterator[None]:
        deadline = time.monotonic() + wait
        with guarded(os.path.realpath(self._path), self._application, wait):
            if beside_tool:
                yield
                return
            self._wait(max(deadline - time.monotonic(), 0))
            try:
                self.query("BEGIN IMMEDIATE")
            except LockedError as error:
                raise StrataError(
                    f"{self.shown} was locked by another process for {wait:g} s, and by no migration of this host. "
                    "Let it end and try again."
                ) from error
            self._inside = self._is_locked = True
            try:
                yield
            except StrataError as error:
                if self._inside and not self._connection.in_transaction:
                    # A full disk, say, makes SQLite end it by itself.
                    raise StrataError(f"{error} SQLite gave up the run: {self._kept} was kept.") from error
                raise
            finally:
                self._is_locked = False
                if self._connection.in_transaction:
                    self._commit()

    def has_lock(self) -> bool:
        return True  # the host's, which goes with this process

    @contextmanager
    def session(self) -> Iterator[Database]:
        """This one itself, which holds the file's lock; a new connection where an earlier migration has left anything."""
        if self._is_changed:
            self._renew()
        yield self

    @contextmanager
    def transaction(self, timeouts: Timeouts | None) -> Iterator[None]:
        with self._limits(timeouts) if timeouts else nullcontext():
            self.query("SAVEPOINT migration")
            try:
                yield
                self.query("RELEASE migration")
            except BaseException:
                if self._connection.in_transaction:
                    self.query("ROLLBACK TO migration")
                    self.query("RELEASE migration")
                raise

    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def apart(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def limited(self, timeouts: Timeouts) -> Iterator[None]:
        """Ends the transaction of `lock`, for what SQLite refuses or ignores in one, and begins another after it."""
        locked = self._connection.in_transaction
        if locked:
            self._commit()
            self._kept = "of this run what was done up to its last migration without a transaction"
        with self._limits(timeouts):
            yield
            if locked:
                self._begin()

    def tool_environment(self, timeouts: Timeouts) -> Mapping[str, str]:
        return {}

    def has_rows(self, table: str, column: str | None) -> bool:
        # Qualified, for SQLite reads a quoted name that is no column as a string.
        condition = f"WHERE held.{column} IS NOT NULL" if column else ""
        try:
            return bool(self.query(f"SELECT 1 FROM {table} AS held {condition} LIMIT 1"))  # noqa: S608 (the migration's own words)
        except AbsentError:
            return False

    @contextmanager
    def rehearsal(self) -> Iterator[Rehearsal | None]:
        try:
            with tempfile.TemporaryDirectory(prefix="strata-rehearsal-") as folder:
                yield SqliteRehearsal(Path(folder), SQLITE, self._copy, _Copy.at)
        except (OSError, sqlite3.Error) as error:
            raise StrataError(
                f"Copying the {self.shown} to {tempfile.gettempdir()}, to see what a rollback would lose, failed: {error}."
            ) from error

    def size(self) -> int:
        (pages,), (page_size,) = self.query("PRAGMA page_count") + self.query("PRAGMA page_size")
        return int(pages) * int(page_size)

    def replica_lag(self) -> float | None:
        return None

    def settle(self, statement: str) -> bool | None:
        return None

    def close(self) -> None:
        self._connection.close()

    def _copy(self, file: Path) -> None:
        # By a connection of its own: the one that holds the write lock is refused.
        source = f"file:{quote(self._path)}?mode=rw"
        with closing(sqlite3.connect(file)) as copy, closing(_connection(source)) as database:
            database.execute("BEGIN")
            database.execute(
                "SELECT 1 FROM sqlite_master"
            ).fetchall()  # each later write of others would have it begin anew
            database.backup(copy)

    def _authorize(self, action: int, name: str | None, value: str | None, *_where: str | None) -> int:
        """Take note of what a statement that is being prepared may leave in the session; nothing is refused."""
        if action in _LEFT_BEHIND or (action == sqlite3.SQLITE_PRAGMA and value and name not in _OWN_PRAGMAS):
            self._is_changed = True
        return sqlite3.SQLITE_OK

    def _renew(self) -> None:
        """Begin a new session: a transaction keeps temporary tables, attached databases and pragmas."""
        if self._connection.in_transaction:
            self._commit()
            self._kept = (
                "of this run what was done up to the last migration that set something for its session"
            )
        self._connection.close()
        self._connection = _connection(f"file:{quote(self._path)}?mode=rw")
        self._connection.set_authorizer(self._authorize)
        self._is_changed = False
        self._begin()

    def _begin(self) -> None:
        if self._is_locked and not self._connection.in_transaction:
            with suppress(LockedError):  # without it, each further migration is committed by itself
                self.query("BEGIN IMMEDIATE")
                self._inside = True

    def _commit(self) -> None:
        self._inside = False
        try:
            self.query("COMMIT")
        except StrataError as error:
            self.query("ROLLBACK")
            raise StrataError(f"{error}: committing failed, and {self._kept} was kept.") from error

    def _wait(self, seconds: float) -> None:
        self.query(f"PRAGMA busy_timeout = {math.ceil(min(seconds * 1000, _FOREVER))}")

    @contextmanager
    def _limits(self, timeouts: Timeouts) -> Iterator[None]:
        self._wait(timeouts.lock or math.inf)
        self._limit = timeouts.statement or math.inf
        try:
            yield
        finally:
            self._limit = math.inf


class _Copy(SqliteDatabase):
    """A copy, from which no script reaches another file."""

    @classmethod
    def at(cls, file: Path) -> _Copy:
        address = Address(system="sqlite", database=str(file), shown="copy", is_file=True)
        return cls(address, _connection(f"file:{quote(str(file))}?mode=rw"), "")

    def _authorize(self, action: int, name: str | None, value: str | None, *where: str | None) -> int:
        if action == sqlite3.SQLITE_ATTACH and name not in ("", ":memory:"):
            return sqlite3.SQLITE_DENY
        return super()._authorize(action, name, value, *where)


def _connection(target: str) -> sqlite3.Connection:
    return sqlite3.connect(target, uri=True, isolation_level=None)


def _kind(message: str) -> type[StrataError]:
    if "is locked" in message:
        return LockedError
    return AbsentError if message.startswith(("no such table", "no such column")) else StrataError


def _dbmate_url(address: Address, database: Database) -> str:
    return f"sqlite://{quote(address.database)}"


def _dbmate_limits(timeouts: Timeouts, database: Database | None) -> Mapping[str, int]:
    return {"_busy_timeout": math.ceil(timeouts.lock * 1000)}


def _dbmate_file(url: str, folder: Path) -> Path | None:
    parts = urlsplit(url)
    path = f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path
    if path.startswith("//"):
        path = f"/{path.lstrip('/')}"
    return folder / unquote(path)


def _tool_limits(timeouts: Timeouts) -> Sequence[str]:
    return (f"PRAGMA busy_timeout = {round(min(timeouts.lock or LONGEST_WAIT, LONGEST_WAIT) * 1000)}",)


class Sqlite:
    """SQLite."""

    NAME: ClassVar[str] = "sqlite"
    OPTIONS: ClassVar[Mapping[str, Any]] = {"database": {"type": "str"}}
    SCHEMES: ClassVar[Sequence[str]] = ("sqlite", "sqlite3")
    DUMP: ClassVar[Dump] = SqliteDump()
    DBMATE: ClassVar[Dbmate | None] = Dbmate(_dbmate_url, _dbmate_limits, file=_dbmate_file)
    TOOL_SESSION: ClassVar[ToolSession | None] = ToolSession(
        drivers="sqlite",
        read_only="PRAGMA query_only = ON",
        limits=_tool_limits,
        lock_refusals=("database is locked",),
    )

    @staticmethod
    def locate(url: str, given: Mapping[str, str], environ: Mapping[str, str]) -> Address:
        path = given.get("database") or unquote(url.partition("://")[2])
        if not path.startswith("/") or Path(path).name == "":
            raise StrataError(
                "A SQLite database is given by its absolute path, as a URL for example sqlite:///srv/shop/shop.db."
            )
        path = "/" + path.lstrip("/")
        return Address(system="sqlite", database=path, shown=f"SQLite database {path}", is_file=True)

    @staticmethod
    def connect(address: Address, *, read_only: bool, application: str) -> SqliteDatabase:
        """Open the file; it is created unless ``read_only``, where an absent one reads as empty."""
        path = Path(address.database)
        if not path.parent.is_dir():
            raise StrataError(f"{address.shown}: there is no folder {path.parent}. Create it first.")
        if read_only and not path.exists():
            target = ":memory:"
        else:
            target = f"file:{quote(str(path))}?mode={'rw' if read_only else 'rwc'}"
        try:
            connection = _connection(target)
        except sqlite3.Error as error:
            raise StrataError(f"Opening the {address.shown} failed: {error}.") from error
        database = SqliteDatabase(address, connection, application)
        if read_only:
            database.query("PRAGMA query_only = ON")
        return database

    @staticmethod
    @contextmanager
    def client(address: Address) -> Iterator[Client]:
        """The program sqlite3 takes the file as its first argument."""
        yield Client((address.database,), {})
