# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL, by psycopg 3 or psycopg2, whichever is there: ``postgresql://USER:PASSWORD@HOST:PORT/DATABASE``.

URL: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS. The migrators' lock is an
advisory lock of the session, so the server frees it when the session ends, however that came.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import LockedError

CONNECT_TIMEOUT = 10
LOCK_KEY = (0x53747261, 0x4D696772)
POLL_INTERVAL = 0.1
PACKAGE = "python3-psycopg2"
"""What Debian, Fedora and SUSE, and all that is made from them, call the driver for their own Python."""

# Stricter than libpq, which repeats parts of a malformed URL, and so of the password, in its messages.
_URL = re.compile(
    r"""postgres(?:ql)?://
    (?: (?P<user>[^:@/?\#\s]*) (?: : (?P<password>[^:@/?\#\s]*) )? @ )?
    (?P<hosts> (?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d+)? (?:,(?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d+)?)* )
    (?: / (?P<database>[^@/?\#\s]*) )?
    (?: \? (?P<options>[\w.]+=[^@?\#\s&]*(?:&[\w.]+=[^@?\#\s&]*)*) )?""",
    re.VERBOSE,
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_LOCK_STATES = frozenset(("55P03", "40P01"))  # lock_not_available, deadlock_detected
_SESSION = (
    # A backend whose client was killed notices within a second, in place of at the end of its statement.
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
)
_HOLDER = """
    SELECT a.application_name, a.usename, coalesce(host(a.client_addr), 'a local socket'), a.pid, a.backend_start
    FROM pg_locks l JOIN pg_stat_activity a USING (pid) JOIN pg_database d ON d.oid = l.database
    WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
    AND l.classid::bigint = ? AND l.objid::bigint = ?"""


@dataclass(frozen=True)
class Address:
    """A URL taken apart: ``shown`` is fit for messages, ``secrets`` never are."""

    url: str
    shown: str
    secrets: tuple[str, ...]
    own_timeout: bool

    def scrub(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def parse(url: str) -> Address:
    """Check the form of a URL and find its secrets; messages never show any of it."""
    matched = _URL.fullmatch(url)
    if matched is None or _BAD_PERCENT.search(url):
        raise StrataError(
            "The database URL is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE (it is "
            "not shown, for it may hold a password). Percent-encode characters such as @ : / ? # % in each part."
        )
    options = dict(option.split("=", 1) for option in (matched["options"] or "").split("&") if option)
    raw = [matched["password"], *(value for name, value in options.items() if "password" in name)]
    secrets = {form for secret in raw if secret for form in (secret, unquote(secret))}
    host = matched["hosts"] or unquote(options.get("host", "")) or "the local socket"
    return Address(
        url,
        f"PostgreSQL database '{unquote(matched['database'] or '')}' on {host}",
        tuple(sorted(secrets | {url}, key=len, reverse=True)),
        "connect_timeout" in options,
    )


def connect(url: str, read_only: bool) -> PostgresqlDatabase:
    """Connect in autocommit mode; ``read_only`` sessions cannot write, by the server's own word."""
    address = parse(url)
    driver = _driver()
    parameters: dict[str, Any] = {"fallback_application_name": "strata migration"}
    if not address.own_timeout:
        parameters["connect_timeout"] = CONNECT_TIMEOUT
    try:
        connection = driver.connect(url, **parameters)
        connection.autocommit = True
    except driver.Error as error:
        raise StrataError(
            f"Connecting to {address.shown} failed: {address.scrub(str(error)).strip()}"
        ) from None
    database = PostgresqlDatabase(address, driver, connection)
    for name, value in _SESSION:
        with suppress(StrataError):  # an older server, or one on another system, does without
            database.query("SELECT set_config(?, ?, false)", (name, value))
    if read_only:
        database.query("SET default_transaction_read_only = on")
    return database


class PostgresqlDatabase:
    """Implements `database.Database`."""

    def __init__(self, address: Address, driver: Any, connection: Any) -> None:
        self._address = address
        self._driver = driver
        self._connection = connection
        self._search_path = self.query("SELECT current_setting('search_path')")[0]

    def has_table(self, name: str) -> bool:
        return self.query("SELECT to_regclass(?) IS NOT NULL", (name,)) == [(True,)]

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._execute(sql.replace("?", "%s"), tuple(parameters) or None)

    def script(self, sql: str) -> None:
        self._execute(sql, None)
        # Else the history would follow the script into its schema, and not be found by the next run.
        self.query("RESET SESSION AUTHORIZATION")  # and of the role with it
        self.query("SELECT pg_catalog.set_config('search_path', ?, false)", self._search_path)

    @contextmanager
    def lock(self, wait: float) -> Iterator[None]:
        # Asking again and again, for a session that waits inside the server holds a snapshot open meanwhile.
        deadline = time.monotonic() + wait
        while self.query("SELECT pg_try_advisory_lock(?, ?)", LOCK_KEY) != [(True,)]:
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"{self._address.shown} was being migrated by another for {wait:g} s: {self._holder()}. "
                    "Let it end and try again."
                )
            time.sleep(POLL_INTERVAL)
        try:
            yield
        finally:
            with suppress(StrataError):  # a broken connection has freed it already
                self.query("SELECT pg_advisory_unlock(?, ?)", LOCK_KEY)

    @contextmanager
    def transaction(self, lock_timeout: float) -> Iterator[None]:
        self.query("BEGIN")
        try:
            self.query("SELECT set_config('lock_timeout', ?, true)", (f"{int(lock_timeout * 1000)}ms",))
            yield
            self.query("COMMIT")
        except BaseException:
            with suppress(StrataError):  # a broken connection has rolled back already
                self.query("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()

    def _execute(self, sql: str, parameters: tuple[Any, ...] | None) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql, parameters)
                return list(cursor.fetchall()) if cursor.description else []
        except self._driver.Error as error:
            state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
            kind = LockedError if state in _LOCK_STATES else StrataError
            # No cause: a traceback would show the driver's words as they came.
            raise kind(f"{self._address.shown}: {self._address.scrub(str(error)).strip()}") from None

    def _holder(self) -> str:
        for application, user, host, pid, since in self.query(_HOLDER, LOCK_KEY):
            return f"'{application}' of user {user} from {host}, server process {pid}, since {since}"
        return "it has just ended"


def _driver() -> Any:
    for name in ("psycopg", "psycopg2"):
        with suppress(ImportError):
            return importlib.import_module(name)
    missing = (
        "A PostgreSQL database needs the Python package psycopg or psycopg2, and the Python that Ansible uses on this "
        f"host has neither ({sys.executable})."
    )
    if _is_of_the_system():
        raise StrataError(
            f"{missing} Install {PACKAGE} there. Planning a migration with the role does so, unless db_migrate_install_driver is false.",
            driver=PACKAGE,
        )
    raise StrataError(
        f"{missing} A package of the system would not serve it: install 'psycopg[binary]' with its own pip."
    )


def _is_of_the_system() -> bool:
    """Whether Python packages of the distribution are for the Python that runs this."""
    return sys.prefix == "/usr" and os.path.realpath(sys.executable) == os.path.realpath("/usr/bin/python3")
