# SPDX-License-Identifier: GPL-3.0-or-later
"""Real child processes, and how they end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import child_process
from ansible_collections.strata.deploy.plugins.module_utils._core.child_process import DEVNULL, ChildProcess

PARENT = """
import sys
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
words = ("sh", "-c", "echo $$ > child; exec sleep 60")
Command(words, 60, folder=sys.argv[1], ends_with_parent=sys.argv[2] == "True").run()
"""


def start(script: str, folder: Path) -> ChildProcess:
    return ChildProcess(
        ("sh", "-c", script),
        folder=folder,
        environment=os.environ,
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=DEVNULL,
    )


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", -9)])
@pytest.mark.parametrize("has_pidfd", [True, False])
def test_its_exit_code_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, code: int, has_pidfd: bool
) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    assert start(script, tmp_path).wait(20) == code


@pytest.mark.parametrize("has_pidfd", [True, False])
def test_a_wait_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_pidfd: bool) -> None:
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    child = start("exec sleep 60", tmp_path)
    assert child.wait(0.05) is None
    assert child.end()
    assert child.wait(20) == -signal.SIGTERM


def test_it_ends_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pid_in: Any, is_gone: Any, until: Any
) -> None:
    monkeypatch.setattr(child_process, "GRACE", 0.2)
    deaf = "trap '' TERM; sh -c \"trap '' TERM; echo \\$\\$ > grandchild; while :; do sleep 1; done\" & wait; sleep 60"
    child = start(deaf, tmp_path)
    grandchild = pid_in(tmp_path / "grandchild")
    assert child.end()
    until(lambda: is_gone(grandchild), "the grandchild has ended")


def test_what_is_behind_a_shell_can_clean_up(tmp_path: Path, pid_in: Any) -> None:
    tidy = "trap 'sleep 0.2; touch tidied; exit' TERM; echo $$ > grandchild; while :; do sleep 0.05; done"
    (tmp_path / "tidy").write_text(tidy)
    child = start("sh tidy & wait", tmp_path)
    pid_in(tmp_path / "grandchild")
    assert child.end()
    assert (tmp_path / "tidied").exists()


def test_it_is_said_where_it_may_not_be_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_group: int, _number: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    child = start("exec sleep 60", tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "killpg", refuse)
        assert not child.end()
    assert child.end()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can")
@pytest.mark.parametrize("ends", [True, False])
def test_it_ends_with_its_killed_parent_unless_it_is_not_to(
    tmp_path: Path, pid_in: Callable[[Path], int], is_gone: Any, until: Any, ends: bool
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path), str(ends)], env=environment)
    try:
        child = pid_in(tmp_path / "child")
    finally:
        parent.kill()
        parent.wait()
    if ends:
        until(lambda: is_gone(child), "the child has ended")
    else:
        assert not is_gone(child)
        os.kill(child, signal.SIGKILL)


def test_waiting_costs_no_polling(tmp_path: Path) -> None:
    """A command of some milliseconds is seen to end at once, not at the next look."""
    if not hasattr(os, "pidfd_open"):
        pytest.skip("this Python cannot")
    child = start("sleep 0.2", tmp_path)
    before = time.process_time()
    assert child.wait(20) == 0
    assert time.process_time() - before < 0.05
