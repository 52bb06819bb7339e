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
from pathlib import Path
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import (
    systemd_dependents as dependents,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    POLL,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_dependents import Facts
from ansible_collections.strata.deploy.plugins.module_utils._core import processes
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import read_json, write_json
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PROPERTIES = (
    *dependents.PROPERTIES,
    *dependents.STARTED_BY,
    "CanReload",
    "ControlGroup",
    "ExecMainStartTimestampMonotonic",
    "ExecMainStatus",
    "MainPID",
    "NRestarts",
    "NeedDaemonReload",
    "RemainAfterExit",
    "Result",
    "SubState",
    "Type",
)
OTHER_TYPES = (
    "automount",
    "device",
    "mount",
    "path",
    "scope",
    "slice",
    "socket",
    "swap",
    "target",
    "timer",
)
"""The types of units that have no main process. systemd takes a name without any type for a service."""
EXITED = "active/exited"
"""The status of a service that has no process any more, and remains active."""
NAME = r"[A-Za-z0-9_][A-Za-z0-9:_.\\-]*"
"""The pattern of a unit's name, without what follows an @."""
NOTES = "systemd.json"
"""The file that names the units which were stopped together with the service, until the new process is up."""
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
        self._notes = Path(options.notes, NOTES) if options.notes else None

    def validate(self) -> None:
        name = self.options.name
        if not re.fullmatch(rf"{NAME}(@[A-Za-z0-9:_.\\@-]*)?", name):
            raise StrataError(f"'{name}' is not the name of a systemd unit.")
        kind = name.rpartition(".")[2]
        if kind in OTHER_TYPES:
            raise StrataError(
                f"The unit '{name}' is a {kind}, which has no process that could be watched. Name the service"
                " that runs the release; units that are bound to it (PartOf=, BindsTo=, Requires=) are restarted with it."
            )
        if re.fullmatch(r"[^@]*@(\.service)?", name):
            raise StrataError(
                f"The unit '{name}' is a template. Name one instance of it, or choose the mode instances, in which each"
                " release is an instance."
            )

    def status(self) -> Status:
        return self._status(self._show())

    def restart(self, stopped: Callable[[], None]) -> None:
        facts = self._read_anew()
        bound = dependents.stopped_with(facts, self._show_all)
        callers = dependents.started_by(facts, self._show_all)
        is_woken = any(map(dependents.is_up, callers))
        former = processes.in_control_group(facts.get("ControlGroup", "")) if is_woken else {}
        bound = self._note(bound)
        self._run("systemctl", "stop", "--", self.options.name)
        self._restarted_at = time.time()
        if bound:
            # They are being stopped; systemd may refuse to be asked for it.
            with contextlib.suppress(StrataError):
                self._run("systemctl", "stop", "--", *bound)
        if is_woken:
            # Whoever calls has the new process started, the probe for silence too.
            self._expect_ended(former)
        else:
            # With KillMode=process or none, children of the old process outlive the stop.
            stopped()
        bound = [each["Id"] for each in self._show_all(bound) if dependents.can_start(each)]
        # A socket fails when a release crashes over and over. It has to listen before the service is started.
        first = [each["Id"] for each in callers if each.get("ActiveState") == "failed" or each["Id"] in bound]
        units = list(dict.fromkeys([*first, self.options.name, *bound]))
        # A release that crashed over and over has used up the starts that systemd allows within some seconds
        # (StartLimitBurst=); the next one is not to pay for it. Of a unit that has nothing to reset it is an error.
        with contextlib.suppress(StrataError):
            self._run("systemctl", "reset-failed", "--", *units)
        self._run("systemctl", "start", "--", *units)

    def finish(self) -> None:
        if self._notes:
            self._notes.unlink(missing_ok=True)

    def log_tail(self) -> list[str]:
        with contextlib.suppress(StrataError):
            # What the process wrote last may be on its way to the journal still.
            self._run("journalctl", "--sync")
        unit = self._show().get("Id", self.options.name)
        # Its own words; where it found none, those of systemd about it.
        return self._journal(f"_SYSTEMD_UNIT={unit}") or self._journal(f"--unit={unit}")

    def doubt(self, status: Status | None, probed: bool) -> str:
        if probed or status is None or status.detail != EXITED:
            return ""
        return (
            f"Whether '{self.options.name}' runs cannot be told: its process has ended, and systemd counts it as active all the"
            " same (RemainAfterExit=). Give it a health check."
        )

    def _read_anew(self) -> Facts:
        """Have systemd know the unit as it lies on disk: as the next boot starts it."""
        facts = self._show()
        if facts.get("NeedDaemonReload") == "yes":
            self._run("systemctl", "daemon-reload")
            facts = self._show()
            self._status(facts)
        return facts

    def _note(self, bound: list[str]) -> list[str]:
        """Write down which units are about to be stopped with this one, and return all that have to be started again.

        Those of an earlier restart are among them if it was not `finish`ed: nothing else has started them since.
        """
        if not self._notes:
            return bound
        former = read_json(self._notes, {})
        if former.get("unit") == self.options.name:
            bound = list(dict.fromkeys([*bound, *former["bound"]]))
        if bound:
            write_json(self._notes, {"unit": self.options.name, "bound": bound})
        return bound

    def _expect_ended(self, former: dict[int, int]) -> None:
        """Wait for the end of the old processes, which may accept from the same socket as the new ones."""
        deadline = time.monotonic() + self.options.timeout
        while True:
            left = [pid for pid, since in former.items() if processes.is_running(pid, since)]
            if not left:
                return
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"The process {left[0]} of '{self.options.name}' still runs after the service was stopped, and may"
                    " answer for the new release. End it, and let systemd end such processes with KillMode=mixed in the unit."
                )
            time.sleep(POLL)

    def _status(self, facts: Facts) -> Status:
        load = facts.get("LoadState", "unknown")
        if load != "loaded":
            remedy = REMEDIES.get(load, "What systemd makes of it is in `systemctl status`.")
            raise StrataError(f"systemd cannot use the unit '{self.options.name}': it is {load}. {remedy}")
        # What a daemon-reload will make of the unit is seen by the status after it.
        is_read = facts.get("NeedDaemonReload") != "yes"
        if is_read and facts.get("Type") == "oneshot" and facts.get("RemainAfterExit") == "no":
            raise StrataError(
                f"The unit '{self.options.name}' cannot be watched: it is of Type=oneshot and does not stay active once it has run."
                " Give it RemainAfterExit=yes; or choose the service manager none, if something else starts it, a timer for instance."
            )
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

    def _show(self) -> Facts:
        found = self._show_all([self.options.name], PROPERTIES)
        return found[0] if found else {}

    def _show_all(self, names: list[str], properties: tuple[str, ...] = dependents.PROPERTIES) -> list[Facts]:
        if not names:
            return []
        return dependents.units(
            self._run("systemctl", "show", f"--property={','.join(properties)}", "--", *names)
        )

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

    def _status(self, facts: Facts) -> Status:
        status = super()._status(facts)
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
