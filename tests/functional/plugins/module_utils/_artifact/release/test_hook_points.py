# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an activation or a rollback can be stopped, for a hook, and taken up or failed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.release import states

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.failure import fail
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def quiesced(tmp_path: Path) -> Path:
    """A file with a line for each time that the app was quiesced."""
    return tmp_path / "quiesced"


@pytest.fixture
def how(quiesced: Path) -> Activation:
    command = (sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('x')", str(quiesced))
    return Activation(quiesce=command, deployment="d1")


@pytest.fixture
def shop(root: Path, stage: Callable[..., Any]) -> Path:
    """1.0 and 2.0 are good, 2.0 is current, 3.0 is staged."""
    for version in ("1.0", "2.0", "3.0"):
        stage(version)
        if version != "3.0":
            ensure_active(str(root), version, Activation())
    return root


def current(root: Path) -> str:
    return (root / "current/app.py").read_text()


def test_an_activation_stops_after_the_link_and_is_taken_up(
    shop: Path, how: Activation, quiesced: Path
) -> None:
    planned = ensure_active(str(shop), "3.0", how, link_only=True, check_mode=True)
    assert current(shop) == "2.0"
    linked = ensure_active(str(shop), "3.0", how, link_only=True)
    assert (linked.changed, linked.before, linked.after) == (True, planned.before, planned.after)
    assert (linked.state, linked.previous, current(shop)) == ("staged", "2.0", "3.0")
    assert not ensure_active(str(shop), "3.0", how, link_only=True).changed
    pending = describe(str(shop)).pending
    assert pending
    assert (pending["act"], pending["version"], pending["linked"]) == ("activate", "3.0", True)
    done = ensure_active(str(shop), "3.0", how, keep=None)
    assert (done.changed, done.previous, done.state, done.pruned) == (True, "2.0", "good", ())
    assert quiesced.read_text() == "x"
    assert not ensure_active(str(shop), "3.0", how, link_only=True).changed


def test_what_another_deployment_had_linked_is_quiesced_again(
    shop: Path, how: Activation, quiesced: Path
) -> None:
    ensure_active(str(shop), "3.0", Activation(deployment="d0"), link_only=True)
    assert ensure_active(str(shop), "3.0", how, link_only=True).previous == "2.0"
    ensure_active(str(shop), "3.0", how)
    assert quiesced.read_text() == "x"


def test_a_rollback_stops_after_the_link_and_is_taken_up(shop: Path, how: Activation, quiesced: Path) -> None:
    planned = ensure_rolled_back(str(shop), None, how, link_only=True, check_mode=True)
    linked = ensure_rolled_back(str(shop), None, how, reason="slow", link_only=True)
    assert (linked.after, linked.version, linked.previous) == (planned.after, "1.0", "2.0")
    assert current(shop) == "1.0"
    assert not ensure_rolled_back(str(shop), None, how, link_only=True).changed
    done = ensure_rolled_back(str(shop), None, how, reason="other")
    assert (done.changed, done.version, done.previous) == (True, "1.0", "2.0")
    assert quiesced.read_text() == "x"
    assert states(shop) == {"1.0": "good", "2.0": "bad", "3.0": "staged"}
    assert describe(str(shop)).pending is None


def test_a_link_that_fails_marks_the_release_bad(
    shop: Path, how: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, version: str) -> None:
        raise StrataError("No such package.")

    monkeypatch.setattr(layout.Layout, "switch", broken)
    with pytest.raises(StrataError, match="No such package") as raised:
        ensure_active(str(shop), "3.0", how, link_only=True)
    assert raised.value.details["changed"]
    assert states(shop)["3.0"] == "bad"


def test_a_linked_release_is_failed_from_outside_like_one_that_is_not_healthy(
    shop: Path, how: Activation
) -> None:
    ensure_active(str(shop), "3.0", how, link_only=True)
    for check_mode in (True, False):
        with pytest.raises(StrataError, match="The hook said no") as raised:
            fail(str(shop), "3.0", "The hook said no.\nAnd why.", check_mode=check_mode)
        assert raised.value.details == {"version": "3.0", "previous": "2.0", "state": "bad", "changed": True}
        assert states(shop)["3.0"] == ("staged" if check_mode else "bad")
    report = describe(str(shop))
    assert (report.pending, report.rollback_target, current(shop)) == (None, "2.0", "3.0")
    assert report.current == {**(report.current or {}), "version": "3.0", "state": "bad"}
    assert {each["version"]: each["reason"] for each in report.releases}["3.0"] == "The hook said no."
    assert ensure_rolled_back(str(shop), None, how).version == "2.0"


def test_an_active_release_is_failed_from_outside_and_keeps_the_first_reason(
    shop: Path, how: Activation
) -> None:
    ensure_active(str(shop), "3.0", how)
    for reason in ("The first.", "The second."):
        with pytest.raises(StrataError, match=reason) as raised:
            fail(str(shop), "3.0", reason)
        assert raised.value.details["previous"] == "2.0"
    assert {each["version"]: each["reason"] for each in describe(str(shop)).releases}["3.0"] == "The first."


def test_pruning_is_left_out_and_made_up_for(shop: Path, how: Activation) -> None:
    assert ensure_active(str(shop), "3.0", how, keep=None).pruned == ()
    planned = ensure_pruned(str(shop), keep=2, check_mode=True)
    assert (planned.changed, planned.pruned) == (True, ("1.0",))
    assert ensure_pruned(str(shop), keep=2).after == planned.after
    assert not ensure_pruned(str(shop), keep=2).changed
    assert sorted(states(shop)) == ["2.0", "3.0"]
