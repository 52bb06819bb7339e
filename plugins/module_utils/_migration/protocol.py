# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every migration engine has: its options and its verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._migration.outcome import Outcome, Status
from ansible_collections.strata.deploy.plugins.module_utils._migration.plan import RunningRelease


@dataclass(frozen=True)
class EngineOptions:
    """What an engine may be told; each uses what it needs, and what they mean is the module's documentation to say."""

    url: str | None = None
    folder: str | None = None
    archive: str | None = None
    checksum: str | None = None
    path: str | None = None
    release: str = ""
    commands: Mapping[str, Any] | None = None
    user: str | None = None
    environment: Mapping[str, Any] | None = field(default=None, repr=False)
    timeout: float = 1800
    lock_wait: float = 30
    lock_timeout: float = 3
    retries: int = 5


class Engine(Protocol):
    """What applies migrations; every method raises StrataError, with a message that holds no secret."""

    def __init__(self, options: EngineOptions) -> None: ...

    def validate(self) -> None:
        """Raise where an option makes no sense, before anything is asked of the database."""

    def status(self) -> Status:
        """What is applied and, compared with the release, what is pending or disagrees."""

    def ensure_latest(self, *, phase: str, check_mode: bool) -> Outcome:
        """Apply what is pending of ``phase``; nothing is changed in check mode."""

    def ensure_rolled_back(
        self, *, phase: str, version: str | None, running: Sequence[RunningRelease], check_mode: bool
    ) -> Outcome:
        """Take expand migrations back; nothing is changed in check mode."""
