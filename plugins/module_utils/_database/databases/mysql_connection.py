# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to MySQL and MariaDB, by PyMySQL, with the TLS mode that was asked for."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.driver_import import imported

CONNECT_TIMEOUT = 10
_KEEPALIVE = (("TCP_KEEPIDLE", 10), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3))


def connected(address: Address, *, application: str) -> tuple[Any, Any]:
    """The driver, and a connection in autocommit mode.

    Raises:
        StrataError: there is no driver, or no connection.
    """
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
        raise StrataError(f"Connecting to {address.shown} failed: {address.scrub(message(error))}") from None
    return driver, connection


def message(error: Exception) -> str:
    """A driver's error is a number and words."""
    if len(error.args) > 1 and error.args[1]:
        return f"{error.args[1]} (error {error.args[0]})"
    return "the connection is lost" if str(error) in ("", "(0, '')") else str(error)


def _connection(driver: Any, address: Address) -> Any:
    """The driver's class of connections, made to keep a TLS mode whatever its version, and to notice a dead server."""
    mode = tls_mode(address)
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


def tls_mode(address: Address) -> str:
    """The TLS mode that holds: as libpq has it, whoever names a CA with require wants it asked, and a socket needs none."""
    if address.socket:
        return "disable"
    return "verify-ca" if address.tls == "require" and address.tls_ca else address.tls or "prefer"


def _context(address: Address) -> ssl.SSLContext:
    mode = tls_mode(address)
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
