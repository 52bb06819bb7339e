# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps unit tests pure: a test in this folder that starts a process or uses the network fails, and says why."""

from __future__ import annotations

import multiprocessing.util
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from fixtures.plugins import free_port

__all__ = ["free_port"]

PROCESSES = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "subprocess.Popen",
}
LOOPBACK = {None, "", "127.0.0.1", "::1", "localhost"}
ADVICE = "a unit test may not; move it to the same path under tests/functional (docs/testing.md)"


class Guard:
    """Watches the running test: Python reports each process and each connection to an audit hook."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._audit)
        # The one way to start a process that Python does not report.
        self._spawn = multiprocessing.util.spawnv_passfds  # type: ignore[attr-defined]
        multiprocessing.util.spawnv_passfds = self._spawn_process  # type: ignore[attr-defined]

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event in PROCESSES:
            command = arguments[1] if event == "subprocess.Popen" else arguments
            self._fail(f"{event} {command}: it starts a process, which {ADVICE}")
        elif event in ("socket.bind", "socket.connect"):
            address = arguments[1]
            # A string is the path of a UNIX socket.
            if isinstance(address, tuple) and address[0] not in LOOPBACK:
                self._fail(f"{event} {address}: it uses the network, which {ADVICE}")
        elif event == "socket.getaddrinfo" and arguments[0] not in LOOPBACK:
            self._fail(f"{event} {arguments[0]}: it uses the network, which {ADVICE}")

    def _spawn_process(self, path: Any, arguments: Any, descriptors: Any) -> Any:
        if self.on:
            self._fail(f"multiprocessing {path}: it starts a process, which {ADVICE}")
        return self._spawn(path, arguments, descriptors)

    def _fail(self, message: str) -> None:
        self.seen.append(message)
        pytest.fail(message, pytrace=False)


guard = Guard()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup() -> Iterator[None]:
    guard.seen.clear()
    guard.on = True
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    result = yield
    # What was raised in a thread, or was caught by the code under test, fails the test as well.
    if guard.seen:
        pytest.fail(guard.seen[0], pytrace=False)
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    try:
        return (yield)
    finally:
        guard.on = False
