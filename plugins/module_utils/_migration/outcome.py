# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine answers, whichever it is."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration
from ansible_collections.strata.deploy.plugins.module_utils._migration.history import Applied
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import Drift


@dataclass(frozen=True)
class Outcome:
    """A change that was made or, in check mode, would be.

    ``pending`` and ``version`` are the database's at the end; ``before`` and ``after`` are a diff's texts.
    """

    applied: tuple[str, ...]
    rolled_back: tuple[str, ...]
    pending: tuple[str, ...]
    version: str | None
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return bool(self.applied or self.rolled_back)


@dataclass(frozen=True)
class Status:
    """A database as it is, compared with the files of a release."""

    applied: tuple[Applied, ...]
    pending: tuple[Migration, ...]
    drift: tuple[Drift, ...]

    @property
    def version(self) -> str | None:
        return self.applied[-1].version if self.applied else None
