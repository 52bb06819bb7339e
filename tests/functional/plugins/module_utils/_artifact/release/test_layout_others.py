# SPDX-License-Identifier: GPL-3.0-or-later
"""Root at work in folders that another user can change, as those that another tool made."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.others import NOBODY, as_nobody, meanwhile, needs_root, open_folder
from fixtures.release import PLAIN, states

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import package
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.failure import fail
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    remove_tree,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_folder import (
    release_folder,
)

__all__ = ["open_folder"]
pytestmark = needs_root


@pytest.fixture
def root(open_folder: Path) -> Path:
    return open_folder / "shop"


@pytest.fixture
def elsewhere(open_folder: Path) -> Iterator[Path]:
    """A folder of root's that nobody wants changed."""
    folder = open_folder / "elsewhere"
    folder.mkdir(mode=0o755)
    (folder / "kept").write_text("as it was")
    yield folder
    assert os.listdir(folder) == ["kept"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert (folder.owner(), (folder / "kept").owner()) == ("root", "root")


@pytest.fixture
def archive(build: Callable[..., Any]) -> Callable[..., Archive]:
    def make(version: str, **rules: Any) -> Archive:
        built = build(f"shop-{version}", {"app.py": version})
        return Archive(Source(built.url, built.checksum), Rules(**rules))

    return make


def prepare(root: Path) -> None:
    """What another user prepares for root: a state whose good release is a package."""
    release = {
        "version": "0.9",
        "state": "good",
        "checksum": "signed",
        "digests": {"package": "shop=0.9"},
        "origin": "apt:shop=0.9",
        "staged_at": "2026-01-01T00:00:00Z",
        "kind": "package",
        "order": 1,
    }
    for name in ("releases/0.9", "releases/1.0", "shared", ".strata"):
        (root / name).mkdir(parents=True)
    (root / "releases/0.9/shop_0.9_all.deb").touch()
    releases = {"0.9": release, "1.0": {**release, "version": "1.0", "order": 2}}
    state = {"format": 1, "releases": releases, "intent": None, "replacing": None, "removing": []}
    (root / ".strata/state.json").write_text(json.dumps(state))
    (root / "current").symlink_to("releases/1.0")


def give(*paths: Path, whom: str = NOBODY) -> None:
    for path in paths:
        shutil.chown(path, whom, "nogroup" if whom == NOBODY else whom)


def run_tool(root: Path) -> None:
    with release_folder(EngineOptions(path=str(root), release="0.9"), None):
        pass


VERBS: dict[str, Callable[[Path, Archive], Any]] = {
    "describe": lambda root, _archive: describe(str(root)),
    "stage": lambda root, archive: ensure_staged(str(root), "2.0", archive),
    "plan to stage": lambda root, archive: ensure_staged(str(root), "2.0", archive, check_mode=True),
    "activate": lambda root, _archive: ensure_active(str(root), "0.9", PLAIN),
    "roll back": lambda root, _archive: ensure_rolled_back(str(root), None, PLAIN),
    "plan to roll back": lambda root, _archive: ensure_rolled_back(str(root), None, PLAIN, check_mode=True),
    "prune": lambda root, _archive: ensure_pruned(str(root), keep=1),
    "fail": lambda root, _archive: fail(str(root), "1.0", "It does not work."),
    "run a migration tool": lambda root, _archive: run_tool(root),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_state_that_another_user_prepared_is_not_obeyed(
    root: Path, archive: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    installed: list[Any] = []
    monkeypatch.setattr(package.apt, "install", lambda *words: installed.append(words))
    root.mkdir()
    give(root)
    as_nobody(lambda: prepare(root))
    before = sorted(root.rglob("*"))
    with pytest.raises(StrataError) as caught:
        VERBS[verb](root, archive("2.0"))
    assert f"{root} belongs to nobody" in str(caught.value)
    assert f"`chown root {root} {root}/releases {root}/.strata {root}/.strata/state.json" in str(caught.value)
    assert not installed
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("path", ["releases", ".strata", ".strata/state.json", "revisions.log"])
@pytest.mark.parametrize("how", ["owned", "writable"])
def test_one_path_that_another_user_can_change_is_enough(root: Path, path: str, how: str) -> None:
    prepare(root)
    (root / "revisions.log").touch()
    describe(str(root))
    if how == "owned":
        give(root / path)
    else:
        (root / path).chmod(0o777)
    with pytest.raises(
        StrataError, match=f"{root / path} (belongs to nobody|can be written by everybody)\\. Check"
    ):
        describe(str(root))


def test_a_folder_in_another_users_home_is_not_trusted(
    open_folder: Path, archive: Callable[..., Archive]
) -> None:
    (open_folder / "home").mkdir()
    give(open_folder / "home")
    with pytest.raises(StrataError, match=f"{open_folder}/home belongs to nobody"):
        ensure_staged(str(open_folder / "home/shop"), "2.0", archive("2.0"))
    assert os.listdir(open_folder / "home") == []


def test_a_link_in_a_shared_folder_leads_root_nowhere(
    root: Path, elsewhere: Path, archive: Callable[..., Archive]
) -> None:
    Layout(str(root)).create()
    give(root / "shared")
    as_nobody(lambda: (root / "shared/log").symlink_to(elsewhere))
    with pytest.raises(StrataError) as caught:
        ensure_staged(str(root), "2.0", archive("2.0"), shared=("log/app",))
    assert (
        f"cannot be made in {root}/shared/log, which is a link, and {root}/shared belongs to nobody"
        in str(caught.value)
    )
    assert os.listdir(root / "releases") == []


def test_a_link_that_comes_in_the_place_of_a_shared_folder_leads_root_nowhere(
    root: Path, elsewhere: Path, archive: Callable[..., Archive]
) -> None:
    Layout(str(root)).create()
    give(root / "shared")
    place, folder = root / "shared/log", root / "shared/folder"
    like = root / "releases/like"
    like.mkdir()
    give(like)
    as_nobody(folder.mkdir)

    def swap() -> None:
        os.symlink(elsewhere, place)
        os.unlink(place)
        os.rename(folder, place)
        os.rename(place, folder)

    with meanwhile(swap):
        for number in range(3000):
            with contextlib.suppress(StrataError, OSError):
                Layout(str(root)).make_shared(f"log/{number}", like)


def test_folders_are_made_in_a_shared_folder_of_the_application(
    root: Path, archive: Callable[..., Archive]
) -> None:
    Layout(str(root)).create()
    give(root / "shared")
    as_nobody((root / "shared/public").mkdir)
    shared = ("public/uploads", "log")
    ensure_staged(str(root), "2.0", archive("2.0", owner=NOBODY), shared=shared)
    for path in shared:
        assert (root / "releases/2.0" / path).resolve() == root / "shared" / path
        assert (root / "shared" / path).owner() == NOBODY
    as_nobody((root / "releases/2.0/log/app.log").touch)


def test_links_that_root_made_are_followed(
    root: Path, open_folder: Path, archive: Callable[..., Archive]
) -> None:
    Layout(str(root)).create()
    (open_folder / "disk/shared/uploads").mkdir(parents=True)
    (root / "shared").rmdir()
    (root / "shared").symlink_to(open_folder / "disk/shared")
    (open_folder / "disk/shared/public").symlink_to("uploads")
    ensure_staged(str(root), "2.0", archive("2.0"), shared=("public/images",))
    assert (open_folder / "disk/shared/uploads/images").is_dir()


def test_a_shared_path_below_a_file_is_refused(root: Path, archive: Callable[..., Archive]) -> None:
    Layout(str(root)).create()
    (root / "shared/log").touch()
    with pytest.raises(StrataError, match="shared/log is not a folder"):
        ensure_staged(str(root), "2.0", archive("2.0"), shared=("log/app",))


def test_a_link_that_comes_in_the_place_of_a_folder_is_not_followed_by_a_deletion(
    open_folder: Path, elsewhere: Path
) -> None:
    tree = open_folder / "tree"
    for round_number in range(50):
        tree.mkdir()
        give(tree)
        inside, folder = tree / "inside", tree / "folder"

        def fill(folder: Path = folder) -> None:
            folder.mkdir()
            for number in range(20):
                (folder / f"{number}").touch()

        as_nobody(fill)

        def swap(inside: Path = inside, folder: Path = folder) -> None:
            os.rename(folder, inside)
            os.rename(inside, folder)
            os.symlink(elsewhere, inside)
            os.unlink(inside)

        with meanwhile(swap):
            for _try in range(5):
                try:
                    remove_tree(tree)
                except OSError:
                    continue
                break
        shutil.rmtree(tree, ignore_errors=True)
        assert (elsewhere / "kept").exists(), round_number


@pytest.mark.parametrize("how", ["link", "pipe"])
def test_the_revision_of_another_users_release_is_no_way_to_read_files_of_roots(root: Path, how: str) -> None:
    secret = root.parent / "secret"
    secret.write_text("root:hash")
    secret.chmod(0o600)
    Layout(str(root)).create()
    release = root / "releases/20260101000000"
    release.mkdir()
    give(release)
    if how == "link":
        as_nobody(lambda: (release / "REVISION").symlink_to(secret))
    else:
        as_nobody(lambda: os.mkfifo(release / "REVISION"))
    (root / "current").symlink_to(release)
    assert [each["origin"] for each in describe(str(root)).releases] == ["adopted"]


def test_the_applications_releases_and_shared_folders_are_deployed_by_root_as_ever(
    root: Path, archive: Callable[..., Archive]
) -> None:
    """Taken over from another tool, once the folders that say what is done are root's."""
    (root / "releases/20260101000000").mkdir(parents=True)
    (root / "shared/log").mkdir(parents=True)
    (root / "current").symlink_to("releases/20260101000000")
    give(root / "releases/20260101000000", root / "shared", root / "shared/log")
    for version in ("1.0", "2.0", "3.0"):
        ensure_staged(str(root), version, archive(version, owner=NOBODY), shared=("log",))
        ensure_active(str(root), version, PLAIN)
    ensure_rolled_back(str(root), None, PLAIN)
    ensure_pruned(str(root), keep=1, adopted=True)
    assert states(root) == {"1.0": "good", "2.0": "good", "3.0": "bad"}
    assert (root / "releases/1.0/app.py").owner() == NOBODY
    assert not (root / "releases/20260101000000").exists()


def test_another_user_deploys_in_a_folder_that_they_share_with_their_group(
    root: Path, archive: Callable[..., Archive]
) -> None:
    source = archive("1.0")
    shutil.copy(source.source.url, root.parent / "artifact")
    mine = Archive(Source(str(root.parent / "artifact"), source.source.checksum))
    root.mkdir()
    root.chmod(0o2775)
    give(root)

    def deploy() -> None:
        ensure_staged(str(root), "1.0", mine, shared=("log",))
        ensure_active(str(root), "1.0", PLAIN)
        assert states(root) == {"1.0": "good"}

    as_nobody(deploy)
