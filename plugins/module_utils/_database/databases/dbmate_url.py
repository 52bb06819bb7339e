# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database's URL as dbmate takes it, and what its Go drivers read of it: https://github.com/amacneil/dbmate#connecting-to-the-database.

Parameters that the drivers do not know themselves they set in the session: https://pkg.go.dev/github.com/lib/pq and
https://github.com/go-sql-driver/mysql#dsn-data-source-name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Timeouts,
)

_LONGEST_WAIT = 31536000  # seconds, MySQL's
_MYSQL_TLS = {
    "": "preferred",
    "disable": "false",
    "prefer": "preferred",
    "require": "skip-verify",
    "verify-ca": "true",
    "verify-full": "true",
}


def made(address: Address, database: Database) -> str:
    """The URL of the database that ``database`` is connected to.

    Raises:
        StrataError: dbmate has no form for it.
    """
    if address.system == "sqlite":
        return f"sqlite://{quote(address.database)}"
    if "," in address.host:
        raise StrataError(
            f"dbmate connects to one host, and {address.shown} has several: set {_OWN}, with the one that takes writes."
        )
    parameters = _postgresql(address, database) if address.system == "postgresql" else _mysql(address)
    user = quote(address.user, safe="")
    if address.password:
        user += f":{quote(address.password, safe='')}"
    host = f"[{address.host}]" if ":" in address.host else address.host
    place = f"{host or 'localhost'}{f':{address.port}' if address.port else ''}"
    if address.socket and address.system == "postgresql":
        place = ""
    return (
        f"{address.system}://{f'{user}@' if user else ''}{place}/{quote(address.database, safe='')}"
        f"?{urlencode(parameters, quote_via=quote)}"
    )


_OWN = "DATABASE_URL in environment, in the role db_migrate_environment"


def _postgresql(address: Address, database: Database) -> Mapping[str, str]:
    given = {"sslrootcert": address.tls_ca, "sslcert": address.tls_cert, "sslkey": address.tls_key}
    if address.socket:
        given["host"], given["port"] = address.socket, address.port
    tls = address.tls
    if tls in ("", "prefer"):  # which older releases of its driver do not know
        encrypted = database.query("SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_backend_pid()")
        tls = "require" if encrypted == [(True,)] else "disable"
    return {**address.options, **{name: value for name, value in given.items() if value}, "sslmode": tls}


def _mysql(address: Address) -> Mapping[str, str]:
    if address.socket:
        return {"socket": address.socket}
    if address.tls_cert:
        raise StrataError(
            f"dbmate cannot show a client's certificate to MySQL, and {address.shown} is to have one (tls_cert): "
            "let its user in without, or migrate with the engine sql, which reads the same files."
        )
    return {"tls": _MYSQL_TLS[address.tls]}


def trusted(address: Address) -> Mapping[str, str]:
    """The variable that names the CA to a driver whose URL has no place for it."""
    return {"SSL_CERT_FILE": address.tls_ca} if address.system == "mysql" and address.tls_ca else {}


def limited(url: str, timeouts: Timeouts, *, mariadb: bool) -> str:
    """``url`` with parameters that keep the timeouts, save those that it has itself."""
    scheme = url.partition(":")[0]
    if scheme in ("postgres", "postgresql"):
        limits = {
            "lock_timeout": math.ceil(timeouts.lock * 1000),
            "statement_timeout": math.ceil(timeouts.statement * 1000),
        }
    elif scheme == "mysql":
        wait = max(1, math.ceil(timeouts.lock)) if timeouts.lock else _LONGEST_WAIT
        limits = {"lock_wait_timeout": wait, "innodb_lock_wait_timeout": wait}
        if mariadb:
            limits["max_statement_time"] = math.ceil(timeouts.statement)
    elif scheme in ("sqlite", "sqlite3"):
        limits = {"_busy_timeout": math.ceil(timeouts.lock * 1000)}
    else:
        return url
    own = parse_qs(url.partition("?")[2], keep_blank_values=True)
    added = urlencode({name: value for name, value in limits.items() if name not in own})
    return f"{url}{'&' if own else '?'}{added}" if added else url


def is_absent(url: str, folder: Path) -> bool:
    """Whether it is a SQLite file that there is not, which dbmate would make to look into.

    Args:
        folder: where dbmate is run.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("sqlite", "sqlite3"):
        return False
    path = f"/{parts.netloc}{parts.path}" if parts.netloc else parts.path
    if path.startswith("//"):
        path = f"/{path.lstrip('/')}"
    return not (folder / unquote(path)).exists()
