# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every engine: one migrator at a time, checks before the first change, another try, and an account of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import gates
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_folder import (
    NoReleaseError,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.diff import schema_text
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.execution import Execution
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.guard import guarded
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    MigrationOutcome,
    MigrationPlan,
    RunningRelease,
    names_of,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import (
    REFUSED,
    check_rollback,
    check_rollback_phase,
    check_tool_rollback,
    to_apply,
    version_after,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import lint, loss
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import UNKNOWN_CATALOG
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import LONGEST


class Migrator:
    """Brings a database to where it should be, by the engine of that name.

    Raises:
        StrataError: there is no such engine, or one of its own options is not valid.
    """

    def __init__(self, engine: str, options: EngineOptions) -> None:
        chosen, own = choose(
            "migration engine", PROVIDERS, {**options.options, "engine": engine}, key="engine"
        )
        self._options = options = replace(options, options=own)
        self._engine = chosen(options)
        self._has_database = bool(options.url or options.connection)
        self._address: Address | None = None
        self._timeouts = Timeouts(options.lock_timeout, options.statement_timeout)

    def validate(self) -> None:
        """Raise StrataError where an option makes no sense, before anything is asked of the database."""
        options = self._options
        if options.lock_wait < 0 or options.retries < 0 or options.statement_timeout < 0:
            raise StrataError(
                "lock_wait, retries and statement_timeout must not be negative; they are "
                f"{options.lock_wait:g}, {options.retries} and {options.statement_timeout:g}."
            )
        if max(options.lock_timeout, options.statement_timeout) > LONGEST:
            raise StrataError(f"lock_timeout and statement_timeout must not be above {LONGEST} s.")
        if options.lock_timeout < 0.001:
            raise StrataError(f"lock_timeout must be 0.001 s or more; it is {options.lock_timeout:g}.")
        if not self._has_database and options.lock == "database":
            raise StrataError(
                "No database is given: set url or connection, in the role db_migrate_url or db_migrate_connection."
                + (
                    " It is where other migrators are locked out. Where Strata does not know the database, lock "
                    "them out on this host alone: lock, in the role db_migrate_lock, with the value host."
                    if self._engine.TOOL
                    else ""
                )
            )
        self._engine.validate()

    def status(self) -> MigrationPlan:
        """What is applied and, compared with the release, what is pending or disagrees; nothing is locked."""
        try:
            with self._session("status", alone=False) as (session, _database):
                return session.plan("expand")
        except NoReleaseError:
            return MigrationPlan(None, None)

    def ensure_latest(self, *, phase: str, check_mode: bool) -> MigrationOutcome:
        """Apply what is pending of ``phase``; nothing is changed in check mode."""
        options = self._options
        with self._session("apply", alone=not check_mode) as (session, database):
            before = session.plan(phase)
            if before.pending is None:
                raise StrataError("Where the migrations are is not said: set folder.")
            pending = to_apply(before, phase, options.accept_drift)
            dialect = database.DIALECT if database else UNKNOWN
            catalog = dialect.catalog(database.query) if database else UNKNOWN_CATALOG
            new = bool(pending) and not before.applied and catalog.is_empty()
            lint.check(pending, dialect, catalog, new=new)
            if pending:
                gates.check(
                    database,
                    self._address,
                    free_space=options.free_space,
                    max_replica_lag=options.max_replica_lag,
                    replicas=options.replicas,
                    connection=options.connection,
                    wait=options.lock_wait,
                )
            accepted = tuple(item.name for item in before.drift if item.problem == "changed")
            if not check_mode:
                if pending:
                    self._execution(session, database).apply(before, pending, phase)
                if accepted:
                    session.accept(accepted)
        names = names_of(pending)
        return MigrationOutcome(
            applied=names,
            rolled_back=(),
            pending=names if check_mode else (),
            version=version_after(before, () if check_mode or before.applied is None else pending),
            before=schema_text(before),
            after=schema_text(before, applied=pending)
            + "".join(f"\n{each}, accepted as it is now\n" for each in accepted),
            accepted=accepted,
            warnings=(
                *(f"{each.name}: {each.unreadable}" for each in pending if each.unreadable),
                *(
                    f"accept_drift names {each}, which does not disagree with anything."
                    for each in options.accept_drift
                    if each not in [item.name for item in before.drift]
                ),
            ),
        )

    def ensure_rolled_back(
        self,
        *,
        phase: str,
        version: str | None,
        running: Sequence[RunningRelease],
        allow_data_loss: bool = False,
        check_mode: bool,
    ) -> MigrationOutcome:
        """Take expand migrations back, to ``version`` or the last one alone; nothing is changed in check mode."""
        check_rollback_phase(phase)
        if self._engine.TOOL:
            check_tool_rollback(self._options.release, version, running)
        with self._session("rollback", alone=not check_mode) as (session, database):
            targets = session.rollback_plan(version)
            before = session.plan(phase)
            if targets is not None and before.numbered:
                check_rollback(targets, before.applied or (), () if self._engine.TOOL else running)
            if targets is not None:
                # Looking for rows waits for locks and reads tables, too.
                # A file is locked as a whole, and that by us.
                is_file = self._address is not None and self._address.is_file
                with database.limited(self._timeouts) if database and not is_file else nullcontext():
                    loss.check(targets, database, allow_data_loss)
            elif not allow_data_loss:
                raise StrataError(
                    f"{REFUSED}whether its command drops what holds rows cannot be seen beforehand. Where that is meant, or you "
                    "know that it does not, allow it: allow_data_loss, in the role db_migrate_allow_data_loss."
                )
            if check_mode:
                rolled_back, plan = names_of(targets or ()), before
            else:
                rolled_back, plan = self._execution(session, database).roll_back(
                    before, targets, version, phase
                )
        if targets is not None:
            text = schema_text(before, rolled_back=targets)
        elif check_mode:
            text = f"{schema_text(before)}rolled back to {version}, by the rollback command\n"
        else:
            text = schema_text(plan)
        return MigrationOutcome(
            applied=(),
            rolled_back=rolled_back,
            pending=(),
            version=plan.version,
            before=schema_text(before),
            after=text,
            uncertain=check_mode and targets is None,
        )

    def _execution(self, session: Session, database: Database | None) -> Execution:
        return Execution(session, database, self._options, has_tool=self._engine.TOOL)

    @contextmanager
    def _session(self, verb: str, *, alone: bool) -> Iterator[tuple[Session, Database | None]]:
        """The engine at work, with other migrators kept out where it is to change anything."""
        options = self._options
        held: tuple[int, ...] = ()
        database = None
        with ExitStack() as stack:
            if alone and self._engine.TOOL:
                app = options.path or repr((self._engine.NAME, dict(options.options), options.archive))
                shown = f"the {verb} of {options.release or 'the current release'}"
                held = (stack.enter_context(guarded(app, shown, options.lock_wait)),)
            if self._has_database:
                self._address = address = resolve(options.url, options.connection, os.environ)
                application = f"strata migration {options.release}".strip()
                # A file would be made as this process's user, where the tool is to make it as the application's.
                read_only = not alone or (self._engine.TOOL and address.is_file)
                database = stack.enter_context(opened(address, read_only=read_only, application=application))
            locked = database if alone and options.lock == "database" else None
            if locked and self._engine.TOOL:
                stack.enter_context(locked.lock(options.lock_wait, beside_tool=True))
            session = stack.enter_context(self._engine.open(database, held, verb))
            if locked and not self._engine.TOOL:
                # Not before its files are there: SQLite's lock keeps the application from writing.
                stack.enter_context(locked.lock(options.lock_wait, beside_tool=False))
            yield session, database
