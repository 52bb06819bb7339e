# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is, and what a provider for a process supervisor does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Protocol

POLL = 0.05


@dataclass(frozen=True)
class ServiceOptions:
    """Where a service is: ``address`` is the supervisor's own and never shown; ``timeout`` in seconds."""

    manager: str
    name: str
    address: str | None = None
    timeout: float = 30.0


@dataclass(frozen=True)
class Status:
    """A service as its supervisor sees it.

    Args:
        phase: running, starting, stopped or failed.
        detail: the supervisor's own words.
        started: opaque; with ``pid`` it identifies a process.
    """

    phase: str
    detail: str
    pid: int | None = None
    started: str = ""


class Service(Protocol):
    """What a provider does; it is made from ServiceOptions and raises StrataError."""

    NAME: str
    options: ServiceOptions

    def validate(self) -> None:
        """Refuse options that cannot work, without asking the supervisor."""

    def status(self) -> Status:
        """Ask the supervisor; a name that it does not know is an error."""

    def restart(self, stopped: Callable[[], None]) -> None:
        """Stop the service, waiting for its end, then start it without waiting for anything.

        ``stopped`` is called in between, for a supervisor may leave children of the old process behind.
        """

    def log_tail(self) -> list[str]:
        """The last lines that the service wrote since it was restarted; empty where they cannot be had."""
