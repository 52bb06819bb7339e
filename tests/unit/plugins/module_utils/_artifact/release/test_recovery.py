# SPDX-License-Identifier: GPL-3.0-or-later
"""What a killed run left is finished or cleaned up before anything else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.release import states

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import opened, settled
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import State, load, save


@pytest.fixture
def layout(root: Path, deploy: Callable[..., Any]) -> Layout:
    """1.0 and 2.0 are good, 2.0 is current."""
    deploy("1.0", "2.0")
    return Layout(str(root))


def left(layout: Layout, **changes: Any) -> None:
    save(layout.state, replace(load(layout.state), **changes))


@pytest.mark.parametrize("changes", [{"replacing": "1.0"}, {"removing": ("1.0",)}])
def test_what_was_left_half_done_is_removed(layout: Layout, changes: dict[str, Any]) -> None:
    left(layout, **changes)
    with opened(layout, check_mode=True) as seen:
        assert list(seen.releases) == ["2.0"]
    assert layout.release("1.0").is_dir()
    with opened(layout, check_mode=False) as state:
        assert state == replace(seen, replacing=None, removing=())
    assert not layout.release("1.0").exists()
    assert load(layout.state) == state


def test_what_was_made_current_by_hand_since_is_kept(layout: Layout) -> None:
    left(layout, removing=("2.0",))
    with opened(layout, check_mode=False) as state:
        assert set(state.releases) == {"1.0", "2.0"}
    assert layout.release("2.0").is_dir()


def test_a_release_whose_folder_is_gone_is_forgotten(layout: Layout) -> None:
    shutil.rmtree(layout.release("1.0"))
    assert list(settled(layout, load(layout.state)).releases) == ["2.0"]
    assert states(layout.root) == {"2.0": "good"}


def test_folders_of_a_run_that_was_killed_are_swept_away(layout: Layout) -> None:
    incoming = layout.incoming()
    with opened(layout, check_mode=True):
        assert incoming.exists()
    with opened(layout, check_mode=False):
        assert not incoming.exists()


def test_nothing_is_made_where_there_is_no_app(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "srv"))
    with opened(layout, check_mode=False) as state:
        assert state == State()
    assert not layout.root.exists()
    with opened(layout, check_mode=False, create=True):
        assert layout.releases.is_dir()
