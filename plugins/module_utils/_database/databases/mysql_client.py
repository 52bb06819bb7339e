# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the client programs of MySQL and MariaDB (mysqldump, mysql) connect: by a file of options."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_connection import (
    connected,
    tls_mode,
)

_MODES = {
    "disable": "DISABLED",
    "prefer": "PREFERRED",
    "require": "REQUIRED",
    "verify-ca": "VERIFY_CA",
    "verify-full": "VERIFY_IDENTITY",
}


@contextmanager
def client(address: Address) -> Iterator[Client]:
    """mysqldump, mysql and their like read everything from a file that only this user can read.

    It has no name, and is reached through this process: so nothing of it outlives a kill.

    Those of MariaDB go on in plain text where a server offers no TLS, unless they check its certificate whole. So with
    tls=verify-ca they check the name in it, too, and with tls=require the server is asked beforehand.
    """
    if tls_mode(address) == "require":
        connected(address, application="strata migration")[1].close()
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


def _tls_options(address: Address) -> list[str]:
    """For the programs of MySQL and, in a group of their own, for those of MariaDB, which call it otherwise."""
    mode = tls_mode(address)
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
