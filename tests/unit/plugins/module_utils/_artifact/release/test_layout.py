# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import layout as layout_module
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    validate_shared,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize("version", ["1", "2.0", "2.0-rc.1+build_5", "1..2", "a" * 128])
def test_safe_versions_pass(version: str) -> None:
    validate_version(version)


@pytest.mark.parametrize(
    "version",
    ["", ".", "..", ".strata", "../2.0", "a/b", "/2.0", "-rf", "2.0\n", "2 0", "é", "$(id)", "a" * 129],
)
def test_unsafe_versions_are_refused(version: str) -> None:
    with pytest.raises(StrataError, match="not a safe folder name"):
        validate_version(version)


@pytest.mark.parametrize("shared", [("a", "b/c"), ("log", "logs"), ()])
def test_relative_shared_paths_pass(shared: tuple[str, ...]) -> None:
    validate_shared(shared)


@pytest.mark.parametrize(
    "shared",
    [
        ("/a",),
        ("../a",),
        ("a/../b",),
        (".",),
        ("",),
        ("a//b",),
        ("a/",),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a", "a"),
    ],
)
def test_other_shared_paths_are_refused(shared: tuple[str, ...]) -> None:
    with pytest.raises(StrataError, match="shared path"):
        validate_shared(shared)


@pytest.mark.parametrize("root", ["", "srv/shop", "/", "//", "/srv/.."])
def test_the_root_must_be_the_folder_of_an_app(root: str) -> None:
    with pytest.raises(StrataError, match="must be an absolute one"):
        Layout(root)


def test_a_switch_is_on_disk_before_and_after_its_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(str(tmp_path))
    layout.create()
    done: list[tuple[str, str | None]] = []
    monkeypatch.setattr(
        layout_module, "sync_directory", lambda folder: done.append((folder.name, layout.current()))
    )
    layout.switch("1.0")
    assert done == [(".strata", None), (tmp_path.name, "1.0"), (".strata", "1.0")]


def test_a_left_over_link_does_not_hinder_the_switch(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    layout.create()
    (layout.private / "current").symlink_to("releases/0.9")
    layout.switch("1.0")
    assert layout.current() == "1.0"


def test_a_current_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    layout.link.mkdir()
    with pytest.raises(StrataError, match="not a symbolic link"):
        layout.current()
    layout.link.rmdir()
    layout.link.symlink_to("/opt/shop")
    with pytest.raises(StrataError, match="not into"):
        layout.current()
    layout.link.unlink()
    layout.link.symlink_to(tmp_path / "releases" / "1.0")
    assert layout.current() == "1.0"


def test_a_link_that_names_the_folder_by_another_way_is_understood(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path / "srv" / "shop"))
    layout.create()
    (tmp_path / "www").symlink_to("srv")
    for target in ("./releases/1.0", tmp_path / "www/shop/releases/1.0"):
        layout.link.symlink_to(target)
        assert layout.current() == "1.0"
        layout.link.unlink()


def test_a_second_run_on_the_host_is_kept_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout_module, "LOCK_WAIT", 0.0)
    layout = Layout(str(tmp_path))
    layout.create()
    with layout.locked(), pytest.raises(StrataError, match="Another process"), Layout(str(tmp_path)).locked():
        pass
    with layout.locked():
        pass
