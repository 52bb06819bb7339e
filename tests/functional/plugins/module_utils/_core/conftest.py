# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching the processes that a test starts."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

import pytest

LONGEST = 20.0


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    """Wait for a condition, not for ever."""

    def wait(done: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONGEST
        while not done():
            assert time.monotonic() < deadline, f"waited {LONGEST} s in vain until {what}"
            time.sleep(0.01)

    return wait


@pytest.fixture
def pid_in(until: Callable[[Callable[[], bool], str], None]) -> Callable[[Path], int]:
    """The process number that a command wrote into a file."""

    def read(path: Path) -> int:
        until(lambda: path.exists() and path.read_text().endswith("\n"), f"{path.name} is written")
        return int(path.read_text())

    return read


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Whether a process has ended."""

    def look(pid: int) -> bool:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
        except OSError:
            return True

    return look
