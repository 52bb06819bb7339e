# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine answers, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._migration.history import Applied
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import Drift


@dataclass(frozen=True)
class Pending:
    """A migration that is not applied; ``version`` is None and ``sql`` is "" where the engine does not tell."""

    name: str
    phase: str = "expand"
    version: str | None = None
    sql: str = ""


@dataclass(frozen=True)
class Outcome:
    """A change that was made or, in check mode, would be.

    ``pending`` and ``version`` are the database's at the end; ``before`` and ``after`` are a diff's texts.
    ``uncertain`` is a change that check mode can foresee, but not name.
    """

    applied: tuple[str, ...]
    rolled_back: tuple[str, ...]
    pending: tuple[str, ...]
    version: str | None
    before: str
    after: str
    uncertain: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.applied or self.rolled_back or self.uncertain)


@dataclass(frozen=True)
class Status:
    """A database as it is, compared with a release; ``pending`` is None where there is none to compare it with."""

    applied: tuple[Applied, ...]
    pending: tuple[Pending, ...] | None
    drift: tuple[Drift, ...]

    @property
    def version(self) -> str | None:
        return self.applied[-1].version if self.applied else None
