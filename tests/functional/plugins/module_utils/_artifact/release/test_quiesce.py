# SPDX-License-Identifier: GPL-3.0-or-later
"""Quiesce commands in activations and rollbacks, as real processes."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.release import PLAIN, current, states

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import (
    layout,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

HOOK = "import pathlib, sys; sys.stdout.write(sys.argv[2]); pathlib.Path(sys.argv[1]).open('a').write('x'); sys.exit(int(sys.argv[3]))"


def test_quiesce_runs_only_when_a_release_is_left(
    root: Path, tmp_path: Path, stage: Callable[..., Any]
) -> None:
    mark = tmp_path / "mark"
    how = Activation(quiesce=(sys.executable, "-c", HOOK, str(mark), "", "0"))
    stage("1.0")
    ensure_active(str(root), "1.0", how)
    assert not mark.exists()
    ensure_active(str(root), "1.0", how)
    stage("2.0")
    ensure_active(str(root), "2.0", how, check_mode=True)
    assert not mark.exists()
    ensure_active(str(root), "2.0", how)
    assert mark.read_text() == "x"


@pytest.mark.parametrize(
    ("hook", "timeout", "why"),
    [
        (
            (sys.executable, "-c", HOOK, "/dev/null", "busy at http://u:pw@h/", "3"),
            60,
            r"failed with exit code 3: busy at http://\*\*\*@h/",
        ),
        (("/nowhere/hook",), 60, "could not be run: No such file"),
        ((sys.executable, "-c", "import time; time.sleep(60)"), 0.2, "did not end within 0.2 s"),
    ],
    ids=["fails", "missing", "hangs"],
)
def test_a_quiesce_that_fails_stops_an_activation_which_leaves_no_trace(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    hook: tuple[str, ...],
    timeout: float,
    why: str,
) -> None:
    deploy("1.0")
    stage("2.0")
    how = Activation(quiesce=hook, quiesce_timeout=timeout)
    started = time.monotonic()
    with pytest.raises(StrataError, match=why) as raised:
        ensure_active(str(root), "2.0", how)
    assert time.monotonic() - started < 30
    assert raised.value.details == {"version": "2.0", "previous": None, "state": "staged"}
    assert (current(root), describe(str(root)).pending) == ("1.0", None)
    back = ensure_rolled_back(str(root), "1.0", how)
    assert (back.version, back.changed) == ("1.0", False)
    assert states(root) == {"1.0": "good", "2.0": "staged"}


BROKEN_HOOK = Activation(quiesce=("/nowhere/hook",))


def test_a_quiesce_that_fails_does_not_stop_the_way_back(root: Path, deploy: Callable[..., Any]) -> None:
    deploy("1.0", "2.0")
    back = ensure_rolled_back(str(root), None, BROKEN_HOOK)
    assert (back.version, back.previous, back.changed) == ("1.0", "2.0", True)
    assert len(back.warnings) == 1


@pytest.mark.parametrize(
    ("version", "pending"), [("2.0", None), ("3.0", "2.0")], ids=["the same", "another one"]
)
def test_a_quiesce_that_fails_ends_an_unfinished_activation_of_the_same_version_only(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    version: str,
    pending: str | None,
) -> None:
    deploy("1.0")
    stage("2.0")
    stage("3.0")
    undo = kill_at(layout.Layout, "switch", 1)
    with pytest.raises(killed):
        ensure_active(str(root), "2.0", PLAIN)
    undo()
    with pytest.raises(StrataError, match="Nothing was switched"):
        ensure_active(str(root), version, BROKEN_HOOK)
    left = describe(str(root)).pending
    assert (left and left["version"]) == pending
