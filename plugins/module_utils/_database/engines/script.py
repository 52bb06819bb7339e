# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scripts share that Strata runs inside a release, by the interpreter of the release.

They are sent as source, and so import nothing of this collection but this file. Theirs is the database connection of
the project: they keep the timeouts on it, and note what a migration has had done, for an error to tell what stays.
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any, Callable

_LOCK_STATES = frozenset(("55P03", "40P01"))  # PostgreSQL: lock_not_available, deadlock_detected
_LOCK_NUMBERS = frozenset((1205, 1213, 3572))  # MySQL: lock wait timeout, deadlock, NOWAIT
_READS = re.compile(
    r"\s*(?:BEGIN|COMMIT|DESC|DESCRIBE|EXPLAIN|PRAGMA|RELEASE|ROLLBACK|SAVEPOINT|SELECT|SET|SHOW|USE)\b",
    re.IGNORECASE,
)
_COMMIT = re.compile(r"\s*COMMIT\b", re.IGNORECASE)
_CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.IGNORECASE)
_SHOWN = 200


class RefusalError(Exception):
    """What a script itself has to say; a sentence for the operator."""


class Progress:
    """How far the work is, and what it has had the database do.

    Attributes:
        done: names of the migrations that are done.
        migration: the name of the one in hand; "" for none.
        takes_back: whether the database takes back what a transaction has done to the schema.
    """

    def __init__(self) -> None:
        self.done: list[str] = []
        self.takes_back = True
        self.begin("")

    def begin(self, migration: str) -> None:
        self.migration = migration
        self._statement = ""
        self._alone = False
        self._written: list[str] = []
        self._kept = 0

    def end(self) -> None:
        self.done.append(self.migration)
        self.begin("")

    def executing(self, statement: str, *, alone: bool) -> None:
        """One begins; ``alone`` outside a transaction, so that those before it have ended."""
        self._statement, self._alone = statement, alone
        if alone:
            self.committed()

    def executed(self) -> None:
        """It has come to its end."""
        if not _READS.match(self._statement):
            self._written.append(_short(self._statement))
        if self._alone or not self.takes_back or _COMMIT.match(self._statement):
            self.committed()
        self._statement = ""

    def committed(self) -> None:
        """What was carried out so far stays, whatever comes."""
        self._kept = len(self._written)

    def failure(self, error: BaseException) -> dict[str, Any]:
        """What an engine is told: ``kept`` and ``unfinished`` is what the migration leaves in the database."""
        statement = self._statement
        return {
            "done": self.done,
            "migration": self.migration,
            "error": _described(error) + (f", at {_short(statement)}" if statement else ""),
            "locked": any(map(_is_lock_refusal, _causes(error))),
            "kept": self._written[: self._kept],
            "unfinished": statement if self._alone and is_long(statement) else "",
        }


def answer(work: Callable[[Progress, str, list[str]], dict[str, Any]]) -> None:
    """Do ``work`` with the verb and the arguments of this process, and print what it returns, or why it failed, as JSON.

    Nothing else gets to the standard output: what the project prints goes to the standard error.
    """
    output = os.dup(1)
    os.dup2(2, 1)
    progress = Progress()
    try:
        said = work(progress, sys.argv[1], sys.argv[2:])
    except (Exception, SystemExit) as error:
        said = progress.failure(error)
    sys.stdout.flush()
    with os.fdopen(output, "w", encoding="utf-8") as stream:
        json.dump(said, stream)


def system_of(driver: str) -> str:
    """The database system of a driver, by the name of its module; "" where that is not known."""
    return next((name for name, each in _sessions().items() if re.search(each["drivers"], driver)), "")


def limit(system: str, execute: Callable[[str], Any], *, long: bool = False) -> None:
    """Have a connection keep the timeouts.

    Args:
        long: those for a statement that holds nobody up.
    """
    for statement in _sessions().get(system, {}).get("long" if long else "limits", ()):
        execute(statement)


def only_read(system: str, execute: Callable[[str], Any]) -> None:
    """Have the server refuse changes by a connection, from its next transaction on: printing SQL calls what anyone has written."""
    if system in _sessions():
        execute(_sessions()[system]["read_only"])


def _sessions() -> dict[str, dict[str, Any]]:
    sessions: dict[str, dict[str, Any]] = json.loads(os.environ["STRATA_SESSIONS"])
    return sessions


def is_long(statement: str) -> bool:
    """Whether it waits for others' transactions to end, and holds nobody up meanwhile: CREATE INDEX CONCURRENTLY."""
    return bool(_CONCURRENTLY.search(statement))


def reason(error: BaseException) -> str:
    """What an exception says, in one line, without the statement and its parameters."""
    own = getattr(error, "orig", None)  # SQLAlchemy's have the driver's
    said = " ".join(str(own or error).split())
    return said if isinstance(error, RefusalError) else f"{type(own or error).__name__}: {said}".rstrip(": ")


def _described(error: BaseException) -> str:
    if isinstance(error, RefusalError):
        return reason(error)
    here = os.getcwd() + os.sep
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        each
        for each in frames
        if os.path.isfile(each.filename) and os.path.abspath(each.filename).startswith(here)
    ]
    place = f" ({os.path.relpath(places[-1].filename)}, line {places[-1].lineno})" if places else ""
    return f"{reason(error)}{place}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception, and what the tool's and the driver's own are wrapped into."""
    todo: list[BaseException | None] = [error]
    seen: list[BaseException] = []
    while todo:
        each = todo.pop()
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            todo += [getattr(each, "orig", None), each.__cause__]
            yield each


def _is_lock_refusal(error: BaseException) -> bool:
    state = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    first = error.args[0] if error.args else None
    if isinstance(first, dict):  # pg8000
        state = first.get("C")
    return (
        state in _LOCK_STATES
        or (isinstance(first, int) and first in _LOCK_NUMBERS)
        or first in ("database is locked", "database table is locked")
    )


def _short(statement: str) -> str:
    words = " ".join(statement.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]} ..."
