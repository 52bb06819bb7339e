# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database system's dump does: the whole of a database as one file."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
    Address,
    Client,
)

Programs = Sequence[str]
LIMIT = "The option timeout limits the whole backup."


class Dump(Protocol):
    """How a database system is dumped, and how a dump is read back. Errors are StrataErrors that begin in the middle of a
    sentence about the backup.

    Attributes:
        SUFFIX: of the file's name.
        PROGRAMS: each by the names that it may have.
        PACKAGE: the package of Debian that has them.
    """

    SUFFIX: ClassVar[str]
    PROGRAMS: ClassVar[Sequence[Sequence[str]]]
    PACKAGE: ClassVar[str]

    def write(
        self, address: Address, access: Client, programs: Programs, file: Path, deadline: float
    ) -> None:
        """Write the dump into an empty file.

        Args:
            programs: the paths of ``PROGRAMS``.
            deadline: the value of the monotonic clock at which time is up.
        """

    def verify(self, address: Address, programs: Programs, file: Path, deadline: float) -> None:
        """Raise StrataError unless the file is a whole dump."""


def client_program(
    address: Address, words: Sequence[str], environment: Mapping[str, str], deadline: float
) -> Command:
    """A program of the database system's, to be run until the deadline."""
    return Command(
        words,
        timeout=max(0.1, round(deadline - time.monotonic(), 1)),
        name=Path(words[0]).name,
        # The password variable is the module's own.
        environment={PASSWORD_VARIABLE: None, **environment},
        conceal=address.scrub,
        if_slow=LIMIT,
    )


def check_time(deadline: float) -> None:
    """Raise StrataError where time is up."""
    if time.monotonic() > deadline:
        raise StrataError(f"it took too long. {LIMIT}")
