# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration outside a transaction: statement by statement, each written down before it runs and when it is done.

A statement that a transaction can hold has one of its own, together with the note that it is done. Of the others a
killed run does not know whether the last one was carried out; the next run looks, or asks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.history import (
    History,
    Progress,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

VERBS = {"up": "Applying", "down": "Rolling back"}
_SETTINGS = frozenset(("PRAGMA", "RESET", "SET", "USE"))
_CHANGES = frozenset(("DELETE", "INSERT", "MERGE", "REPLACE", "SELECT", "UPDATE", "WITH"))
_FORMS = frozenset(("ALTER", "CREATE", "DROP"))
_WHOLE = frozenset(("RENAME", "REVOKE", "TRUNCATE"))
_REPEATABLE = frozenset(
    ("ANALYZE", "CLUSTER", "COMMENT", "GRANT", "OPTIMIZE", "REFRESH", "REINDEX", "VACUUM")
)


class Steps:
    """The statements of a migration, or of the way back from it (``direction`` is up or down)."""

    def __init__(self, database: Database, history: History, migration: Migration, direction: str) -> None:
        self._database = database
        self._history = history
        self._migration = migration
        self._direction = direction
        try:
            self._steps = self._cut(migration.up if direction == "up" else migration.down)
        except UnreadableError as error:
            raise StrataError(
                f"{VERBS[direction]} migration {migration.name} failed, and nothing of it was done: it runs statement by statement, "
                f"and where these end is not certain. {error}",
                migration=migration.name,
            ) from error

    def run(self, timeouts: Timeouts, resume: str | None) -> None:
        """Execute those that no earlier run has done.

        Args:
            resume: what the operator says of the one that an earlier run was at: done, or again.

        Raises:
            LockedError: one did not get its locks in time; those before it are done.
            StrataError: one failed, or what an earlier run left cannot be gone on with.
        """
        self._history.create(for_steps=True)
        for index in range(self._first(timeouts, resume), len(self._steps)):
            self._execute(index, timeouts)

    def _first(self, timeouts: Timeouts, resume: str | None) -> int:
        left = self._history.progress().get(str(self._migration.version))
        if left is None:
            return 0
        with self._database.limited(timeouts):
            done = self._is_done(left, resume)
        shown = f"Migration {self._migration.name} was left unfinished by an earlier run: {left}."
        if done is None:
            raise StrataError(
                f"{shown} Look whether the database has carried that statement out, and say so: resume, in the role "
                "db_migrate_resume, is done where it has, and again where it has not.",
                migration=self._migration.name,
            )
        past = self._steps[: left.step - 1]
        now = self._steps[left.step - 1 : left.step]
        if left.checksum != _checksum(past) or (done and [each.text for each in now] != [left.statement]):
            raise StrataError(
                f"{shown} What it has done has changed in the file since. Put that back as it was; what follows it may be "
                "corrected.",
                migration=self._migration.name,
            )
        if not done:
            return left.step - 1
        self._note(left.step, "waiting")
        return left.step

    def _is_done(self, left: Progress, resume: str | None) -> bool | None:
        """Whether the statement that an earlier run was at is done; None where nobody knows."""
        if left.step > left.steps:
            return False  # there is none
        if left.state == "running":
            settled = self._database.settle(left.statement)
            if settled is not None:
                return settled
        if resume:
            return resume == "done"
        if left.state != "running" or any(map(_is_repeatable, self._cut(left.statement))):
            return False
        return None

    def _cut(self, sql: str) -> list[Statement]:
        return statements(sql, self._database.DIALECT)

    def _execute(self, index: int, timeouts: Timeouts) -> None:
        step = self._steps[index]
        whole = _fits_a_transaction(step) and self._database.rolls_back(step.text)
        if "CONCURRENTLY" in step.words:
            # It waits for others' transactions to end, and holds nobody up meanwhile.
            timeouts = Timeouts(self._migration.lock_timeout or 0, self._migration.statement_timeout or 0)
        try:
            with self._database.limited(timeouts):
                if not whole:
                    self._note(index, "running")
                # A script's settings end with it, and an earlier run's with its session.
                for setting in filter(_is_setting, self._steps[:index]):
                    self._database.query(setting.text)
                if not whole:
                    self._database.script(step.text)
                else:
                    with self._database.transaction(timeouts):
                        self._database.script(step.text)
                        self._note(index + 1, "waiting")
        except StrataError as error:
            raise self._failure(index, error, timeouts) from error
        if not whole:
            self._note(index + 1, "waiting")

    def _note(self, index: int, state: str) -> None:
        self._history.advance(
            Progress(
                str(self._migration.version),
                self._migration.name,
                self._direction,
                index + 1,
                len(self._steps),
                state,
                self._steps[index].text if index < len(self._steps) else "",
                _checksum(self._steps[:index]),
            )
        )

    def _failure(self, index: int, error: StrataError, timeouts: Timeouts) -> StrataError:
        """Write down that a statement failed, and clear away what it left; the error that says where things stand."""
        step, number, count = self._steps[index], index + 1, len(self._steps)
        known = is_all_or_nothing(step)
        line = f", on line {self._migration.up_line + step.line}" if self._direction == "up" else ""
        shown = f"{VERBS[self._direction]} migration {self._migration.name} failed at statement {number} of {count}{line}"
        try:
            with self._database.limited(timeouts):
                self._database.settle(step.text)
            undone = f"Not done: {_numbers(number, count)}."
            if not known:  # what was written down before it stays
                undone = (
                    f"Statement {number} may have committed a part of what it does: look, and tell the next run by resume, in the "
                    "role db_migrate_resume, whether it is done, or to be carried out again."
                )
            elif index:
                self._note(index, "failed")
            else:
                self._history.complete(str(self._migration.version))
        except StrataError:  # a lost connection, for one: what was written down before the statement stays
            undone = "Whether that is done is not known: the next run finds out, or asks."
        state = f". {undone}"
        if index:
            state = f". Done, and not taken back, as it runs outside a transaction: {_numbers(1, index)}. {undone}"
        if index and known:
            state += (
                f" Put right what is wrong, be it in the file from there on, and run again: it goes on with statement {number}. "
                "Where you carry that out by hand, say so: resume is done then, in the role db_migrate_resume."
            )
        kind = LockedError if known and isinstance(error, LockedError) else StrataError
        details = {**error.details, "migration": self._migration.name, "changed": bool(index) or not known}
        return kind(f"{shown}{state} {error}", **details)


def _checksum(steps: Sequence[Statement]) -> str:
    return "sha256:" + hashlib.sha256("\0".join(step.text for step in steps).encode()).hexdigest()


def _numbers(first: int, last: int) -> str:
    return f"statement {first}" if first == last else f"statements {first} to {last}"


def _is_setting(step: Statement) -> bool:
    """Whether it sets something for the session, and so is to be executed again in another."""
    return step.words[0] in _SETTINGS


def _fits_a_transaction(step: Statement) -> bool:
    """Whether it surely may be in one: a procedure may commit, and what an extension brings may refuse."""
    if step.words[0] in _CHANGES:
        return True
    formed = {"TABLE", "INDEX"}.intersection(step.words[1:3])
    return step.words[0] in _FORMS and bool(formed) and "CONCURRENTLY" not in step.words


def is_all_or_nothing(step: Statement) -> bool:
    """Whether one that failed has left nothing, or nothing that its repetition minds; a CALL or a DO may have committed."""
    return step.words[0] in _CHANGES | _FORMS | _WHOLE or _is_repeatable(step)


def _is_repeatable(step: Statement) -> bool:
    """Whether a second time does no harm."""
    if step.words[0] in _REPEATABLE or _is_setting(step):
        return True
    pairs = set(zip(step.words, step.words[1:]))
    return step.words[0] in _FORMS and bool(pairs & {("IF", "EXISTS"), ("IF", "NOT"), ("OR", "REPLACE")})
