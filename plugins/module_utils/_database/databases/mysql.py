# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL 8 and MariaDB 10.5 or later, by PyMySQL.

The migrators' lock is a named lock of the session (GET_LOCK), so the server frees it when the session ends, however
that came. It is one server's own: where several take writes (Galera, group replication), migrate at one of them.
"""

from __future__ import annotations

import hashlib
import math
import os
import socket
import ssl
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
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
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dbmate_url import (
    Dbmate,
    server_url,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.driver_import import imported
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import Reader, altered, folded
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import (
    Statement,
    statements,
)

CONNECT_TIMEOUT = 10
POLL_INTERVAL = 0.1
LONGEST_WAIT = 31536000
"""Seconds: the most that the server takes for a timeout."""
IDLE = 28800
"""Seconds that the session with the lock may be idle while a tool works: what MySQL has by itself."""


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
_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))
_MODES = {
    "disable": "DISABLED",
    "prefer": "PREFERRED",
    "require": "REQUIRED",
    "verify-ca": "VERIFY_CA",
    "verify-full": "VERIFY_IDENTITY",
}
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
_TRANSACTIONAL = frozenset(
    (
        *("DELETE", "DO", "INSERT", "REPLACE", "SAVEPOINT", "SELECT", "SET", "TABLE", "UPDATE", "USE"),
        *("DESC", "DESCRIBE", "EXPLAIN", "SHOW", "VALUES", "WITH", "("),
    )
)
_LASTING = frozenset(("AUTOCOMMIT", "GLOBAL", "PASSWORD", "PERSIST", "ROLE"))
"""What a SET sets for longer than a transaction."""
_KINDS_OF_INDEX = ("UNIQUE", "FULLTEXT", "SPATIAL")
_NO_COLUMN = frozenset(
    ("CHECK", "CONSTRAINT", "FOREIGN", "PARTITION", "PERIOD", "PRIMARY", "SYSTEM", "USING", "FOR")
)
_THERE = {
    "table": ("tables", ""),
    "column": ("columns", "AND LOWER(column_name) = ?"),
    "index": ("statistics", "AND LOWER(index_name) = ?"),
}
"""The tables of information_schema."""


def connect(address: Address, *, read_only: bool, application: str) -> MysqlDatabase:
    """Connect in autocommit mode; ``read_only`` sessions cannot write, by the server's own word."""
    driver = imported("MySQL", "pymysql", package="python3-pymysql", pip="PyMySQL")
    try:
        connection = _connection(driver, address)(
            host=address.host or None,
            port=int(address.port or 0),
            unix_socket=address.socket or None,
            user=address.user or None,
            password=address.password.encode(),
            database=address.database,
            charset="utf8mb4",
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT,
            client_flag=driver.constants.CLIENT.MULTI_STATEMENTS,
            program_name=application,
            ssl=_context(address),
            defer_connect=True,
        )
        connection.connect()
    # The driver misses a package with RuntimeError, and the files for TLS are read by Python.
    except (driver.MySQLError, OSError, RuntimeError, ValueError) as error:
        raise StrataError(f"Connecting to {address.shown} failed: {address.scrub(_said(error))}") from None
    database = MysqlDatabase(address, driver, connection)
    if read_only:
        database.query("SET SESSION TRANSACTION READ ONLY")
    return database


