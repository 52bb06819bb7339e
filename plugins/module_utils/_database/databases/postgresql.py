# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL, by psycopg 3 or psycopg2, whichever is there.

The migrators' lock is an advisory lock of the session, so the server frees it when the session ends, however that came.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    SECRET_OPTION,
    SERVER_OPTIONS,
    Address,
    Client,
    UrlParts,
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
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.driver_import import imported
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_dump import (
    PostgresqlDump,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.tool_session import (
    ToolSession,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.ddl import Reader
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

CONNECT_TIMEOUT = 10
_LIBPQ = {
    "host": "host",
    "port": "port",
    "dbname": "database",
    "user": "user",
    "password": "password",
    "sslmode": "tls",
    "sslrootcert": "tls_ca",
    "sslcert": "tls_cert",
    "sslkey": "tls_key",
}
"""What libpq calls a part of an address."""
_SOCKET_FILE = re.compile(r"(?P<folder>.*)/\.s\.PGSQL\.(?P<port>\d+)")
LOCK_KEY = (0x53747261, 0x4D696772)
# A server whose machine falls silent is given up within half a minute, on the client's side as on its own.
_PATIENCE = {
    "connect_timeout": str(CONNECT_TIMEOUT),
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
}
WORK_KEY = (LOCK_KEY[0], LOCK_KEY[1] + 1)
"""Held by the session that a migration runs in: the server may still be at its statement after the migrator has died."""
POLL_INTERVAL = 0.1
DROP_WAIT = 30
"""Seconds that dropping an invalid index may wait for others' transactions to end."""

_KINDS = {
    "55P03": LockedError,  # lock_not_available
    "40P01": LockedError,  # deadlock_detected
    "42P01": AbsentError,  # undefined_table
    "42703": AbsentError,  # undefined_column
    "3F000": AbsentError,  # invalid_schema_name
}
_CANCELED = "57014"
_IN_TRANSACTION = (2, 3)  # libpq's: one is open, or has failed and is still to be ended
_TOO_SLOW = " If nobody cancelled it, it took too long: statement_timeout is the option that limits it."
_SESSION = (
    # A backend whose client was killed notices within a second, in place of at the end of its statement.
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    # While a tool works, the session that holds the lock has nothing to do.
    ("idle_session_timeout", "0"),
)
_OWN_LOCK = """
    SELECT 1 FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_catalog.pg_backend_pid()
    AND classid::bigint = ? AND objid::bigint = ?"""
_HOLDER = """
    SELECT a.application_name, a.usename, coalesce(host(a.client_addr), 'a local socket'), a.pid, a.backend_start
    FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
    AND l.classid::bigint = ? AND l.objid::bigint = ?"""
_INDEX = """
    SELECT format('%I.%I', n.nspname, c.relname), i.indisvalid
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE i.indrelid = to_regclass(?) AND c.relname = (parse_ident(?))[1]"""
_LAGS = """
    SELECT application_name, coalesce(host(client_addr), 'a local socket'), sent_lsn, replay_lsn,
    extract(epoch FROM replay_lag)::float
    FROM pg_stat_replication WHERE state IS NULL OR state <> 'backup' AND replay_lsn IS NOT NULL"""
"""Those of a user that may not know have no state; a base backup and pg_receivewal replay nothing."""
_OWN_LAG = """
    SELECT CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
    ELSE extract(epoch FROM now() - pg_last_xact_replay_timestamp()) END::float"""


class PostgresqlDatabase:
    """Implements `database.Database`."""

    DIALECT: ClassVar[Dialect] = POSTGRESQL
    KNOWS_REPLICAS: ClassVar[bool] = True

    def __init__(
        self, address: Address, driver: Any, connection: Any, *, read_only: bool, application: str
    ) -> None:
        self.shown = address.shown
        self._address = address
        self._application = application
        self._is_at_work = False
        self._is_given_away = False
        self._driver = driver
        self._connection = connection
        for name, value in _SESSION:
            with suppress(StrataError):  # an older server, or one on another system, does without
                self._set(name, value)
        if read_only:
            self._set("default_transaction_read_only", "on")
        # The driver's own among them.
        self._session = self.query(
            "SELECT name, setting FROM pg_catalog.pg_settings WHERE source = 'session'"
        )
        self._own = self.query(
            "SELECT name, CASE name WHEN 'session_authorization' THEN session_user ELSE current_setting(name) END "
            "FROM unnest(ARRAY['session_authorization', 'role', 'search_path']) AS own(name)"
        )
        self._limits: list[tuple[Timeouts, bool]] = []

    def has_table(self, name: str) -> bool:
        # Where it would be created, which is where dbmate looks: another schema of the search path is another's.
        sql = "SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = ?"
        return bool(self.query(sql, (name,)))

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        if parameters:
            sql = sql.replace("%", "%%").replace("?", "%s")
        return self._execute(sql, tuple(parameters) or None)

    def script(self, sql: str) -> None:
        self._execute(sql, None)
        self._restore()

    def rolls_back(self, sql: str) -> bool:
        return True  # what a transaction could not take back, the server refuses to do in one

    @contextmanager
    def lock(self, wait: float, *, beside_tool: bool) -> Iterator[None]:
        deadline = time.monotonic() + wait
        with self._locked(LOCK_KEY, wait, deadline):
            with self._locked(WORK_KEY, wait, deadline):
                pass
            yield

    @contextmanager
    def session(self) -> Iterator[Database]:
        work = Postgresql.connect(self._address, read_only=False, application=self._application)
        try:
            with work._locked(WORK_KEY, CONNECT_TIMEOUT, time.monotonic() + CONNECT_TIMEOUT):
                work._is_at_work = True
                yield work
                self._is_given_away = not work.query(_OWN_LOCK, WORK_KEY)
        finally:
            work.close()

    def has_lock(self) -> bool:
        return not self._is_given_away and bool(self.query(_OWN_LOCK, LOCK_KEY))

    @contextmanager
    def transaction(self, timeouts: Timeouts | None) -> Iterator[None]:
        self.query("BEGIN")
        try:
            with self._limited(timeouts, local=True) if timeouts else nullcontext():
                yield
            self.query("COMMIT")
        except BaseException:
            with suppress(StrataError):  # a broken connection has rolled back already
                self.query("ROLLBACK")
            raise

    def in_transaction(self) -> bool:
        return self._connection.info.transaction_status in _IN_TRANSACTION

    @contextmanager
    def apart(self) -> Iterator[None]:
        for name, value in self._own:
            self._set(name, value, local=True)
        yield

    @contextmanager
    def limited(self, timeouts: Timeouts) -> Iterator[None]:
        before = [
            (name, self.query("SELECT current_setting(?)", (name,))[0][0])
            for name, _value in _settings(timeouts)
        ]
        if self._is_at_work:
            self.query("SELECT pg_try_advisory_lock(?, ?)", WORK_KEY)  # of which DISCARD ALL has relieved it
        try:
            with self._limited(timeouts, local=False):
                yield
        finally:
            with suppress(StrataError):  # a broken connection has none
                for name, value in before:
                    self._set(name, value)

    def tool_environment(self, timeouts: Timeouts) -> Mapping[str, str]:
        return {"PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in _settings(timeouts))}

    def has_rows(self, table: str, column: str | None) -> bool:
        condition = f"WHERE held.{column} IS NOT NULL" if column else ""
        try:
            return bool(self.query(f"SELECT 1 FROM {table} AS held {condition} LIMIT 1"))  # noqa: S608 (the migration's own words)
        except AbsentError:
            return False

    def rehearsal(self) -> AbstractContextManager[Rehearsal | None]:
        return nullcontext()

    def size(self) -> int:
        return int(self.query("SELECT pg_database_size(current_database())")[0][0])

    def replica_lag(self) -> float | None:
        if self.query("SELECT pg_is_in_recovery()") == [(True,)]:
            lag = self.query(_OWN_LAG)[0][0]
            if lag is None:
                raise StrataError(
                    f"{self.shown}: the lag of this replica is unknown, because it has replayed no transaction since it "
                    "started. Check that it streams from its primary, or try again."
                )
            return float(lag)
        lags = [self._lag(*row) for row in self.query(_LAGS)]
        return max(lags, default=None)

    def settle(self, statement: str) -> bool | None:
        reader = Reader([word for each in statements(statement, POSTGRESQL) for word in each.tokens])
        if reader.took("DROP", "INDEX", "CONCURRENTLY"):
            reader.skip("IF", "EXISTS")
            return self.query("SELECT to_regclass(?)", (reader.name(),)) == [(None,)]
        reader.took("CREATE")
        reader.skip("UNIQUE")
        if not reader.took("INDEX", "CONCURRENTLY"):
            return None
        reader.skip("IF", "NOT", "EXISTS")
        if reader.took("ON"):
            return None  # the server gives it a name, and one more to each further try
        name = reader.name()
        reader.skip("ON", "ONLY")
        found = self.query(_INDEX, (reader.name(), name))
        for index, valid in found:
            if not valid:
                with self.limited(Timeouts(DROP_WAIT, 0)):
                    self.query(f"DROP INDEX CONCURRENTLY {index}")
        return [valid for _index, valid in found] == [True]

    def close(self) -> None:
        self._connection.close()

    def _restore(self) -> None:
        """Else the history would follow a script into its schema, and the next script would find what this one has set."""
        self.query("RESET SESSION AUTHORIZATION")  # and of the role with it
        self.query("RESET ALL")  # to what the connection began with
        for name, value in self._session:
            self._set(name, value)
        for timeouts, local in self._limits:
            self._limit(timeouts, local=local)

    @contextmanager
    def _limited(self, timeouts: Timeouts, *, local: bool) -> Iterator[None]:
        self._limits.append((timeouts, local))
        try:
            self._limit(timeouts, local=local)
            yield
        finally:
            self._limits.pop()

    def _limit(self, timeouts: Timeouts, *, local: bool) -> None:
        for name, value in _settings(timeouts):
            self._set(name, value, local=local)

    def _set(self, name: str, value: str, *, local: bool = False) -> None:
        self.query("SELECT pg_catalog.set_config(?, ?, ?)", (name, value, local))

    def _execute(self, sql: str, parameters: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except (self._driver.Error, UnicodeError) as error:  # one that the database's encoding does not have
            state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
            kind = _KINDS.get(str(state), StrataError)
            advice = _TOO_SLOW if state == _CANCELED else ""
            # No cause: a traceback would show the driver's words as they came.
            raise kind(f"{self.shown}: {self._address.scrub(str(error)).strip()}{advice}") from None

    @contextmanager
    def _locked(self, key: tuple[int, int], wait: float, deadline: float) -> Iterator[None]:
        # Asking again and again, for a session that waits inside the server holds a snapshot open meanwhile.
        while self.query("SELECT pg_try_advisory_lock(?, ?)", key) != [(True,)]:
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"{self.shown} was being migrated by another for {wait:g} s: {self._holder(key)}. "
                    "Let it end and try again."
                )
            time.sleep(POLL_INTERVAL)
        try:
            yield
        finally:
            with suppress(StrataError):  # a broken connection has freed it already
                self.query("SELECT pg_advisory_unlock(?, ?)", key)

    def _holder(self, key: tuple[int, int]) -> str:
        for application, user, host, pid, since in self.query(_HOLDER, key):
            return f"'{application}' of user {user} from {host}, server process {pid}, since {since}"
        return "it has just ended"

    def _lag(self, name: str, host: str, sent: str | None, replayed: str | None, lag: float | None) -> float:
        if sent is None:
            raise StrataError(
                f"{self.shown}: the lag of its replicas may be read by members of the role pg_monitor alone. "
                "Grant it to the user that migrates."
            )
        if lag is None and sent != replayed:
            raise StrataError(
                f"{self.shown}: its replica '{name}' on {host} has replayed to {replayed} of {sent}, and the server does not "
                "know yet how long that takes. Look at the replica, or try again."
            )
        return lag or 0.0


def _parameters(address: Address) -> dict[str, str]:
    """What libpq is to connect with."""
    given = {name: str(getattr(address, part)) for name, part in _LIBPQ.items()}
    if address.socket:
        given.update(host=address.socket, sslmode="")
    given = {name: value for name, value in given.items() if value}
    return {**_PATIENCE, **given, **address.options}


def _conninfo(parameters: Mapping[str, str]) -> str:
    def quoted(value: str) -> str:
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

    return " ".join(f"{name}={quoted(value)}" for name, value in parameters.items())


def _settings(timeouts: Timeouts) -> Iterator[tuple[str, str]]:
    for name, seconds in (("lock_timeout", timeouts.lock), ("statement_timeout", timeouts.statement)):
        yield name, f"{math.ceil(seconds * 1000)}ms"


def _url_parts(read: UrlParts) -> tuple[dict[str, str], dict[str, str]]:
    """A URL's parts, among them those that it has as options of libpq, and its further options."""
    parts, options = dict(read.parts), dict(read.options)
    if options.pop("ssl", "") == "true":
        options["sslmode"] = "require"  # as libpq reads what JDBC writes
    parts.update({_LIBPQ[name]: options.pop(name) for name in _LIBPQ if options.get(name)})
    if parts.get("host", "").startswith("/") and "," not in parts["host"]:
        parts["socket"] = parts.pop("host")
    return parts, options


def _dbmate_url(address: Address, database: Database) -> str:
    given = {"sslrootcert": address.tls_ca, "sslcert": address.tls_cert, "sslkey": address.tls_key}
    if address.socket:
        given["host"], given["port"] = address.socket, address.port
    tls = address.tls
    if tls in ("", "prefer"):  # which older releases of its driver do not know
        encrypted = database.query("SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()")
        tls = "require" if encrypted == [(True,)] else "disable"
    given = {name: value for name, value in given.items() if value}
    return server_url(address, "" if address.socket else None, {**address.options, **given, "sslmode": tls})


def _dbmate_limits(timeouts: Timeouts, database: Database | None) -> Mapping[str, int]:
    return {
        "lock_timeout": math.ceil(timeouts.lock * 1000),
        "statement_timeout": math.ceil(timeouts.statement * 1000),
    }


def _tool_limits(timeouts: Timeouts) -> Sequence[str]:
    return (
        f"SET lock_timeout = {round(timeouts.lock * 1000)}",
        f"SET statement_timeout = {round(timeouts.statement * 1000)}",
        # A server process whose client was killed notices within a second. Not every version and system can.
        "DO $$ BEGIN PERFORM set_config('client_connection_check_interval', '1s', false); "
        "EXCEPTION WHEN OTHERS THEN NULL; END $$",
    )


class Postgresql:
    """PostgreSQL."""

    NAME: ClassVar[str] = "postgresql"
    OPTIONS: ClassVar[Mapping[str, Any]] = SERVER_OPTIONS
    SCHEMES: ClassVar[Sequence[str]] = ("postgres", "postgresql")
    DUMP: ClassVar[Dump] = PostgresqlDump()
    DBMATE: ClassVar[Dbmate | None] = Dbmate(_dbmate_url, _dbmate_limits)
    TOOL_SESSION: ClassVar[ToolSession | None] = ToolSession(
        drivers="psycopg|postgres|pg8000|asyncpg",
        read_only="SET default_transaction_read_only = on",
        limits=_tool_limits,
        lock_refusals=("canceling statement due to lock timeout", "deadlock detected"),  # 55P03, 40P01
    )

    @staticmethod
    def locate(url: str, given: Mapping[str, str], environ: Mapping[str, str]) -> Address:
        form = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE"
        read = read_url(url, form) if url else UrlParts()
        parts, options = _url_parts(read)
        parts = merged(parts, given, environ, "connection of a PostgreSQL database")
        if not parts.get("database") and not url:
            raise unnamed_database("PostgreSQL")
        if file := _SOCKET_FILE.fullmatch(parts.get("socket", "")):
            parts.update(socket=file["folder"], port=file["port"])
        return server_address("postgresql", "PostgreSQL", parts, {url, *read.secrets}, options)

    @staticmethod
    def connect(address: Address, *, read_only: bool, application: str) -> PostgresqlDatabase:
        """Connect in autocommit mode; ``read_only`` sessions cannot write, by the server's own word."""
        driver = imported(
            "PostgreSQL", "psycopg", "psycopg2", package="python3-psycopg2", pip="psycopg[binary]"
        )
        # The server would cut the name, and say so in its log.
        parameters = {"fallback_application_name": application[:63], **_parameters(address)}
        try:
            connection = driver.connect(_conninfo(parameters))
            connection.autocommit = True
            if hasattr(connection, "prepare_threshold"):
                # psycopg's own prepared statements would end with a migration's DEALLOCATE ALL.
                connection.prepare_threshold = None
        except driver.Error as error:
            raise StrataError(
                f"Connecting to {address.shown} failed: {address.scrub(str(error)).strip()}"
            ) from None
        return PostgresqlDatabase(address, driver, connection, read_only=read_only, application=application)

    @staticmethod
    @contextmanager
    def client(address: Address) -> Iterator[Client]:
        """The password, if any, is in the environment of pg_dump, psql and their like, and all else in an argument."""
        parameters = _parameters(address)
        password = parameters.pop("password", None)
        if secret := next((name for name in parameters if SECRET_OPTION.fullmatch(name)), None):
            raise StrataError(
                f"The database URL has {secret}, which PostgreSQL's client programs take on their command lines alone, "
                "where everyone reads it. Use a key without a passphrase, in a file that only its user can read."
            )
        arguments = (f"--dbname={_conninfo(parameters)}", "--no-password")  # none is asked for, at a terminal
        yield Client(arguments, {"PGPASSWORD": password} if password else {})
