# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything else that runs services, by commands of the operator's own.

The exit codes of a status command, where it follows them: https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html
"""

from __future__ import annotations

import os
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import hooks, processes
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

RUNNING, STOPPED = 0, 3


class Command:
    """A service that is restarted, and where they are given asked and heard, by commands run in the current release."""

    NAME = "command"

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options

    def validate(self) -> None:
        if not self.options.commands.get("restart"):
            raise StrataError("The service manager command needs commands.restart, a list of words.")
        if self.options.address:
            raise StrataError("The service manager command takes no address.")

    def status(self) -> Status:
        if not self.options.commands.get("status"):
            return Status("unknown", "no status command")
        ended = self._run("status")
        phase = {RUNNING: "running", STOPPED: "stopped"}.get(ended.code, "failed")
        first = ended.output.split(maxsplit=1)[:1]
        pid = int(first[0]) if phase == "running" and first and first[0].isdecimal() else None
        started = str(processes.started(pid)) if pid else ""
        return Status(phase, f"{phase}, exit code {ended.code}{ended.said}", pid, started)

    def restart(self, stopped: Callable[[], None]) -> None:
        ended = self._run("restart")
        if ended.code:
            raise StrataError(
                f"The restart command {self.options.commands['restart'][0]} of service '{self.options.name}'"
                f" failed with {ended.code}{ended.said or '.'}"
            )

    def log_tail(self) -> list[str]:
        return self._run("log").output.splitlines()[-20:] if self.options.commands.get("log") else []

    def _run(self, verb: str) -> hooks.Ended:
        return hooks.run(
            self.options.commands[verb],
            self.options.timeout,
            name=f"{verb} command",
            # Before the first release there is no current one.
            folder=self.options.folder if os.path.isdir(self.options.folder) else "/",
            environment={"STRATA_VERSION": self.options.version},
        )
