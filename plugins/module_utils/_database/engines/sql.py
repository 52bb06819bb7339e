# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``sql``: plain SQL files, run by Strata itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.source import read_source
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.history import History
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import after, compare
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.steps import VERBS, Steps
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import (
    directives,
    is_blank,
)


class SqlEngine:
    """Plain SQL files are applied without any tool, on every database system."""

    NAME: ClassVar[str] = "sql"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    TOOL: ClassVar[bool] = False

    def __init__(self, options: EngineOptions) -> None:
        self._options = options

    def validate(self) -> None:
        if not (self._options.url or self._options.connection):
            raise StrataError(
                "No database is given: set url or connection, in the role db_migrate_url or db_migrate_connection."
            )
        if self._options.resume not in (None, "again", "done"):
            raise StrataError(f"resume is again or done, not '{self._options.resume}'.")

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int], verb: str) -> Iterator[Session]:
        if database is None:
            raise StrataError("The engine sql needs a database.")
        session = _SqlSession(self._options, database, self._files(verb))
        try:
            yield session
        finally:
            session.close()

    def _files(self, verb: str) -> tuple[Migration, ...] | None:
        """The release's migrations; None where they are not given, or not needed.

        A rollback uses the SQL in the database. A status is read without a release, too.
        """
        options = self._options
        if options.folder is None or verb == "rollback":
            return None
        if verb == "status" and not options.archive and not PurePosixPath(options.folder).is_absolute():
            return None
        return read_source(options.folder, options.artifact)


class _SqlSession:
    def __init__(
        self, options: EngineOptions, database: Database, files: tuple[Migration, ...] | None
    ) -> None:
        self._options = options
        self._database = database
        self._history = History(database)
        self._files = files
        self._asked: dict[str, int] | None = None
        self._steps: Steps | None = None

    def plan(self, phase: str) -> MigrationPlan:
        """What is applied, compared with the files."""
        if self._asked is None:
            # What the operator answers is about the statement that an earlier run has left, not about one of this run.
            self._asked = {version: left.step for version, left in self._history.progress().items()}
        applied = self._history.read()
        if self._files is None:
            return MigrationPlan(applied, None, numbered=True)
        return compare(self._files, applied)

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        for migration in migrations:
            self._run(migration, "up")
            yield migration.name

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...]:
        return after(self._history.read(), version)

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        for applied in migrations:
            settings = directives(f"What takes {applied.name} back", applied.down)
            migration = Migration(
                applied.name,
                applied.version,
                down=applied.down,
                transactional=settings.transactional,
                lock_timeout=settings.lock_timeout,
                statement_timeout=settings.statement_timeout,
            )
            self._run(migration, "down")
            yield applied.name

    def accept(self, names: Sequence[str]) -> None:
        """Take the files of these names as they are now for what was applied."""
        for migration in self._files or ():
            if migration.name in names:
                self._history.accept(migration)

    def close(self) -> None:
        """End the session of a migration that was to be tried again."""
        if self._steps:
            self._steps.close()
            self._steps = None

    def _run(self, migration: Migration, direction: str) -> None:
        """Apply one migration or take it back, in one transaction or, where that cannot be, in steps."""
        sql = migration.up if direction == "up" else migration.down
        options = self._options
        timeouts = Timeouts(
            options.lock_timeout if migration.lock_timeout is None else migration.lock_timeout,
            options.statement_timeout if migration.statement_timeout is None else migration.statement_timeout,
        )
        begun = self._history.progress().get(str(migration.version))
        if begun or not migration.transactional or not self._database.rolls_back(sql):
            is_asked = begun and begun.step == (self._asked or {}).get(begun.version)
            if self._steps is None:  # else a lock was refused, and their session goes on
                self._steps = Steps(self._database, migration, direction)
            try:
                self._steps.run(timeouts, options.resume if is_asked else None)
            except LockedError:
                raise
            except BaseException:
                self._steps = None
                raise
            self.close()
            with self._database.transaction(timeouts):
                self._record(self._history, migration, direction)
            return
        self._history.prepare()
        try:
            with self._database.session() as work, work.transaction(timeouts):
                if not is_blank(sql):
                    work.script(sql)
                self._record(History(work), migration, direction)
        except StrataError as error:
            kind = LockedError if isinstance(error, LockedError) else StrataError
            raise kind(
                f"{VERBS[direction]} migration {migration.name} failed, and nothing of it was kept. {error}",
                **{**error.details, "migration": migration.name},
            ) from error

    def _record(self, history: History, migration: Migration, direction: str) -> None:
        if direction == "up":
            history.record(migration, self._options.release)
        else:
            history.forget(str(migration.version))