@contextmanager
def client(address: Address) -> Iterator[Client]:
    """mysqldump, mysql and their like read everything from a file that only this user can read.

    It has no name, and is reached through this process: so nothing of it outlives a kill.

    Those of MariaDB go on in plain text where a server offers no TLS, unless they check its certificate whole. So with
    tls=verify-ca they check the name in it, too, and with tls=require the server is asked beforehand.
    """
    if _tls(address) == "require":
        connect(address, read_only=True, application="strata migration").close()
    place = {"socket": address.socket} if address.socket else {"host": address.host, "port": address.port}
    common = {
        **place,
        "protocol": "socket" if address.socket else "tcp",
        "user": address.user,
        "password": address.password,
    }
    lines = ["[client]", *(f"{name}={_option(value)}" for name, value in common.items() if value)]
    lines += _tls_options(address)
    with tempfile.TemporaryFile("w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        descriptors = f"/proc/{os.getpid()}/fd"
        # No other file may name another server: those of the user, and that of MySQL's login paths.
        yield Client(
            (f"--defaults-file={descriptors}/{file.fileno()}",),
            {"MYSQL_TEST_LOGIN_FILE": f"{descriptors}/none"},
        )


class MysqlDatabase:
    """Implements `database.Database`."""

    DIALECT: ClassVar[Dialect] = MYSQL
    KNOWS_REPLICAS: ClassVar[bool] = False

    def __init__(self, address: Address, driver: Any, connection: Any) -> None:
        self.shown = address.shown
        self._address = address
        self._driver = driver
        self._connection = connection
        self._mariadb = _is_mariadb(self)
        self._session = self._read((*_SESSION, *(["check_constraint_checks"] if self._mariadb else [])))
        self._role = self.query("SELECT CURRENT_ROLE()")

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
                for table in _temporary(sql):
                    self.query(f"DROP TEMPORARY TABLE IF EXISTS {table}")
                self._restore()
            raise
        self._restore()

    def rolls_back(self, sql: str) -> bool:
        """Only where each statement is known to commit nothing: those that do are many, and a CALL may do anything.

        Tables of an engine without transactions (MyISAM, Aria) keep what was written to them all the same.
        """
        return all(map(_is_transactional, statements(sql, MYSQL)))

    @contextmanager
    def lock(self, wait: float, *, beside_tool: bool) -> Iterator[None]:
        # Asking again and again, for max_statement_time would end a GET_LOCK that waits inside the server.
        name = _lock_name(self._address.database)
        deadline = time.monotonic() + wait
        while self.query("SELECT GET_LOCK(?, 0)", (name,)) != [(1,)]:
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"{self.shown} was being migrated by another for {wait:g} s: {self._holder(name)}. "
                    "Let it end and try again."
                )
            time.sleep(POLL_INTERVAL)
        try:
            self.query(f"SET SESSION wait_timeout = GREATEST(@@SESSION.wait_timeout, {IDLE})")
            yield
        finally:
            with suppress(StrataError):  # a broken connection has freed it already
                self.query("SELECT RELEASE_LOCK(?)", (name,))

    def has_lock(self) -> bool:
        name = _lock_name(self._address.database)
        return self.query("SELECT IS_USED_LOCK(?) = CONNECTION_ID()", (name,)) == [(1,)]

    @contextmanager
    def transaction(self, timeouts: Timeouts) -> Iterator[None]:
        with self.limited(timeouts):
            self.query("START TRANSACTION")
            try:
                yield
                self.query("COMMIT")
            except BaseException:
                with suppress(StrataError):  # a broken connection has rolled back already
                    self.query("ROLLBACK")
                raise

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
        made = _made(statement)
        if made is None:
            return None
        kind, table, item, present = made
        schema, _dot, name = folded(table, MYSQL).rpartition(".")
        view, condition = _THERE[kind]
        found = self.query(
            f"SELECT 1 FROM information_schema.{view} "  # noqa: S608 (one of the three)
            f"WHERE LOWER(table_schema) = ? AND LOWER(table_name) = ? {condition}",
            (schema or self._address.database.lower(), name, *([folded(item, MYSQL)] if item else [])),
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
        self._set(self._session)
        self.query(f"USE {_quoted(self._address.database)}")
        if self.query("SELECT CURRENT_ROLE()") != self._role:
            self.query(f"SET ROLE {self._role[0][0] or 'NONE'}")

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
            raise kind(f"{self.shown}{at}: {self._address.scrub(_said(error))}{advice}") from None

    def _holder(self, name: str) -> str:
        for (number,) in self.query("SELECT IS_USED_LOCK(?)", (name,)):
            if number is None:
                break
            application = "another"
            for table in ("session_account_connect_attrs", "session_connect_attrs"):
                with suppress(StrataError):  # it may be off, or not for this user to see
                    for (value,) in self.query(
                        f"SELECT attr_value FROM performance_schema.{table} "  # noqa: S608 (one of the two)
                        "WHERE processlist_id = ? AND attr_name = 'program_name'",
                        (number,),
                    ):
                        application = f"'{value}'"
            for user, host, command, seconds in self.query(
                "SELECT user, host, command, time FROM information_schema.processlist WHERE id = ?", (number,)
            ):
                return f"{application} of user {user} from {host}, connection {number}, {command} for {seconds} s"
            return f"{application}, connection {number} of a user that this one may not see without the privilege PROCESS"
        return "it has just ended"


def _connection(driver: Any, address: Address) -> Any:
    """The driver's class of connections, made to keep a TLS mode whatever its version, and to notice a dead server."""
    mode = _tls(address)
    tls = driver.constants.CLIENT.SSL

    class Connection(driver.connections.Connection):  # type: ignore[misc]
        _read_timeout: float | None

        def connect(self, sock: Any = None) -> None:
            limited = hasattr(self, "_read_timeout")
            if limited:
                self._read_timeout = CONNECT_TIMEOUT
            super().connect(sock)
            if limited:
                self._read_timeout = None

        def _request_authentication(self) -> None:
            if mode == "disable" or not self.server_capabilities & tls:
                if mode not in ("disable", "prefer"):
                    raise driver.err.OperationalError(
                        2026, f"the server offers no TLS, and tls is {address.tls}"
                    )
                self.ssl = False
                self.client_flag &= ~tls
            if self._sock.family != socket.AF_UNIX:
                for name, value in _KEEPALIVE:
                    if hasattr(socket, name):
                        self._sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
            super()._request_authentication()

    return Connection


def _tls(address: Address) -> str:
    """The TLS mode that holds: as libpq has it, whoever names a CA with require wants it asked, and a socket needs none."""
    if address.socket:
        return "disable"
    return "verify-ca" if address.tls == "require" and address.tls_ca else address.tls or "prefer"


def _context(address: Address) -> ssl.SSLContext:
    mode = _tls(address)
    if mode in ("verify-ca", "verify-full"):
        context = ssl.create_default_context(cafile=address.tls_ca or None)
        # As the driver does: Python 3.13 is stricter than the certificates that MySQL makes for itself.
        context.verify_flags &= ~getattr(ssl, "VERIFY_X509_STRICT", 0)
        context.check_hostname = mode == "verify-full"
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if address.tls_cert:
        context.load_cert_chain(address.tls_cert, address.tls_key or None)
    return context


def _tls_options(address: Address) -> list[str]:
    """For the programs of MySQL and, in a group of their own, for those of MariaDB, which call it otherwise."""
    mode = _tls(address)
    verified = mode in ("verify-ca", "verify-full")
    files = {
        "ssl-ca": address.tls_ca if verified else "",  # which makes MariaDB's ask it
        "ssl-cert": address.tls_cert if mode != "disable" else "",
        "ssl-key": address.tls_key if mode != "disable" else "",
    }
    lines = [f"{name}={_option(value)}" for name, value in files.items() if value]
    lines += [f"loose-ssl-mode={_MODES[mode]}", "[client-mariadb]"]
    if mode != "prefer":
        lines.append(f"ssl={int(mode != 'disable')}")
    lines.append(f"ssl-verify-server-cert={int(verified)}")
    return lines


def _option(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _lock_name(database: str) -> str:
    """The server's own, of all databases on it; 64 characters at most."""
    name = f"strata migration {database}"
    return name if len(name) <= 64 else f"strata {hashlib.sha256(database.encode()).hexdigest()[:56]}"


def _is_transactional(statement: Statement) -> bool:
    words = statement.words
    if words[0] == "SET":
        return _LASTING.isdisjoint(words)
    if words[:2] in (("CREATE", "TEMPORARY"), ("DROP", "TEMPORARY")):
        return True
    return words[0] in _TRANSACTIONAL


def _temporary(sql: str) -> Iterator[str]:
    for statement in statements(sql, MYSQL):
        reader = Reader(statement.tokens)
        if reader.took("CREATE"):
            reader.skip("OR", "REPLACE")
            if reader.took("TEMPORARY", "TABLE"):
                reader.skip("IF", "NOT", "EXISTS")
                yield reader.name()


def _made(sql: str) -> tuple[str, str, str, bool] | None:
    """What a statement makes or drops: a kind, a table, a name in that, and whether it is there afterwards."""
    parsed = statements(sql, MYSQL)
    if len(parsed) != 1:
        return None
    table, actions = altered(parsed[0])
    if actions:
        reader = Reader(actions[0])
        present = reader.took("ADD")
        if present or reader.took("DROP"):
            kind, item = _item(reader)
            return (kind, table, item, present) if item else None
        return None
    reader = Reader(parsed[0].tokens)
    present = reader.took("CREATE")
    if not present and not reader.took("DROP"):
        return None
    if reader.took("TABLE"):
        reader.skip("IF", "NOT", "EXISTS")
        names = [reader.name()] if present else reader.names()
        return ("table", names[0], "", present) if len(names) == 1 else None
    kind, item = _item(reader)
    reader.skip("USING", "BTREE", "HASH")
    return ("index", reader.name(), item, present) if kind == "index" and item and reader.took("ON") else None


def _item(reader: Reader) -> tuple[str, str]:
    """A column or an index, and its name; "" where it has none, or is another thing."""
    before = reader.rest
    reader.skip(*_KINDS_OF_INDEX, "INDEX", "KEY")
    kind = "column" if reader.rest == before else "index"
    reader.skip("COLUMN", "IF", "NOT", "EXISTS")
    return kind, "" if reader.rest[:1] and reader.rest[0] in _NO_COLUMN else reader.name()


def _said(error: Exception) -> str:
    """A driver's error is a number and words."""
    if len(error.args) > 1 and error.args[1]:
        return f"{error.args[1]} (error {error.args[0]})"
    return "the connection is lost" if str(error) in ("", "(0, '')") else str(error)


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


class Mysql:
    """MySQL or MariaDB."""

    NAME: ClassVar[str] = "mysql"
    OPTIONS: ClassVar[Mapping[str, Any]] = SERVER_OPTIONS
    SCHEMES: ClassVar[Sequence[str]] = ("mariadb", "mysql")
    DBMATE: ClassVar[Dbmate | None] = Dbmate(_dbmate_url, _dbmate_limits, _dbmate_variables)

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
    def connect(address: Address, *, read_only: bool, application: str) -> Database:
        return connect(address, read_only=read_only, application=application)

    @staticmethod
    def client(address: Address) -> AbstractContextManager[Client]:
        return client(address)
