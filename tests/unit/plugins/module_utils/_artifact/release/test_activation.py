# SPDX-License-Identifier: GPL-3.0-or-later
"""Activation without a service and without hooks."""

from __future__ import annotations

import json
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


def test_a_release_is_activated_once(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any]
) -> None:
    deploy("1.0")
    stage("2.0")
    how = Activation(deployment="d2 by anna")
    planned = ensure_active(str(root), "2.0", how, check_mode=True)
    assert current(root) == "1.0"
    done = ensure_active(str(root), "2.0", how)
    assert current(root) == "2.0"
    assert (done.changed, done.previous, done.state) == (True, "1.0", "good")
    assert (planned.changed, planned.before, planned.after) == (done.changed, done.before, done.after)
    again = ensure_active(str(root), "2.0", how)
    assert (again.changed, again.before, again.previous) == (False, again.after, None)
    report = describe(str(root))
    assert report.current
    assert report.current["version"] == "2.0"
    assert report.current["deployed_by"] == "d2 by anna"
    assert (report.rollback_target, report.pending) == ("1.0", None)


def test_what_is_not_staged_cannot_be_activated(root: Path, stage: Callable[..., Any]) -> None:
    with pytest.raises(StrataError, match="not staged"):
        ensure_active(str(root), "1.0", PLAIN)
    assert not root.exists()
    assert ensure_active(str(root), "1.0", PLAIN, check_mode=True).after == {
        "current": "1.0",
        "releases": {"1.0": "good"},
    }
    stage("1.0")
    with pytest.raises(StrataError, match="not staged"):
        ensure_active(str(root), "2.0", PLAIN)


def test_an_unhealthy_release_is_bad_and_stays_current_until_rolled_back(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any], sick: Activation
) -> None:
    deploy("1.0", "2.0")
    stage("3.0")
    with pytest.raises(StrataError, match=r"Activating 3\.0 .*was not healthy") as raised:
        ensure_active(str(root), "3.0", sick)
    assert (raised.value.details["state"], raised.value.details["changed"]) == ("bad", True)
    assert raised.value.details["previous"] == "2.0"
    assert current(root) == "3.0"
    report = describe(str(root))
    assert report.rollback_target == "2.0"
    assert "was not healthy" in report.releases[-1]["reason"]
    planned = ensure_rolled_back(str(root), None, PLAIN, reason="later", check_mode=True)
    done = ensure_rolled_back(str(root), None, PLAIN, reason="later")
    assert (done.version, done.previous, done.changed, done.after) == ("2.0", "3.0", True, planned.after)
    assert current(root) == "2.0"
    assert states(root) == {"1.0": "good", "2.0": "good", "3.0": "bad"}
    assert "was not healthy" in describe(str(root)).releases[-1]["reason"]


@pytest.mark.parametrize(
    ("owners", "ensure"), [((activation, removal), ensure_active), ((rollback,), ensure_rolled_back)]
)
@pytest.mark.parametrize(("call", "changed"), [(1, False), (2, True)], ids=["before", "after"])
def test_a_full_disk_is_told_apart_before_and_after_the_switch(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    owners: tuple[Any, ...],
    ensure: Callable[..., Any],
    call: int,
    changed: bool,
) -> None:
    deploy("1.0", "2.0")
    saves, save = [0], owners[0].save

    def full(*arguments: Any) -> Any:
        saves[0] += 1
        if saves[0] == call:
            raise OSError(28, "No space left on device")
        return save(*arguments)

    deployed = {ensure_active: "3.0", ensure_rolled_back: "1.0"}[ensure]
    stage(deployed)
    for owner in owners:
        monkeypatch.setattr(owner, "save", full)
    with pytest.raises(StrataError, match="No space left") as raised:
        ensure(str(root), deployed, PLAIN)
    assert raised.value.details.get("changed", False) == changed == (current(root) != "2.0")


def test_a_bad_release_is_good_again_only_once_it_is_healthy(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any], sick: Activation
) -> None:
    deploy("1.0")
    stage("2.0")
    for _ in range(2):
        with pytest.raises(StrataError):
            ensure_active(str(root), "2.0", sick)
        assert states(root)["2.0"] == "bad"
    ensure_active(str(root), "2.0", PLAIN)
    assert states(root)["2.0"] == "good"


def test_superfluous_releases_go_after_the_activation(root: Path, deploy: Callable[..., Any]) -> None:
    assert deploy("1.0", "2.0", "3.0", keep=2).pruned == ("1.0",)
    assert sorted(each.name for each in (root / "releases").iterdir()) == ["2.0", "3.0"]
    assert states(root) == {"2.0": "good", "3.0": "good"}


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


@pytest.mark.parametrize(("owner", "name", "call"), KILLS.values(), ids=KILLS.keys())
def test_an_activation_killed_anywhere_is_finished_by_the_next(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    owner: Any,
    name: str,
    call: int,
) -> None:
    deploy("0.9", "1.0")
    stage("2.0")
    undo = kill_at(owner, name, call)
    with pytest.raises(killed):
        ensure_active(str(root), "2.0", PLAIN, keep=1)
    undo()
    assert current(root) in ("1.0", "2.0")
    assert describe(str(root)).rollback_target in ("1.0", "0.9")
    ensure_active(str(root), "2.0", PLAIN, keep=1)
    assert current(root) == "2.0"
    assert states(root) == {"1.0": "good", "2.0": "good"}
    assert sorted(each.name for each in (root / "releases").iterdir()) == ["1.0", "2.0"]
    assert sorted(each.name for each in (root / ".strata").iterdir()) == ["lock", "state.json"]
    state = json.loads((root / ".strata/state.json").read_text())
    assert (state["intent"], state["removing"]) == (None, [])


def test_a_resumed_activation_remembers_what_was_before(
    root: Path,
    stage: Callable[..., Any],
    deploy: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
) -> None:
    deploy("1.0")
    stage("2.0")
    undo = kill_at(removal, "save", 1)
    with pytest.raises(killed):
        ensure_active(str(root), "2.0", PLAIN)
    undo()
    assert current(root) == "2.0"
    assert ensure_active(str(root), "2.0", PLAIN).previous == "1.0"


def test_too_few_releases_to_keep_is_refused(root: Path) -> None:
    with pytest.raises(StrataError, match="at least 1"):
        ensure_active(str(root), "1.0", PLAIN, keep=0)
