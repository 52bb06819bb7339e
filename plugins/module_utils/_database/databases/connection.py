# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a database is and how to reach it: from a URL, from single options, or from both."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PASSWORD_VARIABLE = "STRATA_DATABASE_PASSWORD"  # noqa: S105 (a name)
"""The variable of the module's process that has the password where url and connection have none."""
TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
LIBPQ = {
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
SECRET_OPTION = re.compile(r".*password|scram_.*_key|.*_secret")
"""Those of libpq's options that are secret."""

_SCHEMES = {
    "mariadb": "mysql",
    "mysql": "mysql",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "sqlite": "sqlite",
}
_SYSTEMS = {"mysql": "MySQL", "postgresql": "PostgreSQL", "sqlite": "SQLite"}
_FORMS = {
    "mysql": "mysql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE",
    "postgresql": "postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE",
}
_KEYS = frozenset(
    (
        *("system", "host", "port", "socket", "database", "user", "password", "password_file"),
        *("tls", "tls_ca", "tls_cert", "tls_key"),
    )
)
_MYSQL_OPTIONS = ("socket", "tls", "tls_ca", "tls_cert", "tls_key")
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
_SOCKET_FILE = re.compile(r"(?P<folder>.*)/\.s\.PGSQL\.(?P<port>\d+)")


@dataclass(frozen=True)
class Address:
    """A database and the way to it; what is not given is "".

    Attributes:
        system: postgresql, mysql (MariaDB too) or sqlite.
        database: its name; for SQLite its absolute path.
        host, port: for PostgreSQL perhaps several, with commas between them.
        socket: a UNIX socket in place of a host; for PostgreSQL the folder that it is in.
        tls: one of `TLS_MODES`, of no effect on a socket; "" is prefer.
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
        hosts = [f"[{host}]" if ":" in host else host for host in self.host.split(",")]
        ports = self.port.split(",")
        if len(ports) == len(hosts):
            hosts = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports)]
        place = ",".join(hosts) if self.host else self.socket or "the local socket"
        return f"{_SYSTEMS[self.system]} database '{self.database}' on {place}"

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
            MySQL take `Address.database` where each of them wants it.
        environment: variables to set beside those that are there.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)


def resolve(url: str | None, connection: Mapping[str, Any] | None, environ: Mapping[str, str]) -> Address:
    """The database at ``url``, with what ``connection`` gives in place of the same part of it.

    Args:
        connection: the keys system, host, port, socket, database, user, password, password_file, tls, tls_ca, tls_cert
            and tls_key; one that is None is not given. A host replaces a URL's socket, and the other way round.
        environ: has the password as `PASSWORD_VARIABLE` where nothing else has it.

    Raises:
        StrataError: something is missing, malformed or contradicts another; no password is shown.
    """
    text = (url or "").strip()
    given = {name: str(value) for name, value in (connection or {}).items() if value not in (None, "")}
    secrets = {text} | {given.get("password", "")}
    if not text and not given:
        raise StrataError(
            "No database is given: set url or connection, in the role db_migrate_url or db_migrate_connection."
        )
    if unknown := sorted(given.keys() - _KEYS):
        raise StrataError(f"connection has no {unknown[0]}. It has {', '.join(sorted(_KEYS))}.")
    system = _system(text, given.pop("system", None))
    if system == "sqlite":
        return _sqlite(text, given)

    parts, options, found = _taken_apart(text, system) if text else ({}, {}, set())
    _check(given, f"connection of a {_SYSTEMS[system]} database")
    if "host" in given or "socket" in given:
        parts.pop("host", None)
        parts.pop("socket", None)
    if "password_file" in given:
        given["password"] = _password(given.pop("password_file"))
    parts = {"password": environ.get(PASSWORD_VARIABLE, ""), **parts, **given}
    if not parts.get("database") and not (text and system == "postgresql"):
        raise StrataError(
            f"Which database on the {_SYSTEMS[system]} server is not said: set connection.database, or name it in url."
        )
    if system == "mysql" and "socket" not in parts:
        parts.setdefault("host", "localhost")
    if system == "postgresql" and (file := _SOCKET_FILE.fullmatch(parts.get("socket", ""))):
        parts.update(socket=file["folder"], port=file["port"])
    secrets |= {*found, parts["password"]} - {""}
    return Address(
        system=system,
        **{"database": "", **parts},
        options=options,
        secrets=tuple(sorted(secrets - {""}, key=len, reverse=True)),
    )


def _system(url: str, given: str | None) -> str:
    if given is not None and given not in _SYSTEMS:
        raise StrataError(f"connection.system is {given!r}. It is one of {', '.join(sorted(_SYSTEMS))}.")
    if not url:
        if given is None:
            raise StrataError(
                f"connection.system is missing. It is one of {', '.join(sorted(_SYSTEMS))}; or set url."
            )
        return given
    scheme, separator, _rest = url.partition("://")
    system = _SCHEMES.get(scheme) if separator else None
    if system is None:
        raise StrataError(
            "The database URL is none that is known (it is not shown, for it may hold a password). "
            f"It begins with one of {', '.join(f'{scheme}://' for scheme in sorted(_SCHEMES))}."
        )
    if given not in (None, system):
        raise StrataError(f"url is that of a {_SYSTEMS[system]} database, and connection.system is {given}.")
    return system


def _sqlite(url: str, given: Mapping[str, str]) -> Address:
    path = given.get("database")
    if other := sorted(given.keys() - {"database"}):
        raise StrataError(
            f"connection.{other[0]} is nothing that a SQLite database has: it is a file, and connection.database its path."
        )
    if path is None:
        path = unquote(url[len("sqlite://") :])
    if not path.startswith("/") or Path(path).name == "":
        raise StrataError(
            "A SQLite database is given by its absolute path, as a URL for example sqlite:///srv/shop/shop.db."
        )
    return Address(system="sqlite", database="/" + path.lstrip("/"))


def _taken_apart(url: str, system: str) -> tuple[dict[str, str], dict[str, str], set[str]]:
    """The parts of an address in a URL, further options of it, and its secrets."""
    matched = _URL.fullmatch(url)
    if matched is None or _BAD_PERCENT.search(url):
        raise StrataError(
            f"The database URL is not of the form {_FORMS[system]} (it is not shown, for it may hold a password). "
            "Percent-encode characters such as @ : / ? # % in each part."
        )
    raw = dict(option.split("=", 1) for option in (matched["options"] or "").split("&") if option)
    hidden = [matched["password"], *(value for name, value in raw.items() if SECRET_OPTION.fullmatch(name))]
    secrets = {form for secret in hidden if secret for form in (secret, unquote(secret))}
    options = {name: unquote(value) for name, value in raw.items()}
    hosts, ports = _hosts(matched["hosts"])
    parts = {
        **{name: unquote(matched[name] or "") for name in ("user", "password", "database")},
        "host": ",".join(hosts),
        "port": ",".join(ports) if any(ports) else "",
    }
    if system == "mysql":
        if len(hosts) > 1:
            raise StrataError("The database URL has several hosts, and a MySQL client asks one. Name one.")
        parts.update(_mysql_options(options))
        if parts["host"] == "localhost" and "socket" in parts:
            del parts["host"]  # as its own clients understand localhost
        parts = {name: value for name, value in parts.items() if value}
        _check(parts, "database URL")
        return parts, {}, secrets
    if options.pop("ssl", "") == "true":
        options["sslmode"] = "require"  # as libpq reads what JDBC writes
    parts.update({LIBPQ[name]: options.pop(name) for name in LIBPQ if options.get(name)})
    if parts["host"].startswith("/") and "," not in parts["host"]:
        parts["socket"] = parts.pop("host")
    return {name: value for name, value in parts.items() if value}, options, secrets


def _hosts(text: str) -> tuple[list[str], list[str]]:
    places = re.findall(r"(?:^|,)(\[[^\]]*\]|[^:,]*)(?::(\d+))?", text)
    return [unquote(host.strip("[]")) for host, _port in places], [port for _host, port in places]


def _mysql_options(options: Mapping[str, str]) -> Mapping[str, str]:
    if unknown := sorted(options.keys() - set(_MYSQL_OPTIONS)):
        raise StrataError(
            f"The database URL has the option {unknown[0]}. A MySQL URL has {', '.join(_MYSQL_OPTIONS)}."
        )
    return options


def _check(parts: Mapping[str, str], where: str) -> None:
    """Raise where a part that is given stands for nothing, or contradicts another."""
    for one, other in (("host", "socket"), ("password", "password_file")):
        if one in parts and other in parts:
            raise StrataError(f"The {where} has both {one} and {other}: leave one out.")
    if not parts.get("socket", "/").startswith("/"):
        raise StrataError(f"The {where} has the socket {parts['socket']!r}, which is no absolute path.")
    port = parts.get("port", "1")
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise StrataError(f"The {where} has the port {port}. A port is a number from 1 to 65535.")
    if parts.get("tls", "prefer") not in TLS_MODES:
        raise StrataError(f"The {where} has {parts['tls']!r} for tls. It is one of {', '.join(TLS_MODES)}.")


def _password(path: str) -> str:
    """The first line of a file that, as with ssh, nobody else may read."""
    try:
        with open(path, encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            line = file.readline().rstrip("\r\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise StrataError(
            f"Reading the database's password from {path} failed: {reason}. "
            "connection.password_file names a file on the host that migrates."
        ) from None
    if mode & 0o077:
        raise StrataError(
            f"The database's password in {path} may be read or written by others (mode {mode:04o}), and is not used. "
            f"Run `chmod 600 {path}`, and change the password if others could read it."
        )
    if not line:
        raise StrataError(f"The first line of {path} is empty. It is to have the database's password.")
    return line
