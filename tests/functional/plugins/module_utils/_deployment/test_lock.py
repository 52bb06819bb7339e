# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.locks import M1, M2, dead, held_by, hold, holder

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment import journal
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import (
    ensure_absent,
    ensure_confirmed,
    ensure_held,
    read_deployment,
)

FORK = multiprocessing.get_context("fork")


def race(folder: Path, contenders: int) -> list[str]:
    """Let processes take the lock at one moment, all alive until the last has its answer; who got it."""
    barrier = FORK.Barrier(contenders)
    pipes: list[Connection] = []

    def contend(number: int, pipe: Connection) -> None:
        barrier.wait(20)
        try:
            result = ensure_held(folder, holder(f"run-{number}"))
            pipe.send(result.lock and result.lock.id)
        except StrataError:
            pipe.send(None)
        pipe.recv()

    children = []
    for number in range(contenders):
        ours, theirs = FORK.Pipe()
        pipes.append(ours)
        children.append(FORK.Process(target=contend, args=(number, theirs)))
        children[-1].start()
    winners = [pipe.recv() for pipe in pipes]
    for pipe, child in zip(pipes, children):
        pipe.send("end")
        child.join()
    return [winner for winner in winners if winner]


@pytest.mark.parametrize("stale", [False, True], ids=["free", "stale"])
def test_of_processes_that_race_exactly_one_wins(tmp_path: Path, stale: bool) -> None:
    for number in range(15):
        folder = tmp_path / str(number)
        if stale:
            ensure_held(folder, dead())
        winners = race(folder, 6)
        assert len(winners) == 1
        assert held_by(folder) == winners[0]


def killed_at(step: int, act: Callable[[Path], object], folder: Path) -> bool:
    """Run ``act`` in a process that kills itself just before its ``step``-th call to the file system."""

    def child() -> None:
        left = [step]
        for module, name in [
            *((os, name) for name in ("open", "link", "rename", "unlink", "fsync", "write", "fdopen")),
            (tempfile, "mkstemp"),
        ]:
            setattr(module, name, counted(getattr(module, name), left))
        act(folder)
        os._exit(0)

    def counted(call: Callable[..., Any], left: list[int]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped

    process = FORK.Process(target=child)
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def every_kill(
    tmp_path: Path, prepare: Callable[[Path], object], act: Callable[[Path], object]
) -> list[Path]:
    """A folder for each point at which ``act`` can be killed, as the kill leaves it."""
    folders: list[Path] = []
    while True:
        folder = tmp_path / str(len(folders))
        prepare(folder)
        folders.append(folder)
        if not killed_at(len(folders) - 1, act, folder):
            return folders


def own(folder: Path) -> object:
    return hold(folder, holder("killed"), drained=M2)


def test_killed_while_taking_a_free_lock_the_next_one_gets_it(tmp_path: Path) -> None:
    folders = every_kill(tmp_path, lambda folder: folder.mkdir(), own)
    assert len(folders) > 8
    for folder in folders:
        unfinished = ensure_held(folder, holder("next")).unfinished
        assert unfinished is None or unfinished.id == "killed"
        assert read_deployment(folder, 0).drained in ({}, M2)
        assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".")) == [".guard"]
    assert unfinished is not None
    assert read_deployment(folder, 0).drained == M2


def test_killed_while_taking_over_what_was_drained_is_still_known(tmp_path: Path) -> None:
    folders = every_kill(tmp_path, lambda folder: hold(folder, dead(), drained=M1), own)
    assert len(folders) > 8
    for folder in folders:
        result = ensure_held(folder, holder("next"))
        assert result.unfinished is not None
        assert result.unfinished.id in ("dead", "killed")
        assert result.drained["lb1"]["m1"] == M1["lb1"]["m1"]


def test_killed_while_releasing_the_lock_goes_last(tmp_path: Path) -> None:
    def release(folder: Path) -> object:
        return ensure_absent(folder, dead("killed"), restored={"lb1": ["m1"]}, journal={"verdict": "passed"})

    folders = every_kill(tmp_path, lambda folder: hold(folder, dead("killed"), drained=M1), release)
    assert len(folders) > 5
    for folder in folders:
        if held_by(folder) is None:
            assert [entry["verdict"] for entry in journal.tail(folder, 9)] == ["passed"]
            assert read_deployment(folder, 0).drained == {}
        assert ensure_held(folder, holder("next")).lock is not None
    assert held_by(folder) == "next"


def test_killed_while_breaking_a_lock_the_journal_has_it_before_the_lock_changes_hands(
    tmp_path: Path,
) -> None:
    def break_lock(folder: Path) -> object:
        return ensure_held(folder, dead("killed"), break_id="two")

    folders = every_kill(tmp_path, lambda folder: hold(folder, holder("two"), drained=M1), break_lock)
    assert len(folders) > 5
    for folder in folders:
        found = read_deployment(folder, 9)
        assert found.drained == M1
        assert held_by(folder) == "two" or [entry["id"] for entry in found.journal] == ["two"]
    assert held_by(folder) == "killed"


def test_killed_while_recording_each_member_is_still_known(tmp_path: Path) -> None:
    run = dead()

    def record(folder: Path) -> object:
        return ensure_confirmed(folder, run, drained=M2, restored={"lb1": ["m1"]}, note="Fleet")

    after = {"lb1": M2["lb1"], "lb2": M2["lb2"]}
    folders = every_kill(tmp_path, lambda folder: hold(folder, run, drained=M1), record)
    assert len(folders) > 5
    for folder in folders:
        assert read_deployment(folder, 0).drained in (M1, after)
        assert held_by(folder) == "dead"
    assert read_deployment(folder, 0).drained == after
