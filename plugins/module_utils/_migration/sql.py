# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``sql``: plain SQL files, applied by Strata itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration import phases
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import Database, LockedError
from ansible_collections.strata.deploy.plugins.module_utils._migration.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import (
    Migration,
    is_blank,
    order,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.history import History
from ansible_collections.strata.deploy.plugins.module_utils._migration.outcome import Outcome, Pending, Status
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import (
    RunningRelease,
    check_rollback_phase,
    find_drift,
    plan_latest,
    plan_rollback,
    unapplied,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._migration.source import read_source


class SqlEngine:
    """Migrates the database at ``url``, with the files of ``folder``."""

    NAME = "sql"

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._url = (options.url or "").strip()
        self._lock_wait = options.lock_wait
        self._lock_timeout = options.lock_timeout
        self._retries = options.retries

    def validate(self) -> None:
        """Raise StrataError where an option makes no sense, before anything is asked of the database."""
        if not self._url:
            raise StrataError("No database is given: set url, in the role db_migrate_url.")
        if self._lock_wait < 0 or self._lock_timeout < 0.001 or self._retries < 0:
            raise StrataError(
                "lock_wait and retries must not be negative, and lock_timeout must be 0.001 s or more; they are "
                f"{self._lock_wait:g}, {self._retries} and {self._lock_timeout:g}."
            )

    def status(self) -> Status:
        """What is applied and, compared with the files, what is pending or disagrees."""
        wanted = self._options.folder is not None or self._options.archive is not None
        migrations = self._files() if wanted else ()
        with opened(self._url, read_only=True) as database:
            applied = History(database).read()
        pending = (Pending(item.name, item.phase, item.version) for item in unapplied(migrations, applied))
        return Status(applied, tuple(pending), tuple(find_drift(migrations, applied)))

    def ensure_latest(self, *, phase: str, check_mode: bool) -> Outcome:
        """Apply what is pending of ``phase``, each migration in a transaction of its own."""
        migrations = self._files()
        with self._alone(check_mode) as database:
            history = History(database)
            before = history.read()
            pending = plan_latest(migrations, before, phase)
            phases.check(pending)

            def apply(migration: Migration) -> None:
                _run(database, migration.up)
                history.record(migration, self._options.release)

            if not check_mode:
                self._each("Applying", database, [(item.name, partial(apply, item)) for item in pending])
        names = tuple(migration.name for migration in pending)
        done = [item.version for item in before]
        wanted = sorted([*done, *(migration.version for migration in pending)], key=order)
        return Outcome(
            applied=names,
            rolled_back=(),
            pending=names if check_mode else (),
            version=_last(done if check_mode else wanted),
            before=_text(done),
            after=_text(wanted, [(migration.name, migration.up) for migration in pending]),
        )

    def ensure_rolled_back(
        self, *, phase: str, version: str | None, running: Sequence[RunningRelease], check_mode: bool
    ) -> Outcome:
        """Take back the last expand migration, or all after ``version``, with the SQL kept when it was applied."""
        check_rollback_phase(phase)
        with self._alone(check_mode) as database:
            history = History(database)
            before = history.read()
            targets = plan_rollback(before, version, running)

            def roll_back(applied_version: str, down: str) -> None:
                _run(database, down)
                history.forget(applied_version)

            if not check_mode:
                steps = [(item.name, partial(roll_back, item.version, item.down)) for item in targets]
                self._each("Rolling back", database, steps)
        done = [item.version for item in before]
        wanted = [item.version for item in before if item not in targets]
        return Outcome(
            applied=(),
            rolled_back=tuple(item.name for item in targets),
            pending=(),
            version=_last(done if check_mode else wanted),
            before=_text(done),
            after=_text(wanted, [(f"{item.name}, rolled back", item.down) for item in targets]),
        )

    def _files(self) -> tuple[Migration, ...]:
        if self._options.folder is None:
            raise StrataError("Where the migrations are is not said: set folder.")
        return read_source(self._options.folder, self._options.archive, self._options.checksum)

    @contextmanager
    def _alone(self, check_mode: bool) -> Iterator[Database]:
        """The database, with other migrators kept out; check mode only reads, and needs no lock."""
        with opened(self._url, read_only=check_mode) as database, ExitStack() as stack:
            if not check_mode:
                stack.enter_context(database.lock(self._lock_wait))
            yield database

    def _each(self, verb: str, database: Database, steps: Sequence[tuple[str, Callable[[], None]]]) -> None:
        done: list[str] = []
        for name, work in steps:
            try:
                self._whole(database, work)
            except StrataError as error:
                raise StrataError(
                    f"{verb} migration {name} failed, and nothing of it was kept. {error} "
                    f"Done before it in this run: {', '.join(done) or 'none'}.",
                    changed=bool(done),
                    migration=name,
                    done=done,
                ) from error
            done.append(name)

    def _whole(self, database: Database, work: Callable[[], None]) -> None:
        """Do ``work`` in one transaction, again while its locks cannot be had."""
        for attempt in range(self._retries + 1):
            if attempt:
                time.sleep(self._lock_timeout)
            try:
                with database.transaction(self._lock_timeout):
                    work()
                return
            except LockedError as error:
                refusal = error
        raise StrataError(
            f"{refusal} Tried {self._retries + 1} times with a lock timeout of {self._lock_timeout:g} s: a longer "
            "transaction holds what the migration needs. Try again when it has ended."
        )


def _run(database: Database, sql: str) -> None:
    if not is_blank(sql):
        database.script(sql)


def _last(versions: Sequence[str]) -> str | None:
    return versions[-1] if versions else None


def _text(versions: Sequence[str], scripts: Iterable[tuple[str, str]] = ()) -> str:
    parts = [f"schema version: {_last(versions) or 'none'}\n"]
    parts += [f"\n-- {name}\n{sql.strip()}\n" for name, sql in scripts]
    return "".join(parts)
