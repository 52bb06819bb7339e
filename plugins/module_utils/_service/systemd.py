# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""systemd units, through systemctl.

The properties: https://www.freedesktop.org/software/systemd/man/org.freedesktop.systemd1.html
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils import _url
from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import ServiceOptions, Status

PROPERTIES = "LoadState,ActiveState,SubState,MainPID,ExecMainStartTimestampMonotonic,Result,ExecMainStatus"
PHASES = {"active": "running", "reloading": "running", "activating": "starting", "failed": "failed"}


class Systemd:
    """One unit of the system's systemd."""

    NAME = "systemd"

    def __init__(self, options: ServiceOptions) -> None:
        self._options = options
        self._restarted_at = time.time()

    def validate(self) -> None:
        if self._options.address:
            raise StrataError("The service manager systemd takes no address.")
        if not re.fullmatch(r"[A-Za-z0-9_@][A-Za-z0-9:_.\\@-]*", self._options.name):
            raise StrataError(f"'{self._options.name}' is not the name of a systemd unit.")

    def status(self) -> Status:
        shown = self._run("systemctl", "show", f"--property={PROPERTIES}", "--", self._options.name)
        facts = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        if facts.get("LoadState") != "loaded":
            raise StrataError(
                f"systemd cannot use the unit '{self._options.name}': it is {facts.get('LoadState', 'unknown')}."
                " Install it, run `systemctl daemon-reload`, or mend the name."
            )
        active, sub = facts.get("ActiveState", ""), facts.get("SubState", "")
        phase = "failed" if sub == "auto-restart" else PHASES.get(active, "stopped")
        detail = f"{active}/{sub}"
        if phase in ("failed", "stopped"):
            detail += f", result {facts.get('Result')}, exit status {facts.get('ExecMainStatus')}"
        pid = int(facts.get("MainPID") or 0)
        return Status(phase, detail, pid or None, facts.get("ExecMainStartTimestampMonotonic", ""))

    def restart(self, stopped: Callable[[], None]) -> None:
        # With KillMode=process or none, children of the old process outlive the stop.
        self._run("systemctl", "stop", "--", self._options.name)
        stopped()
        self._restarted_at = time.time()
        self._run("systemctl", "start", "--", self._options.name)

    def log_tail(self) -> list[str]:
        since = f"--since=@{int(self._restarted_at)}"
        return self._run(
            "journalctl", "--no-pager", "--output=cat", "--lines=20", since, f"--unit={self._options.name}"
        ).splitlines()

    def _run(self, *command: str) -> str:
        tried = f"`{' '.join(command[:2])}` for '{self._options.name}'"
        try:
            done = subprocess.run(  # noqa: S603 (a fixed program; the unit's name was validated)
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=self._options.timeout,
                env={**os.environ, "LC_ALL": "C"},
                check=False,
            )
        except FileNotFoundError:
            raise StrataError(f"{tried} failed: there is no {command[0]} on this host.") from None
        except subprocess.TimeoutExpired:
            raise StrataError(
                f"{tried} did not end within {self._options.timeout:g} s; the service's timeout is its limit."
            ) from None
        if done.returncode != 0:
            raise StrataError(f"{tried} failed with {done.returncode}: {_url.masked(done.stderr.strip())}")
        return done.stdout
