# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every migration engine has: its options and its verbs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import Signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Access, Source
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)


@dataclass(frozen=True)
class EngineOptions:
    """What every engine is given. The module's documentation says what each option means.

    Attributes:
        access: how the archive's server is asked.
        signature: what the archive must be signed with.
        options: the engine's own, as its ``OPTIONS`` declare them; the migrator has validated them.
    """

    url: str | None = field(default=None, repr=False)
    connection: Mapping[str, Any] | None = field(default=None, repr=False)
    folder: str | None = None
    archive: str | None = None
    checksum: str | None = None
    path: str | None = None
    release: str = ""
    access: Access = field(default_factory=Access, repr=False)
    signature: Signature | None = field(default=None, repr=False)
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    user: str | None = None
    environment: Mapping[str, Any] | None = field(default=None, repr=False)
    timeout: float = 1800
    lock: str = "database"
    lock_wait: float = 30
    lock_timeout: float = 3
    statement_timeout: float = 300
    retries: int = 5
    accept_drift: Sequence[str] = ()
    resume: str | None = None
    free_space: Mapping[str, Any] | None = None
    max_replica_lag: float | None = None
    replicas: Sequence[str] = field(default=(), repr=False)

    @property
    def artifact(self) -> Source | None:
        """The archive with its checksum and signature, which are verified before anything of it is used. None without an archive."""
        if not self.archive:
            return None
        return Source(self.archive, self.checksum or "", self.access, self.signature)


class Session(Protocol):
    """An engine at work on one database with one release; every method raises StrataError without secrets."""

    def plan(self, phase: str) -> MigrationPlan:
        """What is applied and what is pending, read anew; ``phase`` is the one in hand, for engines that ask a tool."""

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        """Apply them in order, and give the name of each that is done, as far as the engine sees it.

        Raises:
            LockedError: one could not get its locks in time, and nothing of it is left: it may be tried again.
            StrataError: one failed; with the detail ``migration``, its name, where that is known.
        """

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...] | None:
        """The migrations to be taken back to get to ``version``, or the last expand one alone; the newest first.

        None where the engine cannot tell beforehand.
        """

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        """Take them back in this order, as `apply` applies them."""

    def accept(self, names: Sequence[str]) -> None:
        """Take the release's files of these applied migrations, which have changed, for those that were applied."""


class Engine(Protocol):
    """A way to apply migrations.

    Attributes:
        NAME: the value of the module's option ``engine``.
        OPTIONS: the engine's own options, declared as in an AnsibleModule's ``argument_spec``.
        TOOL: whether a program of the release does the work, over a connection of its own.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]
    TOOL: ClassVar[bool]

    def __init__(self, options: EngineOptions) -> None: ...

    def validate(self) -> None:
        """Raise where an option makes no sense, before anything is asked of the database."""

    def open(
        self, database: Database | None, held: Sequence[int], verb: str
    ) -> AbstractContextManager[Session]:
        """Begin work.

        Args:
            database: the connection that holds the migrators' lock, at the latest from the first plan on; None where the
                database is known to the tool alone.
            held: descriptors that a tool inherits, so that the host's lock is held for as long as it lives.
            verb: what the session is for: ``status``, ``apply`` or ``rollback``.
        """
