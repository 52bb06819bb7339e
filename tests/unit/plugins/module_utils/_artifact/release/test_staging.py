# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact import sources
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import layout, staging
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def tree(root: Path) -> list[str]:
    """All below root, but the lock."""
    return sorted(str(each.relative_to(root)) for each in root.rglob("*") if each.name != "lock")


def known(root: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((root / ".strata" / "state.json").read_text())
    return value


def test_a_release_is_staged_beside_the_others(root: Path, stage: Callable[..., Any]) -> None:
    outcome = stage("1.0", deployment="d1 by anna")
    assert (outcome.changed, outcome.state, outcome.previous) == (True, "staged", None)
    assert outcome.before == {"current": None, "releases": {}, "checksum": None}
    assert outcome.after["releases"] == {"1.0": "staged"}
    assert outcome.after["checksum"].startswith("sha256:")
    assert tree(root) == [
        ".strata",
        ".strata/state.json",
        "releases",
        "releases/1.0",
        "releases/1.0/app.py",
        "shared",
    ]
    release = known(root)["releases"]["1.0"]
    assert release["state"] == "staged"
    assert release["deployed_by"] == "d1 by anna"
    assert release["digests"]["sha256"] in release["checksum"]
    assert stat.S_IMODE((root / "releases/1.0").stat().st_mode) == 0o755
    assert stat.S_IMODE((root / ".strata").stat().st_mode) == 0o700
    assert stat.S_IMODE((root / ".strata/state.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_the_umask_of_whoever_deploys_does_not_matter(
    root: Path, stage: Callable[..., Any], umask: int
) -> None:
    former = os.umask(umask)
    try:
        stage("1.0", shared=("var/log", "uploads"))
    finally:
        os.umask(former)
    folders = [
        root.parent,
        root,
        *(each for each in root.rglob("*") if each.is_dir() and not each.is_symlink()),
    ]
    modes = {str(each.relative_to(root.parent)): stat.S_IMODE(each.stat().st_mode) for each in folders}
    assert modes.pop("shop/.strata") == 0o700
    assert set(modes.values()) == {0o755}
    assert "shop/shared/var/log" in modes


@pytest.mark.parametrize("checksum", [None, "unverified"])
def test_the_same_again_changes_nothing(root: Path, stage: Callable[..., Any], checksum: str | None) -> None:
    stage("1.0")
    inode = (root / "releases/1.0").stat().st_ino
    outcome = stage("1.0", checksum=checksum)
    assert not outcome.changed
    assert outcome.before == outcome.after
    assert (root / "releases/1.0").stat().st_ino == inode


def test_what_was_staged_unverified_is_known_by_its_checksum(stage: Callable[..., Any]) -> None:
    stage("1.0", checksum="unverified")
    assert not stage("1.0").changed


def test_another_build_replaces_a_version_that_is_not_current(root: Path, stage: Callable[..., Any]) -> None:
    stage("1.0", "old")
    outcome = stage("1.0", "new")
    assert outcome.changed
    assert outcome.before != outcome.after
    assert (root / "releases/1.0/app.py").read_text() == "new"
    assert not list((root / ".strata").glob("incoming-*"))


def test_another_build_of_the_current_version_is_refused(root: Path, stage: Callable[..., Any]) -> None:
    stage("1.0", "old")
    ensure_active(str(root), "1.0", Activation())
    with pytest.raises(StrataError, match="a version is never rebuilt"):
        stage("1.0", "new")
    assert (root / "current/app.py").read_text() == "old"


def test_another_build_of_what_a_rollback_would_lead_to_is_refused(
    root: Path, stage: Callable[..., Any]
) -> None:
    for version in ("1.0", "2.0"):
        stage(version, "old")
        ensure_active(str(root), version, Activation())
    for check_mode in (True, False):
        with pytest.raises(StrataError, match=r"1\.0 is what a rollback would lead to"):
            stage("1.0", "new", check_mode=check_mode)
    assert (root / "releases/1.0/app.py").read_text() == "old"
    (root / "releases/1.0").rename(root / "elsewhere")
    assert stage("1.0", "new").changed


def test_only_the_file_system_of_the_release_is_flushed(
    root: Path, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(os, "sync", lambda: pytest.fail("the whole host was flushed"))
    monkeypatch.setattr(staging, "sync_filesystem", flushed.append)
    stage("1.0")
    assert [folder.name for folder in flushed] == ["release"]


def test_a_release_and_its_name_are_on_disk_before_it_is_recorded(
    root: Path, stage: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[tuple[str, bool, bool]] = []
    for name in ("sync_filesystem", "sync_directory"):

        def sync(folder: Path, name: str = name) -> None:
            recorded = "1.0" in known(root)["releases"] if (root / ".strata/state.json").exists() else False
            done.append((folder.name, (root / "releases/1.0").is_dir(), recorded))

        monkeypatch.setattr(staging, name, sync)
    stage("1.0")
    assert done == [("release", False, False), ("releases", True, False)]


def test_a_folder_that_is_gone_is_staged_again(root: Path, stage: Callable[..., Any]) -> None:
    stage("1.0")
    (root / "releases/1.0").rename(root / "elsewhere")
    assert stage("1.0").changed
    assert (root / "releases/1.0/app.py").exists()


def test_a_folder_that_is_not_ours_is_left_alone(root: Path, stage: Callable[..., Any]) -> None:
    (root / "releases/1.0").mkdir(parents=True)
    with pytest.raises(StrataError, match="not one of Strata's"):
        stage("1.0")


def test_shared_paths_become_links_whatever_the_artifact_has_there(
    root: Path, build: Callable[..., Any]
) -> None:
    (root / "shared/conf").mkdir(parents=True)
    (root / "shared/conf/app.ini").write_text("shared")
    built = build(files={"conf/app.ini": "built", "log/.keep": "", "app.py": ""})
    shared = ("conf/app.ini", "log", "public/uploads")
    ensure_staged(str(root), "1.0", Archive(Source(built.url, built.checksum)), shared=shared)
    release = root / "releases/1.0"
    assert os.readlink(release / "conf/app.ini") == "../../../shared/conf/app.ini"
    assert (release / "conf/app.ini").read_text() == "shared"
    assert (release / "log").resolve() == root / "shared/log"
    assert (release / "public/uploads").resolve() == root / "shared/public/uploads"
    assert (root / "shared/public/uploads").is_dir()


def test_a_shared_path_below_a_file_is_refused(root: Path, build: Callable[..., Any]) -> None:
    built = build(files={"log": "a file"})
    with pytest.raises(StrataError, match="is not a folder"):
        ensure_staged(str(root), "1.0", Archive(Source(built.url, built.checksum)), shared=("log/app",))
    assert not (root / "releases/1.0").exists()


def test_check_mode_tells_the_same_and_touches_nothing(root: Path, stage: Callable[..., Any]) -> None:
    planned = stage("1.0", check_mode=True)
    assert not root.exists()
    done = stage("1.0")
    assert (planned.changed, planned.before, planned.after) == (done.changed, done.before, done.after)
    assert not stage("1.0", check_mode=True).changed
    with pytest.raises(StrataError, match="No such file"):
        ensure_staged(str(root), "2.0", Archive(Source("/nowhere/a.tar.gz", "unverified")), check_mode=True)


@pytest.mark.parametrize("checksum", ["sha256:" + "0" * 64, None])
def test_a_failure_leaves_nothing_behind(root: Path, stage: Callable[..., Any], checksum: str | None) -> None:
    stage("1.0")
    before = tree(root), known(root)
    with pytest.raises(StrataError):
        stage("2.0", checksum=checksum or "nonsense")
    with pytest.raises(StrataError):
        ensure_staged(str(root), "2.0", Archive(Source(__file__, "unverified")))
    assert (tree(root), known(root)) == before


def test_a_file_in_place_of_the_root_is_a_clear_error(root: Path, stage: Callable[..., Any]) -> None:
    root.parent.mkdir()
    root.write_text("")
    with pytest.raises(StrataError, match=f"Staging 1.0 under {root}: .*exists"):
        stage("1.0")


KILLS = {
    "while fetching": (sources, "opened", 1),
    "while unpacking": (archive, "unpack", 1),
    "before the intent": (staging, "save", 1),
    "before the old folder went": (layout.Layout, "discard", 1),
    "between the folders": (layout, "remove_tree", 1),
    "before the new folder was recorded": (staging, "save", 2),
}


@pytest.mark.parametrize(("owner", "name", "call"), KILLS.values(), ids=KILLS.keys())
@pytest.mark.parametrize("former", ["", "old"], ids=["new version", "replaced version"])
def test_killed_anywhere_the_next_run_heals(
    root: Path,
    stage: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    call: int,
    former: str,
) -> None:
    stage("1.0")
    ensure_active(str(root), "1.0", Activation())
    if former:
        stage("2.0", former)
    elif name == "remove_tree":
        return  # there is nothing to remove, so nothing to be killed at
    undo = kill_at(owner, name, call)
    # A killed run cleans up nothing.
    clean = layout.Layout.delete
    monkeypatch.setattr(
        layout.Layout, "delete", lambda self, folder: (folder / "scratch").exists() or clean(self, folder)
    )
    with pytest.raises(killed):
        stage("2.0", "new")
    undo()
    monkeypatch.setattr(layout.Layout, "delete", clean)
    assert (root / "current/app.py").read_text() == "1.0"
    stage("2.0", "new")
    assert (root / "releases/2.0/app.py").read_text() == "new"
    assert tree(root / ".strata") == ["state.json"]
    assert known(root)["replacing"] is None
    assert {v: each["state"] for v, each in known(root)["releases"].items()} == {
        "1.0": "good",
        "2.0": "staged",
    }


def test_a_half_replaced_release_is_not_taken_for_the_old_one(
    root: Path,
    stage: Callable[..., Any],
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
) -> None:
    stage("2.0", "old")
    undo = kill_at(staging, "save", 2)
    with pytest.raises(killed):
        stage("2.0", "new")
    undo()
    assert stage("2.0", "old", check_mode=True).changed
    assert stage("2.0", "old").changed
    assert (root / "releases/2.0/app.py").read_text() == "old"


def test_a_state_file_that_is_not_ours_is_a_clear_error(root: Path, stage: Callable[..., Any]) -> None:
    stage("1.0")
    for text in ("{", "[]", "{}", '{"format": 99}', '{"format": 1, "releases": {"1": {}}, "intent": null}'):
        (root / ".strata/state.json").write_text(text)
        with pytest.raises(StrataError, match=r"Reading .*state\.json"):
            stage("1.0")
    (root / ".strata/state.json").write_bytes(b"\xff")
    with pytest.raises(StrataError, match=r"Reading .*state\.json: it is not valid JSON"):
        stage("1.0")
