# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database must be able to do for migrations; one module beside this one per database system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import Dialect


class LockedError(StrataError):
    """Another session holds what this one needs; worth another try."""


class AbsentError(StrataError):
    """A statement names a table, a column or a schema that there is not."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds that a statement may wait for a lock, and may take in all; 0 is without limit."""

    lock: float
    statement: float


class Rehearsal(Protocol):
    """A copy of a database on which scripts are tried, one after the other."""

    def losses(self, sql: str, *, transactional: bool) -> list[str] | None:
        """What this one loses that those before it have not, each to follow the script's name.

        None where it fails, as it will on the database, and loses nothing before that.
        """


class Database(Protocol):
    """An open connection; statements outside `transaction` stand for themselves.

    Every method raises StrataError, with a message that holds no password.
    """

    DIALECT: ClassVar[Dialect]
    KNOWS_REPLICAS: ClassVar[bool]
    """Whether a primary tells of the lag of its replicas; else each replica has to be asked."""
    shown: str
    """What messages call it, for example ``PostgreSQL database 'shop' on db1:5432``."""

    def has_table(self, name: str) -> bool: ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Execute one statement with ``?`` for its parameters; the rows it gives."""

    def script(self, sql: str) -> None:
        """Execute any number of statements, within the transaction that is open.

        Where names are looked up, and as whom, is afterwards what it was before.
        """

    def rolls_back(self, sql: str) -> bool:
        """Whether a transaction takes back all of ``sql`` where a later statement of it fails (MySQL: no DDL)."""

    def lock(self, wait: float, *, beside_tool: bool) -> AbstractContextManager[None]:
        """Keep every other migrator out; raises after ``wait`` seconds and says who it is.

        The server frees it if this process dies. ``beside_tool``: another process of ours writes meanwhile, by a
        connection of its own.
        """

    def has_lock(self) -> bool:
        """Whether the migrators' lock is still this session's: an operator may have ended it, or a migration given it away."""

    def session(self) -> AbstractContextManager[Database]:
        """A session for one migration, in which nothing is set yet; the lock stays with this one.

        The next migrator's `lock` waits for it, even if this process dies. Where a migration lets go of that, `has_lock` is false.
        """

    def transaction(self, timeouts: Timeouts | None) -> AbstractContextManager[None]:
        """All or nothing; raises `LockedError` if a lock is not granted in time. None keeps the session's own timeouts."""

    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def apart(self) -> AbstractContextManager[None]:
        """Within a transaction, for statements that are not the migration's.

        They run with the schema, the user and the character set that the session began with. What the migration has set
        holds again at the end, at the latest that of the transaction.
        """

    def limited(self, timeouts: Timeouts) -> AbstractContextManager[None]:
        """Timeouts for statements that stand for themselves, outside a transaction."""

    def tool_environment(self, timeouts: Timeouts) -> Mapping[str, str]:
        """Variables that have the system's own clients, and what is made of them, keep the timeouts; {} where none does."""

    def has_rows(self, table: str, column: str | None) -> bool:
        """Whether the table has rows, with a value in the column where one is given; False where there is no such.

        Names as they stand in SQL, quoted or not, with a schema or without.
        """

    def rehearsal(self) -> AbstractContextManager[Rehearsal | None]:
        """A copy to try scripts on; None where the system has no way to make one beside its server."""

    def size(self) -> int:
        """Bytes that the database takes on its server."""

    def replica_lag(self) -> float | None:
        """Seconds that the slowest replica of this server lags behind, or this server, being one; None without replicas."""

    def settle(self, statement: str) -> bool | None:
        """Whether ``statement``, whose run ended unseen, was carried out; None where that cannot be told.

        What is unusable of it is dropped before: PostgreSQL's invalid index of CREATE INDEX CONCURRENTLY.
        """

    def close(self) -> None: ...
