# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Carrying out a plan, and an account of what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.attempts import attempted
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
    Named,
    names_of,
)


class Execution:
    """Applies and rolls back migrations in a session.

    Args:
        has_tool: whether a program of the release does the work.
    """

    def __init__(
        self, session: Session, database: Database | None, options: EngineOptions, *, has_tool: bool
    ) -> None:
        self._session = session
        self._database = database
        self._options = options
        self._has_tool = has_tool

    def apply(self, before: MigrationPlan, pending: Sequence[Migration], phase: str) -> None:
        """Apply ``pending``."""
        done, failure = self._attempted(self._session.apply, pending)
        if not self._has_tool:
            if failure:
                raise _half_done(failure, done)
            return
        try:
            left = names_of(self._session.plan(phase).pending or ())
        except StrataError as error:
            raise StrataError(
                f"{failure or 'The apply command succeeded.'} What is applied now is not known: {error}",
                changed=True,
            ) from error
        gone = [each for each in before.pending or () if each.name not in left]
        remaining = [each.name for each in pending if each.name in left]
        stray = [each.name for each in gone if each.phase != phase]
        problem = str(failure) if failure else ""
        if stray:
            problem += (
                f" It also applied what is not for the phase {phase}: {', '.join(stray)}. "
                "The apply command must heed STRATA_PHASE."
            )
        elif not failure and remaining:
            problem = "The apply command succeeded, and its plan still names migrations as pending."
        if problem:
            details = failure.details if failure else {}
            raise StrataError(
                f"{problem.strip()}\nApplied in this run: {', '.join(names_of(gone)) or 'none'}. "
                f"Still pending: {', '.join(remaining) or 'none'}.",
                **{**details, "changed": bool(gone), "done": list(names_of(gone)), "pending": remaining},
            )

    def roll_back(
        self,
        before: MigrationPlan,
        targets: Sequence[Applied] | None,
        version: str | None,
        phase: str,
    ) -> tuple[tuple[str, ...], MigrationPlan]:
        """Take ``targets`` back; the names of what is taken back, and the plan now."""
        done, failure = self._attempted(lambda left: self._session.rollback(left, version), targets or ())
        if failure and not self._has_tool:
            raise _half_done(failure, done)
        try:
            plan = self._session.plan(phase)
        except StrataError as error:
            raise StrataError(
                f"{failure or 'The rollback command succeeded.'} What is rolled back now is not known: {error}",
                changed=True,
                done=done,
            ) from error
        known = names_of(before.pending or ())
        names = tuple(done) or tuple(
            each for each in reversed(names_of(plan.pending or ())) if each not in known
        )
        if failure:
            raise StrataError(
                f"{failure}\nRolled back in this run: {', '.join(names) or 'none'}.",
                **{**failure.details, "changed": bool(names), "done": list(names)},
            )
        return names, plan

    def _attempted(
        self, work: Callable[[Sequence[Named]], Iterator[str]], items: Sequence[Named]
    ) -> tuple[list[str], StrataError | None]:
        return attempted(
            work,
            items,
            retries=self._options.retries,
            lock_timeout=self._options.lock_timeout,
            check_lock=self._check_lock,
        )

    def _check_lock(self) -> None:
        """Raise StrataError where another migrator may have begun meanwhile."""
        if self._database is None or self._options.lock != "database":
            return
        try:
            kept, reason = self._database.has_lock(), "It is no longer this session's."
        except StrataError as error:
            kept, reason = False, str(error)
        if not kept:
            raise StrataError(
                "The migrators' lock was lost while this migration was at work, and another one may have begun: an operator or the "
                f"server ended its session, or a migration gave it away. {reason} Look whether another is at work, and run again."
            )


def _half_done(failure: StrataError, done: list[str]) -> StrataError:
    """The failure, with what was done before it."""
    changed = bool(done) or failure.details.get("changed", False)
    return StrataError(
        f"{failure} Done before it in this run: {', '.join(done) or 'none'}.",
        **{**failure.details, "changed": changed, "done": done},
    )
