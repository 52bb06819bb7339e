# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of databases: adding one is a file beside this, its line here, and its URL in `connection`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import (
    mysql,
    postgresql,
    sqlite,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump


class Driver(Protocol):
    """What each of the files has."""

    def connect(self, address: Address, *, read_only: bool, application: str) -> Database: ...

    def client(self, address: Address) -> AbstractContextManager[Client]: ...

    @property
    def DUMP(self) -> Dump: ...  # noqa: N802


DRIVERS: Mapping[str, Driver] = {
    "mysql": mysql,
    "postgresql": postgresql,
    "sqlite": sqlite,
}


@contextmanager
def opened(address: Address, *, read_only: bool, application: str = "strata migration") -> Iterator[Database]:
    """Connect to a database; read-only, it is not even created.

    Args:
        application: what others are told of a migrator that locks them out.
    """
    database = DRIVERS[address.system].connect(address, read_only=read_only, application=application)
    try:
        yield database
    finally:
        database.close()


def client(address: Address) -> AbstractContextManager[Client]:
    """What client programs need to connect while this lasts, with no password on a command line.

    For MySQL a file without a name, which only this user can read, has the password; it ends with this process.
    """
    return DRIVERS[address.system].client(address)


def dump_of(address: Address) -> Dump:
    """How a database of this system is dumped."""
    return DRIVERS[address.system].DUMP
