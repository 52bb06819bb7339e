# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections to databases and what client programs need for theirs, whichever system it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address, Client
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import Dump


@contextmanager
def opened(address: Address, *, read_only: bool, application: str = "strata migration") -> Iterator[Database]:
    """A connection that is closed afterwards; see `DatabaseSystem.connect`."""
    database = PROVIDERS[address.system].connect(address, read_only=read_only, application=application)
    try:
        yield database
    finally:
        database.close()


def client(address: Address) -> AbstractContextManager[Client]:
    """See `DatabaseSystem.client`."""
    return PROVIDERS[address.system].client(address)


def dump_of(address: Address) -> Dump:
    """How a database of this system is dumped."""
    return PROVIDERS[address.system].DUMP
