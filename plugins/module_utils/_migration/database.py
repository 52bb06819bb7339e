# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sql engine needs of a database; one driver file each implements it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError


class LockedError(StrataError):
    """Another session holds what this one needs; worth another try."""


class Database(Protocol):
    """An open connection; statements outside `transaction` stand for themselves.

    Every method raises StrataError, with a message that holds no password.
    """

    def has_table(self, name: str) -> bool: ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement with ``?`` for its parameters; the rows it gives."""

    def script(self, sql: str) -> None:
        """Execute any number of statements, within the transaction that is open.

        Where names are looked up, and as whom, is afterwards what it was before.
        """

    def lock(self, wait: float) -> AbstractContextManager[None]:
        """Keep every other migrator out; raises after ``wait`` seconds. The server frees it if this process dies."""

    def transaction(self, lock_timeout: float) -> AbstractContextManager[None]:
        """All or nothing; raises `LockedError` where a lock cannot be had in ``lock_timeout`` seconds."""

    def close(self) -> None: ...
