# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing releases: what goes, and what becomes of one that cannot be deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.removal import (
    prune,
    remove,
    remove_all,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import DOOMED, load, save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def layout(root: Path, deploy: Callable[..., Any]) -> Layout:
    deploy("1.0", "2.0", "3.0")
    return Layout(str(root))


def test_a_release_goes_with_what_its_kind_has_elsewhere(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[Path] = []
    monkeypatch.setattr(PROVIDERS["archive"], "remove", removed.append, raising=False)
    remove(layout, load(layout.state), "1.0")
    assert removed == [layout.release("1.0")]
    assert not layout.release("1.0").exists()
    assert load(layout.state).releases["1.0"]


def test_what_cannot_be_deleted_is_bad_and_the_others_go(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_installer: object, folder: Path) -> None:
        if folder.name == "1.0":
            raise StrataError("Removing the container: no answer.\nTry again.")

    monkeypatch.setattr(PROVIDERS["archive"], "remove", fail, raising=False)
    state = remove_all(layout, load(layout.state), ("1.0", "2.0"))
    assert set(state.releases) == {"1.0", "3.0"}
    left = state.releases["1.0"]
    assert (left.state, left.order) == ("bad", DOOMED)
    assert left.reason == "It could not be deleted: Removing the container: no answer."
    assert layout.undeleted == ["Removing the container: no answer.\nTry again."]
    assert not layout.release("2.0").exists()


def test_what_is_pruned_is_recorded_before_it_is_deleted(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[tuple[str, ...]] = []
    monkeypatch.setattr(
        PROVIDERS["archive"],
        "remove",
        lambda _installer, folder: recorded.append(load(layout.state).removing),
        raising=False,
    )
    prune(layout, load(layout.state), ("1.0", "2.0"))
    assert recorded == [("1.0", "2.0"), ("1.0", "2.0")]
    assert (list(load(layout.state).releases), load(layout.state).removing) == (["3.0"], ())


def test_where_nothing_is_pruned_the_state_is_saved_all_the_same(layout: Layout) -> None:
    state = replace(load(layout.state), replacing="4.0")
    save(layout.state, load(layout.state))
    prune(layout, state, ())
    assert load(layout.state).replacing == "4.0"
