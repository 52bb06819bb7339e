# SPDX-License-Identifier: GPL-3.0-or-later
"""Against real commands: a script that runs a process of its own, as operators have them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SCRIPT = """#!/bin/sh
cd "$(dirname "$0")"
case $1 in
restart)
    test -e pid && kill "$(cat pid)"
    echo "$STRATA_VERSION in $OLDPWD" >> log
    sleep 60 >/dev/null 2>&1 </dev/null &
    echo $! > pid ;;
status) test -e pid && kill -0 "$(cat pid)" 2>/dev/null || exit 3; cat pid; echo up ;;
log) cat log ;;
esac
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "own" / "control"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    path.chmod(0o755)
    yield path
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((path.parent / "pid").read_text()), signal.SIGKILL)


@pytest.fixture
def service(script: Path, tmp_path: Path) -> Command:
    commands = {verb: (str(script), verb) for verb in ("restart", "status", "log")}
    return Command(
        ServiceOptions(
            "command",
            "shop",
            timeout=10,
            min_uptime=0,
            own={"commands": commands},
            version="2.0",
            folder=str(tmp_path),
        )
    )


def with_commands(timeout: float = 10, **commands: str) -> Command:
    words = {verb: ("sh", "-c", text) for verb, text in commands.items()}
    return Command(ServiceOptions("command", "shop", timeout=timeout, own={"commands": words}))


def test_a_restart_runs_in_the_current_release_and_knows_its_version(
    service: Command, tmp_path: Path
) -> None:
    former = service.status()
    assert (former.phase, former.detail) == ("stopped", "stopped, exit code 3")
    service.restart(lambda: None)
    first = Watch(service, former).running(5)
    assert (first.phase, first.detail) == ("running", f"running, exit code 0: {first.pid} up")
    service.restart(lambda: None)
    second = Watch(service, first).running(5)
    assert second.pid != first.pid
    assert service.log_tail() == [f"2.0 in {tmp_path}"] * 2


def test_a_process_that_was_not_restarted_is_noticed(service: Command) -> None:
    service.restart(lambda: None)
    with pytest.raises(StrataError, match=r"'shop' was not restarted: process .* is still the old one"):
        Watch(service, service.status()).alive()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("exit 0", Status("running", "running, exit code 0")),
        ("echo run: shop; exit 0", Status("running", "running, exit code 0: run: shop")),
        ("echo dead; exit 1", Status("failed", "failed, exit code 1: dead")),
        ("exit 3", Status("stopped", "stopped, exit code 3")),
        ("exit 32", Status("failed", "failed, exit code 32")),
    ],
)
def test_a_status_is_told_by_the_exit_code(text: str, status: Status) -> None:
    assert with_commands(restart="exit 0", status=text).status() == status


def test_without_a_status_command_nothing_is_claimed_nor_waited_for() -> None:
    service = with_commands(restart="exit 0")
    assert service.status() == Status("unknown", "no status command")
    began = time.monotonic()
    assert Watch(service, service.status()).running(5).phase == "unknown"
    assert time.monotonic() - began < service.options.min_uptime
    assert service.log_tail() == []


def test_a_restart_that_fails_is_an_error_with_its_last_output() -> None:
    with pytest.raises(
        StrataError, match="restart command sh of service 'shop' failed with exit code 4: no pg://"
    ) as raised:
        with_commands(restart="echo no pg://u:s3cret@db; exit 4").restart(lambda: None)
    assert "s3cret" not in str(raised.value)


def test_a_command_that_cannot_be_run_is_an_error() -> None:
    service = Command(
        ServiceOptions("command", "shop", own={"commands": {"restart": ("/nowhere/sv", "s3cret")}})
    )
    with pytest.raises(
        StrataError,
        match=r"restart command /nowhere/sv of service .shop. could not be run in /: No such file",
    ) as raised:
        service.restart(lambda: None)
    assert "s3cret" not in str(raised.value)


def test_a_command_that_takes_too_long_ends_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    service = with_commands(0.5, restart=f"sleep 60 & echo $! $$ > {pids}; wait")
    with pytest.raises(StrataError, match=r"did not end within 0\.5 s and was ended"):
        service.restart(lambda: None)
    deadline = time.monotonic() + 10
    for pid in pids.read_text().split():
        while Path(f"/proc/{pid}/stat").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
