# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service is, and what a provider for a process supervisor does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, ClassVar, Protocol, runtime_checkable

POLL = 0.05


SHARED: Mapping[str, Any] = {
    "name": {"type": "str", "required": True},
    "timeout": {"type": "float", "default": 30.0},
    "min_uptime": {"type": "float", "default": 3.0},
    "mode": {"type": "str", "choices": ["restart"], "default": "restart"},
}
"""The options that every manager has. A manager with further modes declares ``mode`` anew."""


@dataclass(frozen=True)
class ServiceOptions:
    """Which service is meant, and how a release gets into it; times in seconds.

    Args:
        manager: the name of a `Manager`.
        min_uptime: how long a process must stay before it counts as running, if there is no health check.
        own: all options of the manager, validated and converted as its ``OPTIONS`` declares them.
        version: the release that is to run.
        folder: the link to the release that runs.
        notes: a folder of ours, where a manager may keep what has to outlive a killed run; empty for none.
    """

    manager: str = "none"
    name: str = ""
    timeout: float = 30.0
    min_uptime: float = 3.0
    own: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""
    folder: str = ""
    notes: str = ""


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


class Manager(Protocol):
    """A service manager: what runs services on a host.

    Args:
        NAME: what users write as ``manager``.
        OPTIONS: its options, declared as in an AnsibleModule's ``argument_spec``; `SHARED` is among them.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        """The service that the options name; None if there is nothing to restart. Asks nobody."""


class Service(Protocol):
    """One service of a manager. Each method may raise StrataError."""

    options: ServiceOptions

    def validate(self) -> None:
        """Refuse options that cannot work, without asking the supervisor."""

    def status(self) -> Status:
        """Ask the supervisor; a name that it does not know is an error."""

    def restart(self, stopped: Callable[[], None]) -> None:
        """Stop the service, waiting for its end, then start it without waiting for anything.

        ``stopped`` is called in between, for a supervisor may leave children of the old process behind; it is not
        where a part of the service goes on all the while, or where whoever calls has it started again.
        """

    def log_tail(self) -> list[str]:
        """The last lines that the service wrote since it was restarted; empty if they cannot be read."""

    def doubt(self, status: Status | None, probed: bool) -> str:
        """What an activation that ended with this status could not verify, and what to do about it; empty for nothing.

        It is not asked where the health check tells which release answers.

        Args:
            probed: whether there is a health check.
        """


@runtime_checkable
class NotingService(Service, Protocol):
    """A service whose ``restart`` notes in ``options.notes`` what a later restart needs, if this one comes to nothing."""

    def finish(self) -> None:
        """The new process is up and healthy: remove the notes."""


@runtime_checkable
class OverlappingService(Service, Protocol):
    """A service whose ``restart`` starts the new process beside the old one."""

    def take_over(self) -> None:
        """The new process is up: stop the old one, and have the new one started with the machine."""

    def give_way(self) -> None:
        """The new process did not come up: stop it, if the old one still serves."""
