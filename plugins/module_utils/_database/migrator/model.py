# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations as every engine speaks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

PHASES = ("expand", "contract")

_PROBLEMS = {
    "changed": "was changed after it was applied: put the original back, and make a new migration of the change",
    "missing": "is applied, and is not among the release's, though later ones are: put it back",
    "out_of_order": "is new, and sorts before one that is applied: give it a later version",
}


@dataclass(frozen=True)
class Migration:
    """One that a release brings.

    Attributes:
        version: what it is ordered by and rolled back to; None where the engine has names alone.
        up: SQL that applies it, from the line ``up_line`` of its file on; "" where the engine does not tell.
        down: SQL that takes it back; "" where there is none, or the engine does not tell.
        checksum: of its file; "" where the engine keeps none.
        allowed: rules of the linter that it waives, each with the reason.
        transactional: whether it asks for a transaction.
        lock_timeout, statement_timeout: seconds, 0 without limit; None for what the deployment says.
        unreadable: why there is no SQL to show and to check; "" where there is, or need be none.
    """

    name: str
    version: str | None = None
    phase: str = "expand"
    up: str = ""
    down: str = ""
    checksum: str = ""
    allowed: Mapping[str, str] = field(default_factory=dict)
    up_line: int = 1
    transactional: bool = True
    lock_timeout: float | None = None
    statement_timeout: float | None = None
    unreadable: str = ""


@dataclass(frozen=True)
class Applied:
    """One that the database has.

    Attributes:
        checksum: of its file when it was applied; "" where another tool applied it, or the engine keeps none.
        phase: "" where it is not known.
        down: SQL that takes it back; "" where there is none, or the engine does not tell.
        irreversible: why it cannot be taken back; "" where it can.
        unfinished: what a run that failed or was killed has left of it; "" for one that is whole.
        backwards: whether what is unfinished is its rollback.
    """

    version: str
    name: str
    checksum: str = ""
    phase: str = ""
    down: str = ""
    release: str = ""
    applied_at: str = ""
    irreversible: str = ""
    unfinished: str = ""
    backwards: bool = False


@dataclass(frozen=True)
class Drift:
    """A disagreement of release and database; ``problem`` is changed, missing or out_of_order."""

    name: str
    problem: str

    def __str__(self) -> str:
        return f"{self.name} {_PROBLEMS[self.problem]}"


@dataclass(frozen=True)
class MigrationPlan:
    """A database compared with a release, all phases, in order.

    Attributes:
        applied: None where the engine does not tell.
        pending: None where there is no release to compare with.
        numbered: whether versions are numbers, and order the migrations.
    """

    applied: tuple[Applied, ...] | None
    pending: tuple[Migration, ...] | None
    drift: tuple[Drift, ...] = ()
    numbered: bool = False

    @property
    def version(self) -> str | None:
        """The last version that is wholly applied."""
        return next((each.version for each in reversed(self.applied or ()) if not each.unfinished), None)


@dataclass(frozen=True)
class RunningRelease:
    """A release that a host runs now, and the names of the migrations in it; None where they are not known."""

    host: str
    version: str
    migrations: Sequence[str] | None


@dataclass(frozen=True)
class MigrationOutcome:
    """A change that was made or, in check mode, would be.

    ``pending`` and ``version`` are the database's at the end; ``before`` and ``after`` are a diff's texts.
    ``uncertain`` is a change that check mode can foresee, but not name. ``accepted`` are applied migrations whose files, changed
    since, are taken for what was applied.
    """

    applied: tuple[str, ...]
    rolled_back: tuple[str, ...]
    pending: tuple[str, ...]
    version: str | None
    before: str
    after: str
    uncertain: bool = False
    accepted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.applied or self.rolled_back or self.uncertain or self.accepted)


Named = TypeVar("Named", Migration, Applied)


def names_of(migrations: Iterable[Named]) -> tuple[str, ...]:
    """Their names, in their order."""
    return tuple(each.name for each in migrations)
