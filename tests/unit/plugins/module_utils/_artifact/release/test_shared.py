# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and folders that outlive releases."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import (
    Archive,
    ArchiveInstaller,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import staging
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.files import RenderedFile
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import ReleaseChange
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

Stage = Callable[..., ReleaseChange]
BUILT = {
    "config.php": "the artifact's",
    "storage/app/.keep": "",
    "storage/logs/.keep": "",
    "app.py": "",
}


@pytest.fixture
def share(root: Path, build: Callable[..., Any]) -> Stage:
    """Stage a version whose artifact holds these files."""

    def run(version: str, *shared: str, built: dict[str, str] = BUILT, **options: Any) -> ReleaseChange:
        packed = build(f"shop-{version}", built)
        artifact = Archive(Source(packed.url, packed.checksum))
        return ensure_staged(str(root), version, artifact, shared=shared, **options)

    return run


def test_a_file_of_the_artifact_is_copied_once_and_stays_a_file(root: Path, share: Stage) -> None:
    share("1.0", "config.php")
    release = root / "releases/1.0"
    assert os.readlink(release / "config.php") == "../../shared/config.php"
    assert (root / "shared/config.php").read_text() == "the artifact's"
    (root / "shared/config.php").write_text("the operator's")
    share("2.0", "config.php", built={"config.php": "newer", "app.py": ""})
    assert (root / "releases/2.0/config.php").read_text() == "the operator's"


def test_a_folder_of_the_artifact_is_copied_with_its_content(root: Path, share: Stage) -> None:
    share("1.0", "storage", "storage2/new")
    assert (root / "shared/storage/app/.keep").is_file()
    assert (root / "releases/1.0/storage").resolve() == root / "shared/storage"
    assert (root / "shared/storage2/new").is_dir()
    (root / "shared/storage/logs/app.log").write_text("line")
    share("2.0", "storage", built={"storage/other": "", "app.py": ""})
    assert sorted(each.name for each in (root / "shared/storage").iterdir()) == ["app", "logs"]


