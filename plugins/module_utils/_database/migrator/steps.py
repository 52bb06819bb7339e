# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration outside a transaction: statement by statement, each written down before it runs and when it is done.

All of them run in one session, so that each finds what those before it have left there. A statement that a transaction can
hold has one of its own, together with the note that it is done. Of the others a killed run does not know whether the
last one was carried out; the next run looks, or asks. It begins with a new session, in which it makes the settings again that
the statements before have made; where these have left more in theirs than settings, it asks, too.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass

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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import session
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

VERBS = {"up": "Applying", "down": "Rolling back"}
_SETTINGS = frozenset(("ATTACH", "DISCARD", "PRAGMA", "PREPARE", "RESET", "SET", "USE"))
_CHANGES = frozenset(("DELETE", "INSERT", "MERGE", "REPLACE", "SELECT", "UPDATE", "WITH"))
_FORMS = frozenset(("ALTER", "CREATE", "DROP"))
_WHOLE = frozenset(("RENAME", "REVOKE", "TRUNCATE"))
_REPEATABLE = frozenset(
    ("ANALYZE", "CLUSTER", "COMMENT", "GRANT", "OPTIMIZE", "REFRESH", "REINDEX", "VACUUM")
)


@dataclass(frozen=True)
class _Step:
    """What is written down as one: a statement, or several that follow each other with nothing in between."""

    parts: tuple[Statement, ...]

    @property
    def text(self) -> str:
        return ";\n".join(part.text for part in self.parts)


