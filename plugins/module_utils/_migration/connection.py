# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a database is and how to reach it: from a URL, from single options, or from both."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

PASSWORD_VARIABLE = "STRATA_DATABASE_PASSWORD"  # noqa: S105 (a name)
"""The variable of the module's process that has the password where url and connection have none."""
TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")

_SCHEMES = {
    "mariadb": "mysql",
    "mysql": "mysql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "sqlite": "sqlite",
}
_SHOWN = {"mysql": "MySQL", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
# Stricter than libpq, which repeats parts of a malformed URL, and so of the password, in its messages.
_URL = re.compile(
    r"""[a-z]+://
    (?: (?P<user>[^:@/?\#\s]*) (?: : (?P<password>[^:@/?\#\s]*) )? @ )?
    (?P<hosts> (?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d+)? (?:,(?:[\w.%-]*|\[[0-9A-Fa-f:.]+\])(?::\d+)?)* )
    (?: / (?P<database>[^@/?\#\s]*) )?
    (?: \? (?P<options>[\w.]+=[^@?\#\s&]*(?:&[\w.]+=[^@?\#\s&]*)*) )?""",
    re.VERBOSE,
)
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
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
"""libpq's names for what every system has."""
_POSTGRESQL_SOCKET = re.compile(r"(?P<folder>/.*)/\.s\.PGSQL\.(?P<port>\d+)")


@dataclass(frozen=True)
class Address:
    """A database and the way to it; what is not given is "".

    Attributes:
        system: postgresql, mysql (MariaDB too) or sqlite.
        database: its name; for SQLite its absolute path.
        host, port: for PostgreSQL perhaps several, with commas between them.
        socket: a UNIX socket in place of a host; for PostgreSQL the folder that it is in.
        tls: one of `TLS_MODES`; "" for what the driver does by itself.
        options: further libpq parameters that a PostgreSQL URL has.
        secrets: what no message may show: the passwords, as they are and as they stand in the URL, and the URL.
    """

    system: str
    database: str
    host: str = ""
    port: str = ""
    socket: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """What messages call it."""
        if self.system == "sqlite":
            return f"SQLite database {self.database}"
        hosts, ports = self.host.split(","), self.port.split(",")
        if len(hosts) == len(ports):
            hosts = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports)]
        place = ",".join(hosts) if self.host else self.socket or "the local socket"
        return f"{_SHOWN[self.system]} database '{self.database}' on {place}"

    def scrub(self, text: str) -> str:
        """``text`` without the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True)
class Client:
    """What a client program of the database's system (pg_dump, mysqldump, sqlite3) needs to connect.

    Attributes:
        arguments: come before all others. They name the database for PostgreSQL's and SQLite's programs; those of
            MySQL take `Address.database` where they each want it.
        environment: variables to set beside those that are there.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


@contextmanager
def client(address: Address) -> Iterator[Client]:
    """Let client programs connect while this lasts, with no secret on a command line.

    For MySQL a file that only this user can read holds the password; it is removed at the end.
    """
    raise NotImplementedError
    yield


def resolve(url: str | None, connection: Mapping[str, Any] | None, environ: Mapping[str, str]) -> Address:
    """The database at ``url``, with what ``connection`` gives in place of the same part of it.

    Args:
        connection: the keys system, host, port, socket, database, user, password, password_file, tls, tls_ca, tls_cert
            and tls_key; one that is None is not given.
        environ: has the password as `PASSWORD_VARIABLE` where nothing else has it.

    Raises:
        StrataError: something is missing, malformed or contradicts another; no password is shown.
    """
    raise NotImplementedError
