# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of its releases: which is good, which a rollback leaves, how it lies on disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import (
    Intent,
    Release,
    State,
    load,
    save,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def release(version: str, state: str = "good", order: int = 0, **more: str) -> Release:
    return Release(version, state, "unverified", {}, "/a", "2026-01-01T00:00:00Z", order=order, **more)  # type: ignore[arg-type]


def known(*releases: Release, intent: Intent | None = None) -> State:
    return State({each.version: each for each in releases}, intent)


def test_the_last_good_release_is_the_one_that_was_activated_last() -> None:
    state = known(
        release("3.0", order=1), release("2.0", order=2), release("4.0", "bad", 9), release("5.0", "staged")
    )
    assert state.last_good(None) == "2.0"
    assert state.last_good("2.0") == "3.0"
    assert known(release("4.0", "bad")).last_good(None) is None


def test_a_good_release_comes_after_all_others_and_ends_what_was_intended() -> None:
    intent = Intent("activate", "1.0", "2026-01-01T00:00:00Z")
    state = known(
        release("2.0", order=7), release("1.0", "bad", reason="slow", deployed_by="bob"), intent=intent
    )
    after = state.good("1.0", None)
    assert after.intent is None
    assert after.last_good(None) == "1.0"
    good = after.releases["1.0"]
    assert (good.state, good.reason, good.order, good.deployed_by) == ("good", None, 8, "bob")
    assert state.good("1.0", "anna").releases["1.0"].deployed_by == "anna"
    assert state.releases["1.0"].state == "bad"


@pytest.mark.parametrize(
    ("intent", "left"),
    [
        (None, "2.0"),
        (Intent("activate", "3.0", "", previous="2.0"), "3.0"),
        (Intent("roll_back", "1.0", "", previous="2.0"), "2.0"),
        (Intent("roll_back", "1.0", "", previous=None), None),
    ],
)
def test_a_rollback_leaves_what_an_unfinished_run_was_at(intent: Intent | None, left: str | None) -> None:
    assert known(intent=intent).left("2.0") == left


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = State(
        {"1.0": release("1.0", order=3, reason="why")},
        Intent("activate", "2.0", "2026-01-01T00:00:00Z", "1.0", "d1", True),
        "2.0",
        ("0.9",),
    )
    path = tmp_path / "state.json"
    assert load(path) == State()
    assert save(path, state) == state
    assert load(path) == state


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"format": 2}', "its format is 2, this release of Strata knows 1"),
        ('{"format": 1}', "it is not a state file of Strata"),
        ("[]", "it is not a state file of Strata"),
        (
            json.dumps({"format": 1, "releases": {"1.0": {"what": 1}}, "intent": None}),
            "it is not a state file",
        ),
    ],
)
def test_what_is_no_state_is_said(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "state.json"
    path.write_text(text)
    with pytest.raises(StrataError, match=why):
        load(path)
