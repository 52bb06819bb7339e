# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a database is and how to reach it, and how the database systems with a server read that from a user's options."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PASSWORD_VARIABLE = "STRATA_DATABASE_PASSWORD"  # noqa: S105 (a name)
"""The variable of the module's process that has the password where url and connection have none."""
TLS_MODES = ("disable", "prefer", "require", "verify-ca", "verify-full")
SERVER_OPTIONS: Mapping[str, Any] = {
    "database": {"type": "str"},
    "host": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "password_file": {"type": "path"},
    "port": {"type": "int"},
    "socket": {"type": "path"},
    "tls": {"type": "str", "choices": list(TLS_MODES)},
    "tls_ca": {"type": "path"},
    "tls_cert": {"type": "path"},
    "tls_key": {"type": "path"},
    "user": {"type": "str"},
}
"""The options of a database that a server has; see `Address` for what they mean."""
SECRET_OPTION = re.compile(r".*password|scram_.*_key|.*_secret")
"""Those of a URL's options that are secret; they are libpq's."""

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


@dataclass(frozen=True)
class Address:
    """A database and the way to it; what is not given is "".

    Attributes:
        system: the name of the database system's provider.
        shown: what messages call it, for example ``PostgreSQL database 'shop' on db1:5432``.
        database: its name; where it is a file, its absolute path.
        is_file: whether it is a file of this host. Such a database is locked as a whole, and it is made by whoever first
            opens it for writing.
        host, port: for PostgreSQL perhaps several, with commas between them.
        socket: a UNIX socket in place of a host; for PostgreSQL the folder that it is in.
        tls: one of `TLS_MODES`, of no effect on a socket; "" is prefer.
        options: further options of the URL, for PostgreSQL those of libpq.
        secrets: what no message may show: the passwords, as they are and as they stand in the URL, and the URL.
    """

    system: str
    database: str
    shown: str
    is_file: bool = False
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


@dataclass(frozen=True)
class UrlParts:
    """A URL's parts by the names of `Address`, without empty ones; its options, and its secrets in each form."""

    parts: dict[str, str] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()


def read_url(url: str, form: str) -> UrlParts:
    """The parts of a server's URL; several hosts and ports have commas between them.

    Args:
        form: what the URL should look like, for the message.

    Raises:
        StrataError: it is malformed; the URL is not shown.
    """
    matched = _URL.fullmatch(url)
    if matched is None or _BAD_PERCENT.search(url):
        raise StrataError(
            f"The database URL is not of the form {form} (it is not shown, because it may hold a password). "
            "Percent-encode characters such as @ : / ? # % in each part."
        )
    raw = dict(option.split("=", 1) for option in (matched["options"] or "").split("&") if option)
    hidden = [matched["password"], *(value for name, value in raw.items() if SECRET_OPTION.fullmatch(name))]
    hosts, ports = _hosts(matched["hosts"])
    parts = {
        **{name: unquote(matched[name] or "") for name in ("user", "password", "database")},
        "host": ",".join(hosts),
        "port": ",".join(ports) if any(ports) else "",
    }
    return UrlParts(
        {name: value for name, value in parts.items() if value},
        {name: unquote(value) for name, value in raw.items()},
        frozenset(form for secret in hidden if secret for form in (secret, unquote(secret))),
    )


def merged(
    parts: Mapping[str, str], given: Mapping[str, str], environ: Mapping[str, str], where: str
) -> dict[str, str]:
    """The parts of a server's address: what is given goes before the same part of the URL.

    A host replaces the URL's socket, and the other way round. Where nothing has a password, the environment may have it.

    Args:
        where: what messages call ``given``.

    Raises:
        StrataError: something that is given is malformed or contradicts another.
    """
    check(given, where)
    kept, given = dict(parts), dict(given)
    if "host" in given or "socket" in given:
        kept.pop("host", None)
        kept.pop("socket", None)
    if "password_file" in given:
        given["password"] = _password(given.pop("password_file"))
    return {"password": environ.get(PASSWORD_VARIABLE, ""), **kept, **given}


def server_address(
    system: str,
    title: str,
    parts: Mapping[str, str],
    secrets: Iterable[str],
    options: Mapping[str, str] | None = None,
) -> Address:
    """The address of a database that a server has.

    Args:
        title: what messages call the system.
        parts: as `merged` returns them; their password is secret, too.

    Raises:
        StrataError: a host cannot be looked up.
    """
    known: dict[str, Any] = {"database": "", **parts}
    hosts = known.get("host", "").split(",")
    for host in hosts:
        if host and not host.startswith(("/", "@")):  # which are sockets for libpq
            urls.validate_host(host, f"{title} database")
    hosts = [f"[{host}]" if ":" in host else host for host in hosts]
    ports = known.get("port", "").split(",")
    if len(ports) == len(hosts):
        hosts = [f"{host}:{port}" if port else host for host, port in zip(hosts, ports)]
    place = ",".join(hosts) if known.get("host") else known.get("socket") or "the local socket"
    hidden = {*secrets, known.get("password", "")} - {""}
    return Address(
        system=system,
        shown=f"{title} database '{known['database']}' on {place}",
        **known,
        options=options or {},
        secrets=tuple(sorted(hidden, key=len, reverse=True)),
    )


def unnamed_database(title: str) -> StrataError:
    """The error where nothing says which of a server's databases is meant."""
    return StrataError(
        f"Which database on the {title} server is not given: set connection.database, or name it in url."
    )


def check(parts: Mapping[str, str], where: str) -> None:
    """Raise StrataError where a part that is given is malformed, or contradicts another."""
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


def _hosts(text: str) -> tuple[list[str], list[str]]:
    places = re.findall(r"(?:^|,)(\[[^\]]*\]|[^:,]*)(?::(\d+))?", text)
    return [unquote(host.strip("[]")) for host, _port in places], [port for _host, port in places]