def test_a_copy_has_the_modes_and_links_of_the_artifact_and_nothing_in_common_with_it(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Archive.stage

    def made(artifact: Archive, folder: Path, scratch: Path) -> Any:
        found = stage(artifact, folder, scratch)
        (folder / "config.php").chmod(0o640)
        os.link(folder / "config.php", folder / "config.dist.php")
        (folder / "storage").chmod(0o2770)
        (folder / "storage/logs").chmod(0o700)
        (folder / "storage/latest").symlink_to("logs/.keep")
        (folder / "storage/gone").symlink_to("nowhere")
        return found

    monkeypatch.setattr(Archive, "stage", made)
    share("1.0", "storage", shared_files=("config.php",))
    shared = root / "shared"
    modes = {
        name: stat.S_IMODE((shared / name).stat().st_mode)
        for name in ("config.php", "storage", "storage/logs")
    }
    assert modes == {"config.php": 0o640, "storage": 0o2770, "storage/logs": 0o700}
    assert os.readlink(shared / "storage/latest") == "logs/.keep"
    assert os.readlink(shared / "storage/gone") == "nowhere"
    (shared / "config.php").write_text("changed")
    assert (root / "releases/1.0/config.dist.php").read_text() == "the artifact's"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_copy_belongs_to_whom_the_artifact_does(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Archive.stage

    def given(artifact: Archive, folder: Path, scratch: Path) -> Any:
        found = stage(artifact, folder, scratch)
        (folder / "storage/latest").symlink_to("logs")
        for path in ("storage", "storage/logs", "storage/latest", "config.php"):
            os.chown(folder / path, 12, 34, follow_symlinks=False)
        return found

    monkeypatch.setattr(Archive, "stage", given)
    share("1.0", "storage", "config.php", "new")
    owners = {
        name: ((root / "shared" / name).lstat().st_uid, (root / "shared" / name).lstat().st_gid)
        for name in ("storage", "storage/logs", "storage/latest", "storage/app", "config.php", "new")
    }
    own = os.geteuid(), os.getegid()
    assert owners == {**dict.fromkeys(owners, (12, 34)), "storage/app": own, "new": own}


def test_a_link_of_the_artifact_counts_as_what_it_leads_to(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Archive.stage

    def linked(artifact: Archive, folder: Path, scratch: Path) -> Any:
        found = stage(artifact, folder, scratch)
        (folder / "local.php").symlink_to("config.php")
        (folder / "public").symlink_to("storage/app")
        (folder / "gone").symlink_to("nowhere")
        (folder / "out").symlink_to("..")
        return found

    monkeypatch.setattr(Archive, "stage", linked)
    share("1.0", "storage", "local.php", "public", "gone", "out")
    shared = root / "shared"
    assert not (shared / "local.php").is_symlink()
    assert (shared / "local.php").read_text() == "the artifact's"
    assert (shared / "public/.keep").is_file()
    assert not (shared / "public").is_symlink()
    assert [(shared / each).is_dir() and not os.listdir(shared / each) for each in ("gone", "out")] == [
        True
    ] * 2


def test_a_path_through_a_link_of_the_artifact_is_refused(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Archive.stage

    def linked(artifact: Archive, folder: Path, scratch: Path) -> Any:
        found = stage(artifact, folder, scratch)
        (folder / "conf").symlink_to("storage")
        return found

    monkeypatch.setattr(Archive, "stage", linked)
    with pytest.raises(StrataError, match="'conf' in the artifact is not a folder"):
        share("1.0", "conf/app")
    assert os.listdir(root / "shared") == []


def test_a_missing_file_is_an_error_and_nothing_is_made(root: Path, share: Stage) -> None:
    with pytest.raises(
        StrataError, match=rf"'secrets.json' is missing: neither {root}/shared/secrets.json nor"
    ):
        share("1.0", "storage", "new", shared_files=("config.php", "secrets.json"))
    assert os.listdir(root / "shared") == []
    assert not (root / "releases/1.0").exists()
    (root / "shared/secrets.json").write_text("{}")
    share("1.0", "storage", "new", shared_files=("config.php", "secrets.json"))
    assert (root / "releases/1.0/secrets.json").read_text() == "{}"


@pytest.mark.parametrize(
    ("there", "shared", "files", "why"),
    [
        (
            "config.php/",
            ("config.php",),
            (),
            "is a file in the artifact, and .*/shared/config.php is a folder",
        ),
        ("storage", ("storage",), (), "is a folder in the artifact, and .*/shared/storage is a file"),
        ("config.php/", (), ("config.php",), "config.php is a folder. Put the file in its place"),
        ("", (), ("storage",), "is a folder in the artifact. If a folder is meant"),
        ("conf", ("conf/app",), (), "/shared/conf is not a folder. Move it away"),
    ],
    ids=["file and folder", "folder and file", "no file", "no file in the artifact", "parent"],
)
def test_a_file_here_and_a_folder_there_is_an_error(
    root: Path,
    share: Stage,
    there: str,
    shared: tuple[str, ...],
    files: tuple[str, ...],
    why: str,
) -> None:
    (root / "shared").mkdir(parents=True)
    if there.endswith("/"):
        (root / "shared" / there).mkdir()
    elif there:
        (root / "shared" / there).write_text("")
    with pytest.raises(StrataError, match=why):
        share("1.0", *shared, "new", shared_files=files)
    assert not (root / "releases/1.0").exists()
    assert not (root / "shared/new").exists()


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_link_under_shared_leads_on_or_is_an_error(root: Path, share: Stage, check_mode: bool) -> None:
    """What is shared may lie on a file system that is not mounted just now."""
    (root / "shared").mkdir(parents=True)
    elsewhere = root.parent / "elsewhere"
    (root / "shared/storage").symlink_to(elsewhere)
    with pytest.raises(
        StrataError, match=rf"shared/storage is a link that leads nowhere. Mount or make {elsewhere}"
    ):
        share("1.0", "storage", check_mode=check_mode)
    elsewhere.mkdir()
    share("1.0", "storage")
    assert os.listdir(elsewhere) == []
    assert (root / "releases/1.0/storage").resolve() == elsewhere.resolve()


@pytest.mark.parametrize(
    ("shared", "files"),
    [
        (("a/",), ()),
        ((), ("a/",)),
        (("a",), ("a",)),
        (("a",), ("a/b",)),
        ((), ("a/b", "a")),
    ],
)
def test_paths_within_each_other_or_with_a_slash_at_the_end_are_refused(
    root: Path, share: Stage, shared: tuple[str, ...], files: tuple[str, ...]
) -> None:
    with pytest.raises(StrataError, match=r"a '/' at its end|lies within another one, or is named twice"):
        share("1.0", *shared, shared_files=files)
    assert not root.exists()


def test_a_rendered_file_is_not_one_that_is_shared(share: Stage) -> None:
    with pytest.raises(StrataError, match="named twice"):
        share("1.0", shared_files=(".env",), files=(RenderedFile(".env", "x"),))


def test_what_fails_later_leaves_nothing_under_shared(root: Path, share: Stage) -> None:
    """Else the next build would get what the failed one brought."""
    with pytest.raises(StrataError, match=r"'app\.py' in the artifact is not a folder"):
        share("1.0", "config.php", "storage", "new", files=(RenderedFile("app.py/x", ""),))
    assert os.listdir(root / "shared") == []


def test_the_plan_names_what_will_be_made_and_a_file_that_may_be_missing(root: Path, share: Stage) -> None:
    (root / "shared/storage").mkdir(parents=True)
    before = sorted(root.rglob("*"))
    planned = share("1.0", "storage", "new", shared_files=("config.php",), check_mode=True)
    assert sorted(root.rglob("*")) == before
    assert planned.before["shared"] == {"new": "missing", "config.php": "missing"}
    assert planned.after["shared"] == {"new": "made", "config.php": "made"}
    assert [f"{root}/shared/config.php is not there yet" in each for each in planned.warnings] == [True]
    done = share("1.0", "storage", "new", shared_files=("config.php",))
    assert (done.before, done.after, done.warnings) == (planned.before, planned.after, ())
    assert "shared" not in share("2.0", "storage", "new", shared_files=("config.php",)).after


def test_a_file_that_is_a_folder_is_seen_before_anything_is_fetched(root: Path) -> None:
    (root / "shared/config.php").mkdir(parents=True)
    for check_mode in (True, False):
        with pytest.raises(StrataError, match=r"config\.php is a folder"):
            ensure_staged(
                str(root),
                "1.0",
                Archive(Source("/nowhere.tar.gz", "unverified")),
                shared_files=("config.php",),
                check_mode=check_mode,
            )


def test_a_rollback_leads_to_what_the_older_release_had(root: Path, share: Stage) -> None:
    share("1.0", "storage")
    ensure_active(str(root), "1.0", Activation())
    share("2.0", "config.php", built={**BUILT, "config.php": "two"})
    ensure_active(str(root), "2.0", Activation())
    (root / "current/config.php").write_text("changed")
    ensure_rolled_back(str(root), None, Activation())
    assert (root / "current/config.php").read_text() == "the artifact's"
    assert (root / "current/storage").resolve() == root / "shared/storage"
    ensure_active(str(root), "2.0", Activation())
    assert (root / "current/config.php").read_text() == "changed"
    assert (root / "current/storage").resolve() == root / "releases/2.0/storage"


def test_what_a_kind_needs_itself_is_not_shared(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release of a container would run with the specification of the first."""
    assert all(getattr(PROVIDERS[kind], "OWN_FOLDER", False) for kind in ("container", "package"))
    monkeypatch.setattr(ArchiveInstaller, "OWN_FOLDER", True, raising=False)
    with pytest.raises(
        StrataError, match=r"'config\.php' cannot be shared: a release of this kind needs its own"
    ):
        share("1.0", "config.php")
    share("1.0", "uploads")
    assert (root / "shared/uploads").is_dir()


def test_what_is_shared_may_be_a_file_system_of_its_own(
    root: Path, share: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def across(path: Path, target: Path) -> Any:
        if root / "shared" in target.parents and root / "shared" not in path.parents:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", across)
    # What a killed run left.
    (root / "shared/.storage.strata/half").mkdir(parents=True)
    (root / "shared/.config.php.strata").symlink_to(root / "victim")
    share("1.0", "storage", "config.php")
    assert sorted(os.listdir(root / "shared")) == ["config.php", "storage"]
    assert (root / "shared/storage/app/.keep").is_file()
    assert (root / "shared/config.php").read_text() == "the artifact's"
    assert not (root / "victim").exists()


@pytest.mark.parametrize("call", [1, 2])
def test_killed_while_it_is_put_there_the_next_run_goes_on(
    root: Path,
    share: Stage,
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
    call: int,
) -> None:
    undo = kill_at(staging, "put") if call == 1 else kill_at(staging, "save")
    with pytest.raises(killed):
        share("1.0", "config.php", "storage")
    undo()
    share("1.0", "config.php", "storage")
    assert (root / "releases/1.0/config.php").read_text() == "the artifact's"
    assert (root / "releases/1.0/storage/app/.keep").is_file()
    assert not list((root / ".strata").glob("incoming-*"))
