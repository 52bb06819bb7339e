# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to a host: folders that are gone or cannot be removed, a clock that goes back."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.deployed_shop import Shop

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import ArchiveInstaller
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import (
    activation,
    layout,
    staging,
    state,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Intent, load, save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def shop(tmp_path: Path, build: Callable[..., Any]) -> Shop:
    built = {
        version: build(version, {"app.py": f"{version} {'x' * 20_000}", "lib/a.py": "", "lib/deep/b.py": ""})
        for version in ("0.8", "0.9", "1.0", "2.0")
    }
    found = Shop(tmp_path / "srv" / "shop", built)
    found.deploy("0.8", "0.9", "1.0", keep=3)
    return found


@pytest.fixture
def undeletable(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have nothing be deleted, as where a service has written files of another user; returns what undoes that."""

    def refuse(folder: Path) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), str(folder))

    original = layout.remove_tree
    monkeypatch.setattr(layout, "remove_tree", refuse)
    return lambda: monkeypatch.setattr(layout, "remove_tree", original)


def test_what_cannot_be_deleted_fails_neither_a_deployment_nor_the_way_back(
    shop: Shop, undeletable: Callable[[], None]
) -> None:
    assert "Operation not permitted" in shop.do("staged", "2.0").warnings[0]
    done = shop.do("active", "2.0")
    assert (done.pruned, shop.served()) == (("0.8", "0.9"), "2.0")
    assert str(shop.root / ".strata/incoming-") in done.warnings[0]
    back = shop.do("rolled_back")
    assert (back.version, shop.served()) == ("1.0", "1.0")
    assert "Operation not permitted" in back.warnings[0]
    undeletable()
    assert shop.do("pruned").warnings == ()
    shop.is_clean()


def test_a_release_that_cannot_be_taken_away_stays_as_bad_until_it_can_be(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    remove, problems = ArchiveInstaller.remove, [StrataError("docker does not answer")]

    def stubborn(self: ArchiveInstaller, folder: Path) -> None:
        if folder.name == "0.8" and problems:
            raise problems[0]
        remove(self, folder)

    monkeypatch.setattr(ArchiveInstaller, "remove", stubborn)
    for version in ("2.0", "1.0"):
        shop.do("staged", version)
        assert "docker does not answer" in shop.do("active", version).warnings[0]
        left = next(each for each in describe(str(shop.root)).releases if each["version"] == "0.8")
        assert (left["state"], left["reason"]) == ("bad", "It could not be deleted: docker does not answer")
    problems.clear()
    assert shop.do("pruned").pruned == ("0.8",)
    shop.is_clean()


def test_what_was_left_half_done_and_cannot_be_taken_away_does_not_bar_the_way_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Layout, folder: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    half_done = replace(load(shop.root / ".strata/state.json"), replacing="0.9", removing=("0.8",))
    save(shop.root / ".strata/state.json", half_done)
    monkeypatch.setattr(Layout, "discard", refuse)
    shop.do("pruned")
    states = {each["version"]: each["state"] for each in describe(str(shop.root)).releases}
    assert states == {"0.8": "bad", "0.9": "bad", "1.0": "good"}


def test_what_was_made_current_by_hand_is_not_deleted_as_half_done(shop: Shop) -> None:
    save(shop.root / ".strata/state.json", replace(load(shop.root / ".strata/state.json"), removing=("0.9",)))
    (shop.root / "current").unlink()
    (shop.root / "current").symlink_to("releases/0.9")
    current = describe(str(shop.root)).current
    assert current
    assert (current["version"], current["state"]) == ("0.9", "good")
    shop.do("pruned")
    assert shop.served() == "0.9"


def test_a_release_whose_folder_is_gone_is_not_told_of_nor_rolled_back_to(shop: Shop) -> None:
    shutil.rmtree(shop.root / "releases/0.9")
    report = describe(str(shop.root))
    assert [each["version"] for each in report.releases] == ["1.0", "0.8"]
    assert report.rollback_target == "0.8"
    assert shop.do("rolled_back").version == shop.served() == "0.8"


def test_an_unfinished_rollback_to_what_is_gone_leads_further_back(shop: Shop) -> None:
    path = shop.root / ".strata/state.json"
    save(path, replace(load(path), intent=Intent("roll_back", "0.9", "2026-01-01T00:00:00Z", "1.0")))
    shutil.rmtree(shop.root / "releases/0.9")
    assert shop.do("rolled_back").version == shop.served() == "0.8"


def test_a_current_release_whose_folder_is_gone_can_be_staged_again(shop: Shop) -> None:
    shutil.rmtree(shop.root / "releases/1.0")
    assert describe(str(shop.root)).rollback_target == "0.9"
    shop.deploy("1.0")
    assert shop.served() == "1.0"


def test_a_clock_that_goes_back_changes_neither_the_way_back_nor_what_is_kept(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (activation, staging, state):
        monkeypatch.setattr(module, "utc_now", lambda: "2020-01-01T00:00:00Z")
    shop.deploy("2.0", keep=2)
    report = describe(str(shop.root))
    assert [each["version"] for each in report.releases] == ["2.0", "1.0"]
    assert report.rollback_target == "1.0"
    monkeypatch.setattr(staging, "utc_now", lambda: "2999-01-01T00:00:00Z")
    shop.do("staged", "0.9")
    ages = {each["version"]: each["age"] for each in describe(str(shop.root)).releases}
    assert ages["0.9"] == 0
    assert ages["2.0"] > ages["1.0"] >= 0
