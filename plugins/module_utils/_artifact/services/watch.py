# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching the process that came of a restart."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    POLL,
    Service,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass
class Watch:
    """Sees to it that one new process came of a restart, and that it stays."""

    service: Service
    former: Status
    seen: Status | None = field(default=None, init=False)
    since: float = field(default_factory=time.monotonic, init=False)

    def alive(self) -> None:
        """Raise StrataError, with the last log lines, if the new process ended or was replaced."""
        self._look()

    def running(self, timeout: float) -> Status:
        """Wait until the supervisor takes the new process for running, and the process has stayed for ``min_uptime``."""
        while True:
            status = self._look()
            elapsed = time.monotonic() - self.since
            if status.phase == "unknown":
                return status
            if status.phase == "running":
                if elapsed >= self.service.options.min_uptime:
                    return status
            elif elapsed >= timeout:
                raise self._lost(f"was not running within {timeout:g} s ({status.detail})")
            time.sleep(POLL)

    def _look(self) -> Status:
        status = self.service.status()
        if status.phase in ("stopped", "failed"):
            raise self._lost(f"ended right after its start ({status.detail})")
        if status.restarts:
            raise self._lost(f"ended and was started again (restarts so far: {status.restarts})")
        if not status.pid:
            return status
        if (status.pid, status.started) == (self.former.pid, self.former.started):
            raise self._lost(f"was not restarted: process {status.pid} is still the old one")
        if self.seen and (status.pid, status.started) != (self.seen.pid, self.seen.started):
            # Of a group it may be another one than the first.
            which = f" (process {self.seen.pid}, then {status.pid})" if status.pid != self.seen.pid else ""
            raise self._lost(f"ended and was started again{which}")
        self.seen = status
        return status

    def _lost(self, what: str) -> StrataError:
        return with_log(StrataError(f"Service '{self.service.options.name}' {what}."), self.service)


def with_log(error: StrataError, service: Service) -> StrataError:
    """The same error with the service's last log lines, unless it has them: five in its text, all in its ``log``."""
    if "log" in error.details:
        return error
    try:
        lines = [urls.masked(line) for line in service.log_tail()]
    except StrataError:
        lines = []
    text = str(error) + ("\nIts last lines:\n  " + "\n  ".join(lines[-5:]) if lines else "")
    return StrataError(text, **{**error.details, "log": lines})
