# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds and ends the demo's own processes, whatever became of their parent; never by name alone."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

from demo.state import DemoError

# In the environment of all that supervisord runs, and of what a run of the demo starts beside it.
FLEET_MARK = "STRATA_DEMO"
RUN_MARK = "STRATA_DEMO_RUN"


def marked(mark: str, directory: Path) -> list[psutil.Process]:
    """Processes that carry the mark of the demo in this directory; PostgreSQL has its own question.

    The working directory is looked at too, for it follows a checkout that was moved.
    """
    return [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] != "postgres"
        and (value := _environment(process).get(mark)) is not None
        and (value == str(directory) or _works_in(process, directory))
    ]


def postgres(data: Path) -> list[psutil.Process]:
    """The PostgreSQL server on this data directory, without its children: the server ends those itself.

    Its environment cannot be read, for it writes titles over it.
    """
    family = {
        process.pid: process
        for process in psutil.process_iter(["name", "ppid"])
        if process.info["name"] == "postgres" and _works_in(process, data)
    }
    return [process for process in family.values() if process.info["ppid"] not in family]


def end(processes: Iterable[psutil.Process], patience: float = 20.0) -> None:
    """Ask the processes to end, wait for them, and kill those that do not.

    Raises:
        DemoError: a process is still there.
    """
    left = list(processes)
    for process in left:
        try:
            # To PostgreSQL the interrupt is the fast shutdown; the other one would wait for its clients.
            process.send_signal(signal.SIGINT if process.name() == "postgres" else signal.SIGTERM)
        except psutil.NoSuchProcess:
            continue
    left = _wait(left, patience)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    left = _wait(left, 5.0)
    if left:
        raise DemoError(
            f"Processes {[process.pid for process in left]} of the demo do not end, not even killed."
        )


def _wait(processes: list[psutil.Process], timeout: float) -> list[psutil.Process]:
    deadline = time.monotonic() + timeout
    while processes and time.monotonic() < deadline:
        processes = [process for process in processes if _lives(process)]
        if processes:
            time.sleep(0.05)
    return processes


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):
        return {}


def _works_in(process: psutil.Process, directory: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(directory)
    except (psutil.Error, OSError):
        return False
