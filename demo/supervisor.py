# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process supervisor: its configuration, and the few calls that the demo makes itself."""

from __future__ import annotations

import http.client
import os
import shlex
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from demo.state import DemoError

UNREACHABLE = (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError)


@dataclass(frozen=True)
class Program:
    """One program of supervisord; a deployment, not supervisord, starts those without ``autostart``."""

    name: str
    command: tuple[str, ...]
    directory: Path
    autostart: bool
    user: str | None = None
    stop_signal: str = "TERM"


def render(programs: Iterable[Program], *, socket: Path, logs: str) -> str:
    """supervisord.conf for these programs (http://supervisord.org/configuration.html).

    ``logs`` is relative to the folder that supervisord starts in, for it expands percent signs in these paths twice.
    """
    sections: dict[str, dict[str, str]] = {
        "unix_http_server": {"file": _literal(socket), "chmod": "0700"},
        "supervisord": {
            "nodaemon": "true",
            "silent": "true",
            "logfile": f"{logs}/supervisord.log",
            "pidfile": "supervisord.pid",
            "childlogdir": logs,
            **({"user": "root"} if os.geteuid() == 0 else {}),
        },
        "rpcinterface:supervisor": {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        },
    }
    for program in programs:
        sections[f"program:{program.name}"] = {
            "command": _literal(shlex.join(program.command)),
            "directory": _literal(program.directory),
            "autostart": str(program.autostart).lower(),
            "autorestart": "true",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": "15",
            "stdout_logfile": f"{logs}/{program.name}.out.log",
            "stderr_logfile": f"{logs}/{program.name}.err.log",
            **({"user": program.user} if program.user else {}),
        }
    return "\n".join(
        f"[{name}]\n" + "".join(f"{key} = {value}\n" for key, value in options.items())
        for name, options in sections.items()
    )


def _literal(value: str | Path) -> str:
    """Keep supervisord from reading a percent sign as one of its expansions."""
    return str(value).replace("%", "%%")


def connect(socket: Path) -> Any:
    """The ``supervisor`` namespace of the XML-RPC interface (http://supervisord.org/api.html)."""
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    return xmlrpc.client.ServerProxy("http://127.0.0.1", transport).supervisor


def answers(socket: Path) -> bool:
    try:
        return bool(connect(socket).getState()["statename"] == "RUNNING")
    except (*UNREACHABLE, xmlrpc.client.Fault):
        return False


def launch(conf: Path, socket: Path, directory: Path, environment: Mapping[str, str], log: Path) -> None:
    """Start supervisord in a session of its own, so that a Ctrl-C here does not reach the fleet.

    Raises:
        DemoError: it ended, or does not answer.
    """
    with open(log, "ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(conf)],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + 15
    while not answers(socket):
        if process.poll() is not None or time.monotonic() > deadline:
            raise DemoError(f"supervisord did not start; the end of {log}:\n{tail(log)}")
        time.sleep(0.02)


def start(socket: Path, names: Iterable[str]) -> None:
    """Start the programs that do not run."""
    supervisor = connect(socket)
    idle = {"STOPPED", "EXITED", "FATAL"}
    for name in names:
        if supervisor.getProcessInfo(name)["statename"] in idle:
            supervisor.startProcess(name, False)


def stop(socket: Path, names: Iterable[str], timeout: float = 20.0) -> None:
    """Stop the programs, all at once, and wait until they have ended."""
    supervisor = connect(socket)
    names = list(names)
    ended = {"STOPPED", "EXITED", "FATAL"}
    for name in names:
        if supervisor.getProcessInfo(name)["statename"] not in ended:
            supervisor.stopProcess(name, False)
    deadline = time.monotonic() + timeout
    while left := [name for name in names if supervisor.getProcessInfo(name)["statename"] not in ended]:
        if time.monotonic() > deadline:
            raise DemoError(f"supervisord could not stop {', '.join(left)} within {timeout:.0f} s.")
        time.sleep(0.05)


def tail(path: Path, lines: int = 8) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return str(error)
    return "\n".join(text.splitlines()[-lines:])
