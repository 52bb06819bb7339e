# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before anything is migrated: room on the disk, and replicas that keep up.

A gate that was asked for and cannot see what it is to look at does not open.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.free_space import free, shown
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened

POLL_INTERVAL = 0.5

_OF_THE_SERVER = ("system", "host", "port", "socket", "database")


def check(
    database: Database | None,
    address: Address | None,
    *,
    free_space: Mapping[str, Any] | None = None,
    max_replica_lag: float | None = None,
    replicas: Sequence[str] = (),
    connection: Mapping[str, Any] | None = None,
    wait: float = 0,
) -> None:
    """Raise StrataError where a migration is not to begin.

    Args:
        address: that of ``database``; one that is a file must fit once more beside itself.
        free_space: a folder of this host as ``path``, and the bytes that are to be free there as ``min``.
        max_replica_lag: seconds that a replica may be behind; None does not look.
        replicas: their URLs; without any, the database itself is asked for those that it has.
        connection: of the database; users, passwords and TLS in it are the replicas', too.
        wait: seconds in which they may catch up.
    """
    if database and address and address.is_file:
        size = database.size()
        _check_space(Path(address.database).parent, size, f"{address.shown} has {shown(size)}, and as much")
    if free_space:
        path = Path(free_space["path"])
        if not path.exists():
            raise StrataError(
                f"The free space of {path} cannot be checked because it does not exist. Correct the path in free_space."
            )
        _check_space(path, free_space["min"], shown(free_space["min"]))
    if max_replica_lag is None:
        return
    if max_replica_lag < 0:
        raise StrataError(f"max_replica_lag must not be negative; it is {max_replica_lag:g}.")
    if not replicas and not (database and database.KNOWS_REPLICAS):
        who = f"{database.shown} does not tell of its replicas" if database else "No database is there to ask"
        raise StrataError(
            f"{who}, and max_replica_lag is set: name the replicas in replicas, or leave it out."
        )
    own = {name: value for name, value in (connection or {}).items() if name not in _OF_THE_SERVER}
    with ExitStack() as stack:
        asked = [
            stack.enter_context(opened(resolve(url, own, os.environ), read_only=True)) for url in replicas
        ]
        _wait_for_replicas(asked or ([database] if database else []), max_replica_lag, wait)


def _check_space(path: Path, needed: int, why: str) -> None:
    room = free(path)
    if room < needed:
        raise StrataError(
            f"{why} must be free on the file system of {path} before a migration; {shown(room)} are. Make room, and try again."
        )


def _wait_for_replicas(databases: Sequence[Database], limit: float, wait: float) -> None:
    deadline = time.monotonic() + wait
    while behind := [problem for each in databases if (problem := _behind(each, limit))]:
        if time.monotonic() >= deadline:
            raise StrataError(
                f"Replicas did not keep up within {wait:g} s, so nothing was migrated. {' '.join(behind)}"
            )
        time.sleep(POLL_INTERVAL)


def _behind(database: Database, limit: float) -> str | None:
    """What keeps a migration from beginning, as far as this database tells; it may pass."""
    try:
        lag = database.replica_lag()
    except StrataError as error:
        return str(error)
    if lag is None:
        raise StrataError(
            f"{database.shown} knows of no replica, and max_replica_lag is set: name the replicas in replicas, or leave it out."
        )
    if lag > limit:
        return (
            f"{database.shown} tells of a lag of {lag:.1f} s, more than {limit:g} s (max_replica_lag): let it catch up and "
            "try again."
        )
    return None
