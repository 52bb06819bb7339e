# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump of PostgreSQL in pg_dump's custom format, which pg_restore can restore in parallel and in parts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import (
    Programs,
    client_program,
)

OLDER = "server version mismatch"


class PostgresqlDump:
    """Implements `dump.Dump`."""

    SUFFIX: ClassVar[str] = ".dump"
    PROGRAMS: ClassVar[Sequence[Sequence[str]]] = (("pg_dump",), ("pg_restore",))
    PACKAGE: ClassVar[str] = "postgresql-client"

    def write(
        self, address: Address, access: Client, programs: Programs, file: Path, deadline: float
    ) -> None:
        # Into the file itself: a parallel restore must find where each table begins, and a dump through a pipe does not say so.
        words = (programs[0], *access.arguments, "--format=custom", f"--file={file}")
        _run(client_program(address, words, access.environment, deadline))

    def verify(self, address: Address, programs: Programs, file: Path, deadline: float) -> None:
        _run(client_program(address, (programs[1], "--list", str(file)), {}, deadline))


def _run(command: Command) -> None:
    done = command.run()
    if done.code:
        advice = "Install the client of the server's version (Debian: postgresql-client-VERSION)."
        raise done.failure(advice if OLDER in done.errors else "")
