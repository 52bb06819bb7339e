# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump of MySQL or MariaDB, by mysqldump, compressed on the way."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.pipe import CHUNK, piped
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dump import (
    Programs,
    check_time,
    client_program,
)

OPTIONS = (
    "--single-transaction",
    "--routines",
    "--triggers",
    "--events",
    "--hex-blob",
    "--default-character-set=utf8mb4",
    "--no-tablespaces",  # which would ask for the privilege PROCESS
)
COMPLETE = b"-- Dump completed"


class MysqlDump:
    """Implements `dump.Dump`."""

    SUFFIX: ClassVar[str] = ".sql.gz"
    PROGRAMS: ClassVar[Sequence[Sequence[str]]] = (("mysqldump", "mariadb-dump"),)
    PACKAGE: ClassVar[str] = "mariadb-client"

    def write(
        self, address: Address, access: Client, programs: Programs, file: Path, deadline: float
    ) -> None:
        words = (programs[0], *access.arguments, *OPTIONS, address.database)
        with (
            file.open("r+b") as raw,
            gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw) as packed,
            piped(client_program(address, words, access.environment, deadline)) as output,
        ):
            while chunk := output.read(CHUNK):
                packed.write(chunk)
            done = output.result()
            if done.code:
                raise done.failure()

    def verify(self, address: Address, programs: Programs, file: Path, deadline: float) -> None:
        tail = b""
        try:
            with gzip.open(file) as stream:
                while chunk := stream.read(CHUNK):
                    tail = (tail + chunk)[-200:]
                    check_time(deadline)
        except (EOFError, gzip.BadGzipFile) as error:
            raise StrataError(f"it could not be read back: {error}.") from error
        if COMPLETE not in tail:
            raise StrataError("its last line does not say that it is complete.")
