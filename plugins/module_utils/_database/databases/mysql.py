# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL 8 and MariaDB 10.5 or later, by PyMySQL."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import (
    mysql_client,
    mysql_lock,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    SERVER_OPTIONS,
    Address,
    Client,
    UrlParts,
    check,
    merged,
    read_url,
    server_address,
    unnamed_database,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    AbsentError,
    Database,
    LockedError,
    Rehearsal,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dbmate_url import (
    Dbmate,
    server_url,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_connection import (
    connected,
    message,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_dump import MysqlDump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_statements import (
    is_transactional,
    made,
    temporary_tables,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.tool_session import (
    ToolSession,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import folded
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

_IN_TRANSACTION = 1  # SERVER_STATUS_IN_TRANS of the protocol
LONGEST_WAIT = 31536000
"""Seconds: the most that the server takes for a timeout."""


class _SyntaxError(StrataError):
    """The server does not know the statement."""


_KINDS: Mapping[Any, type[StrataError]] = {
    1064: _SyntaxError,
    1205: LockedError,  # lock wait timeout
    1213: LockedError,  # deadlock
    3572: LockedError,  # NOWAIT
    1049: AbsentError,  # database
    1054: AbsentError,  # column
    1146: AbsentError,  # table
}
_TOO_SLOW = frozenset((1969, 3024))  # MariaDB's and MySQL's
_DBMATE_TLS = {
    "": "preferred",
    "disable": "false",
    "prefer": "preferred",
    "require": "skip-verify",
    "verify-ca": "true",
    "verify-full": "true",
}
_URL_OPTIONS = ("socket", "tls", "tls_ca", "tls_cert", "tls_key")
_SESSION = (
    *("character_set_client", "character_set_results", "character_set_connection", "collation_connection"),
    *("sql_mode", "foreign_key_checks", "unique_checks", "autocommit"),
    *("time_zone", "default_storage_engine", "sql_safe_updates", "sql_select_limit"),
)
"""What a script may set for itself and forget to put back. A character set sets its collation, which comes after it."""
_THERE = {
    "table": ("tables", ""),
    "column": ("columns", "AND LOWER(column_name) = ?"),
    "index": ("statistics", "AND LOWER(index_name) = ?"),
}
"""The tables of information_schema."""


class MysqlDatabase:
    """Implements `database.Database`."""

    DIALECT: ClassVar[Dialect] = MYSQL
    KNOWS_REPLICAS: ClassVar[bool] = False

    def __init__(self, address: Address, driver: Any, connection: Any, *, application: str) -> None:
        self.shown = address.shown
        self._address = address
        self._application = application
        self._is_given_away = False
        self._driver = driver
        self._connection = connection
        self._mariadb = _is_mariadb(self)
        self._session = self._read((*_SESSION, *(["check_constraint_checks"] if self._mariadb else [])))
        self._role = self.query("SELECT CURRENT_ROLE()")[0][0]

    def has_table(self, name: str) -> bool:
        return bool(
            self.query(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?",
                (name,),
            )
        )

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if parameters:
            sql = sql.replace("%", "%%").replace("?", "%s")
        return self._execute(sql, tuple(parameters) or None)[1]

    def script(self, sql: str) -> None:
        # The server itself cuts it into statements: it knows its SQL mode, and the bodies of routines.
        try:
            self._execute(sql, None)
        except BaseException:
            with suppress(StrataError):  # a broken connection has nothing to put back
                self.query("ROLLBACK")  # of a transaction of its own; the end of one that is around it
                # A transaction leaves them, and another try would find them.
                for table in temporary_tables(sql):
                    self.query(f"DROP TEMPORARY TABLE IF EXISTS {table}")
                self._restore()
            raise
        self._restore()

    def rolls_back(self, sql: str) -> bool:
        """Only where each statement is known to commit nothing: those that do are many, and a CALL may do anything.

        Tables of an engine without transactions (MyISAM, Aria) keep what was written to them all the same.
        """
        try:
            return all(map(is_transactional, statements(sql, MYSQL)))
        except UnreadableError:
            return False

    def lock(self, wait: float, *, beside_tool: bool) -> AbstractContextManager[None]:
        return mysql_lock.locked(self, self._address.database, wait)

    def has_lock(self) -> bool:
        return not self._is_given_away and mysql_lock.is_locked(self, self._address.database)

    @contextmanager
    def session(self) -> Iterator[Database]:
        work = Mysql.connect(self._address, read_only=False, application=self._application)
        try:
            with mysql_lock.at_work(work, self._address.database):
                yield work
                self._is_given_away = not mysql_lock.is_at_work(work, self._address.database)
        finally:
            work.close()

    @contextmanager
    def transaction(self, timeouts: Timeouts | None) -> Iterator[None]:
        with self.limited(timeouts) if timeouts else nullcontext():
            self.query("START TRANSACTION")
            try:
                yield
                self.query("COMMIT")
            except BaseException:
                with suppress(StrataError):  # a broken connection has rolled back already
                    self.query("ROLLBACK")
                raise

    def in_transaction(self) -> bool:
        return bool(self._connection.server_status & _IN_TRANSACTION)

    @contextmanager
    def apart(self) -> Iterator[None]:
        own = {name: value for name, value in self._session.items() if name != "autocommit"}
        theirs = self._read(tuple(own))
        ((schema, role),) = self.query("SELECT DATABASE(), CURRENT_ROLE()")
        self._enter(own, self._address.database, self._role)
        try:
            yield
        finally:
            with suppress(StrataError):  # of a broken connection
                self._enter(theirs, schema, role)

    @contextmanager
    def limited(self, timeouts: Timeouts) -> Iterator[None]:
        """The server counts waits for locks in whole seconds, and MySQL, other than MariaDB, limits only SELECT."""
        wait = min(max(1, math.ceil(timeouts.lock)), LONGEST_WAIT) if timeouts.lock else LONGEST_WAIT
        limits: dict[str, Any] = {"lock_wait_timeout": wait, "innodb_lock_wait_timeout": wait}
        if self._mariadb:
            limits["max_statement_time"] = timeouts.statement
        else:
            limits["max_execution_time"] = math.ceil(timeouts.statement * 1000)
        before = self._read(tuple(limits))
        logged = self._read(("sql_log_bin",))
        self._set(limits)
        try:
            yield
        finally:
            with suppress(StrataError):  # a broken connection has none
                self._set(before)
                # Not set in a transaction, nor by everyone. Without it, replicas would miss the next migration.
                if self._read(tuple(logged)) != logged:
                    self._set(logged)

    def tool_environment(self, timeouts: Timeouts) -> Mapping[str, str]:
        return {}

    def has_rows(self, table: str, column: str | None) -> bool:
        condition = f"WHERE held.{column} IS NOT NULL" if column else ""
        try:
            return bool(self.query(f"SELECT 1 FROM {table} AS held {condition} LIMIT 1"))  # noqa: S608 (the migration's own words)
        except AbsentError:
            return False

    def rehearsal(self) -> AbstractContextManager[Rehearsal | None]:
        return nullcontext()

    def size(self) -> int:
        sql = "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = DATABASE()"
        return int(self.query(sql)[0][0] or 0)

    def replica_lag(self) -> float | None:
        """Of this server; one whose replicas replicate from it does not know how far they are."""
        try:
            names, rows = self._execute("SHOW REPLICA STATUS", None)
        except _SyntaxError:  # MySQL before 8.0.22
            names, rows = self._execute("SHOW SLAVE STATUS", None)
        lags = []
        for row in rows:
            status = dict(zip(names, row))
            lag = status.get("Seconds_Behind_Source", status.get("Seconds_Behind_Master"))
            if lag is None:
                raise StrataError(
                    f"{self.shown} is a replica, and its replication is stopped. SHOW REPLICA STATUS says why there."
                )
            lags.append(float(lag))
        return max(lags, default=None)

    def settle(self, statement: str) -> bool | None:
        """Told from what there is, of the common ones that are done as a whole or not at all (MariaDB: since 10.6)."""
        change = made(statement)
        if change is None:
            return None
        kind, table, item, present = change
        schema, _dot, name = folded(table, MYSQL).rpartition(".")
        view, condition = _THERE[kind]
        found = self.query(
            f"SELECT 1 FROM information_schema.{view} "  # noqa: S608 (one of the three)
            f"WHERE LOWER(table_schema) = ? AND LOWER(table_name) = ? {condition}",
            (schema or self._schema().lower(), name, *([folded(item, MYSQL)] if item else [])),
        )
        return bool(found) is present

    def close(self) -> None:
        with suppress(self._driver.MySQLError):  # which the server has closed before
            self._connection.close()

    def _read(self, names: Sequence[str]) -> dict[str, Any]:
        values = self.query(f"SELECT {', '.join(f'@@SESSION.{name}' for name in names)}")[0]
        return dict(zip(names, values))

    def _set(self, values: Mapping[str, Any]) -> None:
        settings = ", ".join(f"SESSION {name} = ?" for name in values)
        self.query(f"SET {settings}", tuple(values.values()))

    def _restore(self) -> None:
        """Put back what a script has set: where names are looked up, as whom, and how SQL is read."""
        self._enter(self._session, self._address.database, self._role)

    def _enter(self, values: Mapping[str, Any], schema: str | None, role: str | None) -> None:
        self._set(values)
        if schema:
            self.query(f"USE {_quoted(schema)}")
        if self.query("SELECT CURRENT_ROLE()") != [(role,)]:
            self.query(f"SET ROLE {role or 'NONE'}")

    def _schema(self) -> str:
        """The database in which names are looked up."""
        return str(self.query("SELECT DATABASE()")[0][0] or "")

    def _execute(
        self, sql: str, parameters: tuple[Any, ...] | None
    ) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """The columns and rows of the first result, all of them being read."""
        number = 1
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                names = tuple(column[0] for column in cursor.description or ())
                rows = list(cursor.fetchall())
                while True:
                    number += 1
                    if not cursor.nextset():
                        return names, rows
        except (self._driver.MySQLError, UnicodeError) as error:
            code = error.args[0] if error.args else None
            kind = _KINDS.get(code, StrataError)
            at = f", statement {number}" if number > 1 else ""
            advice = " statement_timeout is the option that limits it." if code in _TOO_SLOW else ""
            # No cause: a traceback would show the driver's words as they came.
            raise kind(f"{self.shown}{at}: {self._address.scrub(message(error))}{advice}") from None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _url_parts(read: UrlParts) -> dict[str, str]:
    if unknown := sorted(read.options.keys() - set(_URL_OPTIONS)):
        raise StrataError(
            f"The database URL has the option {unknown[0]}. A MySQL URL has {', '.join(_URL_OPTIONS)}."
        )
    if "," in read.parts.get("host", ""):
        raise StrataError("The database URL has several hosts, but a MySQL client connects to one. Name one.")
    parts = {**read.parts, **{name: value for name, value in read.options.items() if value}}
    if parts.get("host") == "localhost" and "socket" in parts:
        del parts["host"]  # as its own clients understand localhost
    check(parts, "database URL")
    return parts


def _dbmate_url(address: Address, database: Database) -> str:
    if address.socket:
        return server_url(address, None, {"socket": address.socket})
    if address.tls_cert:
        raise StrataError(
            f"dbmate cannot show a client's certificate to MySQL, and {address.shown} is to have one (tls_cert): "
            "let its user in without, or migrate with the engine sql, which reads the same files."
        )
    return server_url(address, None, {"tls": _DBMATE_TLS[address.tls]})


def _dbmate_limits(timeouts: Timeouts, database: Database | None) -> Mapping[str, int]:
    wait = max(1, math.ceil(timeouts.lock)) if timeouts.lock else LONGEST_WAIT
    limits = {"lock_wait_timeout": wait, "innodb_lock_wait_timeout": wait}
    if database and _is_mariadb(database):
        limits["max_statement_time"] = math.ceil(timeouts.statement)
    return limits


def _dbmate_variables(address: Address) -> Mapping[str, str]:
    """The URL has no place for the CA."""
    return {"SSL_CERT_FILE": address.tls_ca} if address.tls_ca else {}


def _is_mariadb(database: Database) -> bool:
    return "mariadb" in str(database.query("SELECT VERSION()")[0][0]).lower()


def _tool_limits(timeouts: Timeouts) -> Sequence[str]:
    wait = max(1, math.ceil(timeouts.lock)) if timeouts.lock else LONGEST_WAIT
    # Of the comments, MariaDB executes the first one alone, and MySQL from 5.7.8 on the second one.
    return (
        f"SET SESSION lock_wait_timeout = {wait}, innodb_lock_wait_timeout = {wait}"
        f" /*M! , max_statement_time = {timeouts.statement} */"
        f" /*!50708 , max_execution_time = {round(timeouts.statement * 1000)} */",
    )


class Mysql:
    """MySQL or MariaDB."""

    NAME: ClassVar[str] = "mysql"
    OPTIONS: ClassVar[Mapping[str, Any]] = SERVER_OPTIONS
    SCHEMES: ClassVar[Sequence[str]] = ("mariadb", "mysql")
    DUMP: ClassVar[Dump] = MysqlDump()
    DBMATE: ClassVar[Dbmate | None] = Dbmate(_dbmate_url, _dbmate_limits, _dbmate_variables)
    TOOL_SESSION: ClassVar[ToolSession | None] = ToolSession(
        drivers="mysql|mariadb|asyncmy",
        read_only="SET SESSION TRANSACTION READ ONLY",
        limits=_tool_limits,
        lock_refusals=(
            "Lock wait timeout exceeded",  # 1205
            "Deadlock found when trying to get lock",  # 1213
        ),
    )

    @staticmethod
    def locate(url: str, given: Mapping[str, str], environ: Mapping[str, str]) -> Address:
        read = read_url(url, "mysql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE") if url else UrlParts()
        parts = merged(_url_parts(read), given, environ, "connection of a MySQL database")
        if not parts.get("database"):
            raise unnamed_database("MySQL")
        if "socket" not in parts:
            parts.setdefault("host", "localhost")
        return server_address("mysql", "MySQL", parts, {url, *read.secrets})

    @staticmethod
    def connect(address: Address, *, read_only: bool, application: str) -> MysqlDatabase:
        """Connect in autocommit mode; ``read_only`` sessions cannot write, by the server's own word."""
        driver, connection = connected(address, application=application)
        database = MysqlDatabase(address, driver, connection, application=application)
        if read_only:
            database.query("SET SESSION TRANSACTION READ ONLY")
        return database

    @staticmethod
    def client(address: Address) -> AbstractContextManager[Client]:
        return mysql_client.client(address)
