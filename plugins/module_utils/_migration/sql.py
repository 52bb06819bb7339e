# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``sql``: plain SQL files, run by Strata itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import NO_TRANSACTION, is_blank
from ansible_collections.strata.deploy.plugins.module_utils._migration.history import History, Progress
from ansible_collections.strata.deploy.plugins.module_utils._migration.model import Applied, Migration, Plan
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import after, compare
from ansible_collections.strata.deploy.plugins.module_utils._migration.protocol import EngineOptions, Session
from ansible_collections.strata.deploy.plugins.module_utils._migration.source import read_source
from ansible_collections.strata.deploy.plugins.module_utils._migration.statements import Statement, statements

_VERBS = {"up": "Applying", "down": "Rolling back"}


class SqlEngine:
    """Migrates with the files of ``folder``."""

    NAME = "sql"
    TOOL = False

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
    def open(self, database: Database | None, held: Sequence[int]) -> Iterator[Session]:
        if database is None:
            raise StrataError("The engine sql needs a database.")
        yield _SqlSession(self._options, database)


class _SqlSession:
    def __init__(self, options: EngineOptions, database: Database) -> None:
        self._options = options
        self._database = database
        self._history = History(database)
        self._files: tuple[Migration, ...] | None = None

    def plan(self, phase: str) -> Plan:
        """What is applied, compared with the files; these are read once."""
        applied = self._history.read()
        if self._options.folder is None and self._options.archive is None:
            return Plan(applied, None, numbered=True)
        if self._files is None:
            if self._options.folder is None:
                raise StrataError("Where the migrations are is not said: set folder.")
            self._files = read_source(self._options.folder, self._options.archive, self._options.checksum)
        return compare(self._files, applied)

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        for migration in migrations:
            self._run(migration)
            yield migration.name

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...]:
        return after(self._history.read(), version)

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        for applied in migrations:
            self._run(
                Migration(
                    applied.name,
                    applied.version,
                    down=applied.down,
                    transactional=not applied.down.startswith(NO_TRANSACTION),
                ),
                back=True,
            )
            yield applied.name

    def accept(self, names: Sequence[str]) -> None:
        """Take the files of these names as they are now for what was applied."""
        for migration in self._files or ():
            if migration.name in names:
                self._history.accept(migration)

    def _run(self, migration: Migration, *, back: bool = False) -> None:
        """Carry one migration out, or take it back, in one transaction or, where that cannot be, in steps."""
        sql = migration.down if back else migration.up
        direction = "down" if back else "up"
        failed = f"{_VERBS[direction]} migration {migration.name} failed"
        timeouts = Timeouts(
            self._options.lock_timeout if migration.lock_timeout is None else migration.lock_timeout,
            self._options.statement_timeout
            if migration.statement_timeout is None
            else migration.statement_timeout,
        )
        left = self._history.progress().get(str(migration.version))
        if migration.transactional and left is None and self._database.rolls_back(sql):
            try:
                with self._database.transaction(timeouts):
                    if not is_blank(sql):
                        self._database.script(sql)
                    self._done(migration, back)
            except StrataError as error:
                raise _same(error, f"{failed}, and nothing of it was kept. {error}", migration) from error
            return
        steps = statements(sql)
        first = self._first_step(migration, direction, steps, left)
        for index in range(first, len(steps)):
            self._step(migration, direction, steps, index, timeouts)
        with self._database.transaction(timeouts):
            self._done(migration, back)

    def _done(self, migration: Migration, back: bool) -> None:
        if back:
            self._history.forget(str(migration.version))
        else:
            self._history.record(migration, self._options.release)
        if self._database.has_table("strata_progress"):
            self._history.complete(str(migration.version))

    def _first_step(
        self, migration: Migration, direction: str, steps: Sequence[Statement], left: Progress | None
    ) -> int:
        """The statement to go on with: the first, or that which an earlier run did not come past."""
        self._history.create()
        if left is None:
            return 0
        shown = f"Migration {migration.name} was left unfinished by an earlier run: {left}."
        if left.direction != direction:
            way = "apply" if left.direction == "up" else "rollback"
            raise StrataError(f"{shown} Let its {way} end first.", migration=migration.name)
        if left.checksum != _checksum(steps[: left.step - 1]):
            raise StrataError(
                f"{shown} The statements before that one are others in its file now. Put them back as they were; what "
                "follows them may be corrected.",
                migration=migration.name,
            )
        if left.state == "failed":
            return left.step - 1
        resume = self._options.resume
        settled = self._database.settle(left.statement) if resume is None else None
        if resume == "done" or settled:
            return left.step
        if resume == "again" or settled is False or _is_repeatable(steps[left.step - 1]):
            return left.step - 1
        raise StrataError(
            f"{shown} Whether the database carried that statement out is not known. Look, and say so: resume, in the role "
            "db_migrate_resume, is done where it has, and again where it has not.",
            migration=migration.name,
        )

    def _step(
        self,
        migration: Migration,
        direction: str,
        steps: Sequence[Statement],
        index: int,
        timeouts: Timeouts,
    ) -> None:
        step = steps[index]
        if "CONCURRENTLY" in step.words and migration.lock_timeout is None:
            # It waits for others' transactions to end, and holds nobody up meanwhile.
            timeouts = Timeouts(0, migration.statement_timeout or 0)
        progress = Progress(
            str(migration.version),
            migration.name,
            direction,
            index + 1,
            len(steps),
            "running",
            step.text,
            _checksum(steps[:index]),
        )
        try:
            with self._database.limited(timeouts):
                self._history.advance(progress)
                self._database.script(step.text)
        except StrataError as error:
            with suppress(StrataError):  # a lost connection: then it is not known, and stays "running"
                self._database.settle(step.text)
                self._history.advance(replace(progress, state="failed"))
            at = (
                f"statement {index + 1} of {len(steps)}, on line {migration.up_line + step.line}"
                if direction == "up"
                else f"statement {index + 1} of {len(steps)}"
            )
            kept = (
                "the statements before it are done and stay, for they run outside a transaction; correct it and run again, "
                "which goes on from there"
                if index
                else "nothing of it was kept"
            )
            raise _same(
                error,
                f"{_VERBS[direction]} migration {migration.name} failed at {at}: {kept}. {error}",
                migration,
            ) from error


def _same(error: StrataError, message: str, migration: Migration) -> StrataError:
    kind = LockedError if isinstance(error, LockedError) else StrataError
    return kind(message, **{**error.details, "migration": migration.name})


def _checksum(steps: Sequence[Statement]) -> str:
    return "sha256:" + hashlib.sha256("\0".join(step.text for step in steps).encode()).hexdigest()


def _is_repeatable(step: Statement) -> bool:
    """Whether a second time does no harm: it says so by IF [NOT] EXISTS or OR REPLACE."""
    pairs = set(zip(step.words, step.words[1:]))
    return bool(pairs & {("IF", "EXISTS"), ("IF", "NOT"), ("OR", "REPLACE")})