class Steps:
    """The statements of a migration, or of the way back from it (``direction`` is up or down).

    They are executed in a session of their own, which lasts until `close`.
    """

    def __init__(self, database: Database, migration: Migration, direction: str) -> None:
        self._database = database
        self._history = History(database)
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
        self._opened = ExitStack()
        self._work: Database | None = None
        self._next = 0

    def run(self, timeouts: Timeouts, resume: str | None) -> None:
        """Execute those that are not done yet.

        Args:
            resume: what the operator says of the one that an earlier run was at: done, or again.

        Raises:
            LockedError: one did not get its locks in time. Those before it are done, and the session goes on with the next call.
            StrataError: one failed, or what an earlier run left cannot be gone on with; the session is closed.
        """
        try:
            if self._work is None:
                self._history.create(for_steps=True)
                work = self._opened.enter_context(self._database.session())
                for each in (self._database, work):
                    self._opened.enter_context(each.limited(timeouts))
                self._next = self._first(work, resume)
                self._work = work
            while self._next < len(self._steps):
                self._execute(self._work, self._next, timeouts)
                self._next += 1
        except BaseException as error:
            if self._work is None or not isinstance(error, LockedError):
                self.close()
            raise

    def close(self) -> None:
        """End the session."""
        self._opened.__exit__(*sys.exc_info())

    def _first(self, work: Database, resume: str | None) -> int:
        """The index of the statement to begin with; the settings of those before it are made again."""
        left = self._history.progress().get(str(self._migration.version))
        if left is None:
            if self._steps:
                self._note(self._history, 0, "waiting")
            return 0
        past = self._steps[: left.step - 1]
        shown = f"Migration {self._migration.name} was left unfinished by an earlier run: {left}."
        changed = StrataError(
            f"{shown} What it has done has changed in the file since. Put that back as it was; what follows it may be corrected.",
            migration=self._migration.name,
        )
        if left.checksum != _checksum(past):
            raise changed
        self._set_again(work, past)
        done = self._is_done(work, left, resume)
        lost = self._lost(left.step - 1, done=bool(done)) if not resume else []
        if done is None or lost:
            why = (
                f" Its session ended with that run, and with it what cannot be set again: {', '.join(lost)}."
                if lost
                else ""
            )
            raise StrataError(
                f"{shown}{why} Look whether the database has carried that statement out, and say so: resume, in the role "
                "db_migrate_resume, is done where it has, and again where it has not.",
                migration=self._migration.name,
            )
        now = self._steps[left.step - 1 : left.step]
        if done and [each.text for each in now] != [left.statement]:
            raise changed
        if not done:
            return left.step - 1
        self._set_again(work, now)
        self._note(self._history, left.step, "waiting")
        return left.step

    def _set_again(self, work: Database, past: Sequence[_Step]) -> None:
        for part in _parts(past):
            if session.is_constant(part):
                work.query(part.text)

    def _lost(self, index: int, *, done: bool) -> list[str]:
        """What the statements before the one at ``index``, and that where it is done, have left in the session that is gone."""
        index += done
        past, coming = _parts(self._steps[:index]), _parts(self._steps[index:])
        if not coming:
            return []
        # What follows a LOCK TABLES comes after its UNLOCK TABLES: they are one step.
        lost = [part for part in past if session.leaves(part) and part.words[0] != "LOCK"]
        if any(map(session.reads_last_key, coming)):
            lost += [part for part in past if session.makes_key(part) and part not in lost]
        return [f"what '{_short(part)}' has left there" for part in lost]

    def _is_done(self, work: Database, left: Progress, resume: str | None) -> bool | None:
        """Whether the statement that an earlier run was at is done; None where nobody knows."""
        if left.step > left.steps:
            return False  # there is none
        if left.state == "running":
            settled = work.settle(left.statement)
            if settled is not None:
                return settled
        if resume:
            return resume == "done"
        if left.state != "running" or all(map(_is_repeatable, _parts(self._cut(left.statement)))):
            return False
        return None

    def _cut(self, sql: str) -> list[_Step]:
        return list(map(_Step, session.grouped(statements(sql, self._database.DIALECT))))

    def _execute(self, work: Database, index: int, timeouts: Timeouts) -> None:
        step = self._steps[index]
        part = step.parts[0]
        whole = len(step.parts) == 1 and _fits_a_transaction(part) and self._database.rolls_back(part.text)
        try:
            if whole:
                # Its timeouts are the session's, which the migration may have set.
                with work.transaction(None):
                    work.query(part.text)
                    with work.apart():
                        self._note(History(work), index + 1, "waiting")
                return
            self._note(self._history, index, "running")
            for part in step.parts:
                with self._unlimited(work, part):
                    work.query(part.text)
                if part.words[0] in ("DISCARD", "RESET"):
                    self._opened.enter_context(work.limited(timeouts))
            if work.in_transaction():
                raise StrataError(
                    "It leaves a transaction open, of which nothing would be kept. End the transaction with COMMIT."
                )
        except StrataError as error:
            raise self._failure(work, index, part, error) from error
        try:
            self._note(self._history, index + 1, "waiting")
        except LockedError as error:
            # Not to be tried again: the statement is done.
            raise StrataError(
                f"Statement {index + 1} of migration {self._migration.name} is done, and writing that down failed: {error}",
                **{**error.details, "migration": self._migration.name, "changed": True},
            ) from error

    def _unlimited(self, work: Database, part: Statement) -> AbstractContextManager[None]:
        if "CONCURRENTLY" not in part.words:
            return nullcontext()
        # It waits for others' transactions to end, and holds nobody up meanwhile.
        return work.limited(
            Timeouts(self._migration.lock_timeout or 0, self._migration.statement_timeout or 0)
        )

    def _note(self, history: History, index: int, state: str) -> None:
        history.advance(
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

    def _failure(self, work: Database, index: int, part: Statement, error: StrataError) -> StrataError:
        """Write down that a statement failed, and clear away what it left; the error that says where things stand."""
        step, number, count = self._steps[index], index + 1, len(self._steps)
        known = self._is_undone(work, step, part)
        line = f", on line {self._migration.up_line + part.line}" if self._direction == "up" else ""
        shown = f"{VERBS[self._direction]} migration {self._migration.name} failed at statement {number} of {count}{line}"
        try:
            if work.in_transaction():
                work.query("ROLLBACK")
            work.query("SELECT 1")  # a session that is lost may have committed
            if len(step.parts) == 1:
                work.settle(step.text)
            undone = f"Not done: {_numbers(number, count)}."
            if not known:  # what was written down before it stays
                undone = (
                    f"Statement {number} may have committed a part of what it does: look, and tell the next run by resume, in the "
                    "role db_migrate_resume, whether it is done, or to be carried out again."
                )
            elif index:
                self._note(self._history, index, "failed")
            else:
                self._history.complete(str(self._migration.version))
        except StrataError:  # a lost connection, for one: what was written down before the statement stays
            undone = "Whether that is done is not known: the next run finds out, or asks."
        state = f". {undone}"
        # Another try would begin with what it has assigned before it failed.
        again = known and isinstance(error, LockedError) and not session.assigns(part)
        if index:
            state = f". Done, and not taken back, as it runs outside a transaction: {_numbers(1, index)}. {undone}"
        if index and known and self._lost(index, done=False):
            state += (
                f" What the statements before it have left in their session is gone: look what statement {number} needs of that, "
                "and tell the next run by resume, in the role db_migrate_resume, whether it is done, or to be carried out again."
            )
        elif index and known:
            state += (
                f" Put right what is wrong, be it in the file from there on, and run again: it goes on with statement {number}. "
                "Where you carry that out by hand, say so: resume is done then, in the role db_migrate_resume."
            )
        kind = LockedError if again else StrataError
        details = {**error.details, "migration": self._migration.name, "changed": bool(index) or not known}
        return kind(f"{shown}{state} {error}", **details)

    def _is_undone(self, work: Database, step: _Step, failed: Statement) -> bool:
        """Whether a step has left nothing, or nothing that its repetition minds."""
        if len(step.parts) == 1:
            return is_all_or_nothing(failed)
        before = step.parts[1 : step.parts.index(failed)]
        return work.in_transaction() and all(self._database.rolls_back(part.text) for part in before)


def _parts(steps: Sequence[_Step]) -> list[Statement]:
    return [part for step in steps for part in step.parts]


def _checksum(steps: Sequence[_Step]) -> str:
    return "sha256:" + hashlib.sha256("\0".join(step.text for step in steps).encode()).hexdigest()


def _numbers(first: int, last: int) -> str:
    return f"statement {first}" if first == last else f"statements {first} to {last}"


def _short(part: Statement) -> str:
    words = " ".join(part.text.split())
    return words if len(words) <= 80 else f"{words[:80]} ..."


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
    if step.words[0] in _REPEATABLE:
        return True
    if step.words[0] in _SETTINGS:  # which end with the session
        return step.words[1:2] not in (("STATEMENT",), ("TRANSACTION",))
    pairs = set(zip(step.words, step.words[1:]))
    return step.words[0] in _FORMS and bool(pairs & {("IF", "EXISTS"), ("IF", "NOT"), ("OR", "REPLACE")})
