# SPDX-License-Identifier: GPL-3.0-or-later
"""Room for a release is made, or found to be missing, before anything is fetched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import staging
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Intent, load, save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

BIG = "x" * 100_000


@pytest.fixture
def disk(root: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the file system be one that the releases on it fill."""

    def of(size: int) -> None:
        def free(folder: Path) -> int:
            return size - sum(each["size"] or 0 for each in describe(str(root)).releases)

        monkeypatch.setattr(staging, "free", free)

    return of


@pytest.fixture
def shop(root: Path, stage: Callable[..., Any]) -> Path:
    """1.0 to 3.0 were good, 3.0 is current; each has 100 kB."""
    for version in ("1.0", "2.0", "3.0"):
        stage(version, BIG + version)
        ensure_active(str(root), version, Activation())
    return root


def versions(root: Path) -> list[str]:
    return sorted(each.name for each in (root / "releases").iterdir())


def test_the_bytes_of_a_release_are_recorded(shop: Path) -> None:
    assert {each["size"] for each in describe(str(shop)).releases} == {len(BIG) + 3}


def test_superfluous_releases_go_first_where_room_is_short(
    shop: Path, stage: Callable[..., Any], disk: Callable[[int], None]
) -> None:
    disk(350_000)
    planned = stage("4.0", BIG, keep=2, at_most=2**30, check_mode=True)
    assert versions(shop) == ["1.0", "2.0", "3.0"]
    outcome = stage("4.0", BIG, keep=2, at_most=2**30)
    assert outcome.pruned == planned.pruned == ("1.0",)
    assert (outcome.before, outcome.after) == (planned.before, planned.after)
    assert versions(shop) == ["2.0", "3.0", "4.0"]
    assert (describe(str(shop)).rollback_target, (shop / "current/app.py").read_text()) == (
        "2.0",
        BIG + "3.0",
    )


def test_what_an_unfinished_rollback_names_does_not_go(
    shop: Path, stage: Callable[..., Any], disk: Callable[[int], None]
) -> None:
    path = shop / ".strata/state.json"
    save(path, replace(load(path), intent=Intent("roll_back", "1.0", "2026-01-01T00:00:00Z", "3.0")))
    disk(350_000)
    with pytest.raises(StrataError, match="nothing was fetched"):
        stage("4.0", BIG, keep=1, at_most=2**30)
    assert versions(shop) == ["1.0", "2.0", "3.0"]
    assert ensure_rolled_back(str(shop), None, Activation()).version == "1.0"


def test_nothing_goes_where_there_is_room(
    shop: Path, stage: Callable[..., Any], disk: Callable[[int], None]
) -> None:
    disk(500_000)
    assert stage("4.0", BIG, keep=1, at_most=2**30).pruned == ()
    assert versions(shop) == ["1.0", "2.0", "3.0", "4.0"]


def test_too_little_room_is_told_before_anything_is_fetched(
    shop: Path, stage: Callable[..., Any], disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk(350_000)
    monkeypatch.setattr(sources, "opened", lambda *_: pytest.fail("it was fetched"))
    monkeypatch.setattr(sources, "look_up", lambda *_: 200_000)
    for check_mode in (True, False):
        with pytest.raises(StrataError, match=r"about 195\.3 KiB.*without 1\.0.*nothing was fetched"):
            stage("4.0", BIG, keep=1, at_most=2**30, check_mode=check_mode)
    assert {"1.0", "2.0", "3.0"} <= set(versions(shop))
    assert describe(str(shop)).rollback_target == "2.0"


def test_of_a_first_release_the_source_says_how_much_it_needs(
    root: Path, stage: Callable[..., Any], disk: Callable[[int], None]
) -> None:
    disk(50)
    with pytest.raises(StrataError, match=r"and 50 bytes are free there\. Make room"):
        stage("1.0", at_most=2**30)
    disk(5000)
    assert stage("1.0", at_most=2**30).changed


def test_where_nobody_says_how_much_it_needs_fetching_it_shows(
    root: Path, stage: Callable[..., Any], disk: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: Any) -> None:
        raise StrataError("it does not say")

    monkeypatch.setattr(sources, "look_up", unanswered)
    disk(200_000)
    assert stage("1.0", BIG, at_most=2**30).changed
    with pytest.raises(StrataError, match="it does not say"):
        stage("2.0", at_most=2**30, check_mode=True)
    # What has to be deleted for it cannot be told, either.
    disk(150_000)
    with pytest.raises(StrataError, match="it does not say"):
        stage("2.0", at_most=2**30)


def test_the_source_is_not_asked_while_there_is_plenty(
    root: Path, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "look_up", lambda *_: pytest.fail("it was asked"))
    stage("1.0", at_most=1)
