# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollback without a service and without hooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.release import PLAIN, current, states

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import (
    activation,
    layout,
    removal,
    rollback,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def sick(free_port: int) -> Activation:
    """No one answers on its health URL."""
    return Activation(health=HealthCheck(f"http://127.0.0.1:{free_port}/", timeout=0.01, interval=0.01))


def test_rolling_back_passes_over_bad_and_never_active_releases(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any]
) -> None:
    deploy("1.0", "2.0", "3.0")
    stage("3.1")
    assert ensure_rolled_back(str(root), None, PLAIN, reason="slow orders").version == "2.0"
    assert describe(str(root)).releases[1]["reason"] == "slow orders"
    assert ensure_rolled_back(str(root), None, PLAIN).version == "1.0"
    with pytest.raises(StrataError, match="no earlier good release"):
        ensure_rolled_back(str(root), None, PLAIN)
    assert current(root) == "1.0"


def test_the_last_good_release_is_the_one_activated_last_not_the_highest(
    root: Path, deploy: Callable[..., Any]
) -> None:
    deploy("2.0", "1.0", "3.0")
    assert describe(str(root)).rollback_target == "1.0"


@pytest.mark.parametrize(
    ("version", "why"),
    [("9.0", "no release 9.0"), ("3.1", "never active"), ("2.0", r"marked bad \(Rolled back\.\)")],
)
def test_a_rollback_target_must_have_been_good(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any], version: str, why: str
) -> None:
    deploy("1.0", "2.0")
    stage("3.1")
    ensure_rolled_back(str(root), None, PLAIN)
    with pytest.raises(StrataError, match=why):
        ensure_rolled_back(str(root), version, PLAIN)


def test_rolling_back_to_a_version_twice_changes_nothing(root: Path, deploy: Callable[..., Any]) -> None:
    deploy("1.0", "2.0", "3.0")
    assert ensure_rolled_back(str(root), "1.0", PLAIN).changed
    again = ensure_rolled_back(str(root), "1.0", PLAIN)
    assert (again.changed, again.previous) == (False, None)
    assert states(root) == {"1.0": "good", "2.0": "good", "3.0": "bad"}


def test_a_rollback_that_fails_keeps_its_target_good_and_is_taken_up_again(
    root: Path, deploy: Callable[..., Any], sick: Activation
) -> None:
    deploy("1.0", "2.0", "3.0")
    with pytest.raises(StrataError, match=r"Rolling back to 2\.0") as raised:
        ensure_rolled_back(str(root), None, sick, reason="slow")
    assert (raised.value.details["state"], raised.value.details["changed"]) == ("good", True)
    pending = describe(str(root)).pending
    assert pending
    assert (pending["act"], pending["version"], pending["previous"]) == ("roll_back", "2.0", "3.0")
    done = ensure_rolled_back(str(root), None, PLAIN)
    assert (done.version, done.previous) == ("2.0", "3.0")
    assert states(root) == {"1.0": "good", "2.0": "good", "3.0": "bad"}


def test_an_unfinished_rollback_is_finished_by_activating_its_target(
    root: Path,
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
) -> None:
    deploy("1.0", "2.0")
    undo = kill_at(rollback, "save", 2)
    with pytest.raises(killed):
        ensure_rolled_back(str(root), None, PLAIN)
    undo()
    assert current(root) == "1.0"
    assert ensure_active(str(root), "1.0", PLAIN).changed
    assert describe(str(root)).pending is None


KILLS = {
    "before the intent": (activation, "save", 1),
    "before the switch": (layout.Layout, "switch", 1),
    "before the rename": (layout, "sync_directory", 1),
    "after the switch": (layout, "sync_directory", 2),
    "before it is recorded": (removal, "save", 1),
    "before the old ones went": (layout.Layout, "discard", 1),
    "while the old ones went": (layout, "remove_tree", 1),
    "before their going was recorded": (removal, "save", 2),
}


@pytest.mark.parametrize(("owner", "name", "call"), list(KILLS.values())[1:5], ids=list(KILLS)[1:5])
def test_an_activation_killed_after_its_intent_can_be_rolled_back(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    owner: Any,
    name: str,
    call: int,
) -> None:
    deploy("1.0")
    stage("2.0")
    undo = kill_at(owner, name, call)
    with pytest.raises(killed):
        ensure_active(str(root), "2.0", PLAIN)
    undo()
    pending = describe(str(root)).pending
    assert pending
    assert (pending["act"], pending["version"], pending["previous"]) == ("activate", "2.0", "1.0")
    assert describe(str(root)).rollback_target == "1.0"
    done = ensure_rolled_back(str(root), None, PLAIN)
    assert (done.version, done.previous, current(root)) == ("1.0", "2.0", "1.0")
    assert states(root) == {"1.0": "good", "2.0": "bad"}


@pytest.mark.parametrize(
    ("owner", "name", "call"),
    [
        (rollback, "save", 1),
        (layout.Layout, "switch", 1),
        (layout, "sync_directory", 1),
        (layout, "sync_directory", 2),
        (rollback, "save", 2),
    ],
    ids=[
        "before the intent",
        "before the switch",
        "before the rename",
        "after the switch",
        "before it is recorded",
    ],
)
def test_a_rollback_killed_anywhere_is_finished_by_the_next_and_goes_no_further(
    root: Path,
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    owner: Any,
    name: str,
    call: int,
) -> None:
    deploy("1.0", "2.0", "3.0")
    undo = kill_at(owner, name, call)
    with pytest.raises(killed):
        ensure_rolled_back(str(root), None, PLAIN)
    undo()
    assert describe(str(root)).rollback_target == "2.0"
    done = ensure_rolled_back(str(root), None, PLAIN)
    assert (done.version, done.previous, current(root)) == ("2.0", "3.0", "2.0")
    assert states(root) == {"1.0": "good", "2.0": "good", "3.0": "bad"}
