# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is, and what a provider for a process supervisor does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Callable, Protocol, runtime_checkable

POLL = 0.05


@dataclass(frozen=True)
class ServiceOptions:
    """Where a service is, and how a release gets into it; times in seconds.

    Args:
        address: the supervisor's own; never shown.
        mode: restart, or another one that the manager has.
        min_uptime: how long a process must stay before it counts as running, where no health check tells.
        commands: those of the manager ``command``, by verb.
        version: the release that is to run.
        folder: where the release that runs lies, by the link to it.
    """

    manager: str
    name: str
    address: str | None = None
    timeout: float = 30.0
    mode: str = "restart"
    min_uptime: float = 3.0
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: str = ""
    folder: str = ""


@dataclass(frozen=True)
class Status:
    """A service as its supervisor sees it.

    Args:
        phase: running, starting, stopped, failed, or unknown where there is nobody to ask.
        detail: the supervisor's own words.
        started: opaque; with ``pid`` it identifies a process, and what it was told last.
        restarts: how often the supervisor has started it again by itself since it was restarted.
    """

    phase: str
    detail: str
    pid: int | None = None
    started: str = ""
    restarts: int = 0


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

        ``stopped`` is called in between, for a supervisor may leave children of the old process behind; it is not
        where a part of the service goes on all the while.
        """

    def log_tail(self) -> list[str]:
        """The last lines that the service wrote since it was restarted; empty where they cannot be had."""


@runtime_checkable
class Relay(Service, Protocol):
    """A service whose ``restart`` starts the new process beside the old one."""

    def take_over(self) -> None:
        """The new process is up: stop the old one, and have the new one started with the machine."""

    def give_way(self) -> None:
        """The new process did not come up: stop it, if the old one still serves."""
