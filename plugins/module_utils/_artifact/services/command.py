# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Anything else that runs services, by commands of the operator's own.

The exit codes of a status command, where it follows them: https://refspecs.linuxfoundation.org/LSB_5.0.0/LSB-Core-generic/LSB-Core-generic/iniscrptact.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Callable, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    SHARED,
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import command, processes
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

RUNNING, STOPPED = 0, 3
SHOWN = 300
"""Characters of a status command's output, the last ones, that are the status's detail."""


class Command:
    """A service that is restarted, and where they are given asked and heard, by commands run in the current release."""

    NAME: ClassVar[str] = "command"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "commands": {
            "type": "dict",
            "required": True,
            "options": {
                "restart": {"type": "list", "elements": "str", "required": True},
                "status": {"type": "list", "elements": "str"},
                "log": {"type": "list", "elements": "str"},
            },
        },
    }

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self._commands: Mapping[str, tuple[str, ...]] = {
            verb: tuple(words) for verb, words in options.own["commands"].items() if words
        }

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        return cls(options)

    def validate(self) -> None:
        if "restart" not in self._commands:
            raise StrataError("The service manager command needs commands.restart, a list of words.")

    def status(self) -> Status:
        if "status" not in self._commands:
            return Status("unknown", "no status command")
        done = self._run("status")
        phase = {RUNNING: "running", STOPPED: "stopped"}.get(done.code, "failed")
        first = done.output.split(maxsplit=1)[:1]
        pid = int(first[0]) if phase == "running" and first and first[0].isdecimal() else None
        started = str(processes.started(pid)) if pid else ""
        printed = " ".join(done.output.split())[-SHOWN:]
        detail = f"{phase}, exit code {done.code}" + (f": {printed}" if printed else "")
        return Status(phase, detail, pid, started)

    def restart(self, stopped: Callable[[], None]) -> None:
        done = self._run("restart")
        if done.code:
            raise done.failure()

    def log_tail(self) -> list[str]:
        return self._run("log").output.splitlines()[-20:] if "log" in self._commands else []

    def doubt(self, status: Status | None, probed: bool) -> str:
        if status and status.pid:
            return ""
        if not probed and "status" not in self._commands:
            return f"Whether '{self.options.name}' runs cannot be told: give it a status command, or a health check."
        return (
            f"Whether '{self.options.name}' was restarted cannot be told: have its status command print the process id first,"
            " or give the health check a version_header."
        )

    def _run(self, verb: str) -> command.Result:
        words = self._commands[verb]
        return command.Command(
            words,
            self.options.timeout,
            name=f"The {verb} command {words[0]} of service '{self.options.name}'",
            # Before the first release there is no current one.
            folder=self.options.folder if os.path.isdir(self.options.folder) else "/",
            environment={"STRATA_VERSION": self.options.version},
        ).run(merge=True, limit=command.TAIL_LIMIT)
