# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of migration engines: adding one is a file beside this, and its line here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration
from ansible_collections.strata.deploy.plugins.module_utils._migration.outcome import Outcome, Status
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import RunningRelease
from ansible_collections.strata.deploy.plugins.module_utils._migration.sql import SqlEngine


class Engine(Protocol):
    """What applies migrations; every method raises StrataError, with a message that holds no password.

    What the options mean is the module's documentation to say.
    """

    def __init__(
        self, url: str, *, lock_wait: float = ..., lock_timeout: float = ..., retries: int = ...
    ) -> None: ...

    def validate(self) -> None:
        """Raise where an option makes no sense, before anything is asked of the database."""

    def status(self, migrations: Sequence[Migration]) -> Status:
        """What is applied and, compared with the files, what is pending or disagrees."""

    def ensure_latest(
        self, migrations: Sequence[Migration], *, phase: str, release: str, check_mode: bool
    ) -> Outcome:
        """Apply what is pending of ``phase``; nothing is changed in check mode."""

    def ensure_rolled_back(
        self, *, phase: str, version: str | None, running: Sequence[RunningRelease], check_mode: bool
    ) -> Outcome:
        """Take back the last expand migration, or all after ``version``; nothing is changed in check mode."""


ENGINES: Mapping[str, type[Engine]] = {
    SqlEngine.NAME: SqlEngine,
}
