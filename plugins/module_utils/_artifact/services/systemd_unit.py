# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units, through systemctl.

The properties: https://www.freedesktop.org/software/systemd/man/org.freedesktop.systemd1.html
"""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic,Result,ExecMainStatus,"
    "NeedDaemonReload,NRestarts,CanReload"
)
PHASES = {
    "active": "running",
    "activating": "starting",
    "failed": "failed",
    "refreshing": "running",
    "reloading": "running",
}
REMEDIES = {
    "masked": "Unmask it with `systemctl unmask`, or correct the name.",
    "not-found": "Install it, run `systemctl daemon-reload`, or correct the name.",
}


class Unit:
    """One unit of the system's systemd, stopped and started."""

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self._restarted_at = time.time()

    def validate(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_@][A-Za-z0-9:_.\\@-]*", self.options.name):
            raise StrataError(f"'{self.options.name}' is not the name of a systemd unit.")

    def status(self) -> Status:
        return self._status(self._show())

    def restart(self, stopped: Callable[[], None]) -> None:
        self._read_anew()
        # With KillMode=process or none, children of the old process outlive the stop.
        self._run("systemctl", "stop", "--", self.options.name)
        stopped()
        # A release that crashed over and over has used up the starts that systemd allows within some seconds
        # (StartLimitBurst=); the next one is not to pay for it. Of a unit that has nothing to reset it is an error.
        with contextlib.suppress(StrataError):
            self._run("systemctl", "reset-failed", "--", self.options.name)
        self._restarted_at = time.time()
        self._run("systemctl", "start", "--", self.options.name)

    def log_tail(self) -> list[str]:
        with contextlib.suppress(StrataError):
            # What the process wrote last may be on its way to the journal still.
            self._run("journalctl", "--sync")
        unit = self._show().get("Id", self.options.name)
        # Its own words; where it found none, those of systemd about it.
        return self._journal(f"_SYSTEMD_UNIT={unit}") or self._journal(f"--unit={unit}")

    def doubt(self, status: Status | None, probed: bool) -> str:
        del status, probed
        return ""

    def _read_anew(self) -> None:
        """Have systemd know the unit as it lies on disk: as the next boot starts it."""
        if self._show().get("NeedDaemonReload") == "yes":
            self._run("systemctl", "daemon-reload")
            self.status()

    def _status(self, facts: dict[str, str]) -> Status:
        load = facts.get("LoadState", "unknown")
        if load != "loaded":
            remedy = REMEDIES.get(load, "What systemd makes of it is in `systemctl status`.")
            raise StrataError(f"systemd cannot use the unit '{self.options.name}': it is {load}. {remedy}")
        active, sub = facts.get("ActiveState", ""), facts.get("SubState", "")
        phase = "failed" if sub.startswith("auto-restart") else PHASES.get(active, "stopped")
        detail = f"{active}/{sub}"
        if phase in ("failed", "stopped"):
            detail += f", result {facts.get('Result')}, exit status {facts.get('ExecMainStatus')}"
        return Status(
            phase,
            detail,
            int(facts.get("MainPID") or 0) or None,
            facts.get("ExecMainStartTimestampMonotonic", ""),
            int(facts.get("NRestarts") or 0),
        )

    def _journal(self, match: str) -> list[str]:
        since = f"--since=@{self._restarted_at:.6f}"
        return self._run(
            "journalctl", "--no-pager", "--quiet", "--output=cat", "--lines=20", since, match
        ).splitlines()

    def _show(self) -> dict[str, str]:
        shown = self._run("systemctl", "show", f"--property={PROPERTIES}", "--", self.options.name)
        return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)

    def _run(self, *command: str) -> str:
        done = Command(
            command,
            self.options.timeout,
            name=f"`{' '.join(command[:2])}` for '{self.options.name}'",
            environment={"LC_ALL": "C"},
            # systemd does the work: ending its client would end nothing, and asking for that costs 2 ms each time.
            ends_with_parent=False,
            if_missing="This host does not run systemd: choose another service manager.",
            if_slow="Give it longer with the service's timeout, or shorten the unit's TimeoutStopSec= or TimeoutStartSec=.",
        ).run()
        if done.code:
            raise done.failure()
        return done.output


class Reloaded(Unit):
    """A unit that is told to reload: its main process stays, and what it starts anew is the new release."""

    def __init__(self, options: ServiceOptions) -> None:
        super().__init__(options)
        self._restarts: int | None = None

    def _status(self, facts: dict[str, str]) -> Status:
        status = super()._status(facts)
        # What a daemon-reload will make of the unit is seen by the status after it.
        if facts.get("CanReload") == "no" and facts.get("NeedDaemonReload") != "yes":
            raise StrataError(
                f"systemd cannot reload the unit '{self.options.name}': it has no ExecReload=. Give it one, or have"
                " it restarted, with the mode restart."
            )
        if self._restarts is None:
            return status
        restarts = status.restarts - self._restarts
        return replace(status, started=f"{status.started}, reloaded", restarts=restarts)

    def restart(self, stopped: Callable[[], None]) -> None:
        self._read_anew()
        before = self.status()
        if before.phase != "running":
            super().restart(stopped)
            return
        self._restarted_at = time.time()
        self._run("systemctl", "reload", "--", self.options.name)
        self._restarts = before.restarts

    def doubt(self, status: Status | None, probed: bool) -> str:
        del status, probed
        return (
            f"Whether '{self.options.name}' serves the new release cannot be told: it is reloaded and its main process"
            " stays. Give the health check a version_header."
        )
