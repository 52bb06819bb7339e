# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are rendered for one release."""

from __future__ import annotations

import grp
import json
import os
import pwd
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.files import RenderedFile
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

ENV = RenderedFile(".env", "TOKEN=hunter2\nPORT=80\n")


def test_files_lie_in_the_release_and_their_contents_nowhere_else(
    root: Path, stage: Callable[..., Any]
) -> None:
    files = (ENV, RenderedFile("config/deep/app.ini", "é\r\n", "0644"), RenderedFile("app.py", "rendered"))
    outcome = stage("1.0", "built", files=files)
    release = root / "releases/1.0"
    assert (release / ".env").read_text() == ENV.content
    assert (release / "config/deep/app.ini").read_bytes() == "é\r\n".encode()
    assert (release / "app.py").read_text() == "rendered"
    assert stat.S_IMODE((release / ".env").stat().st_mode) == 0o640
    assert stat.S_IMODE((release / "config/deep/app.ini").stat().st_mode) == 0o644
    assert outcome.after["files"] == dict.fromkeys((".env", "app.py", "config/deep/app.ini"), "new")
    assert "hunter2" not in (root / ".strata/state.json").read_text()
    assert describe(str(root)).releases[0]["files"] == [".env", "app.py", "config/deep/app.ini"]
    assert not stage("1.0", "built", files=files).changed


def test_what_is_no_utf_8_is_written_as_it_was(root: Path, stage: Callable[..., Any]) -> None:
    """As Ansible's lookup of a file hands it over."""
    stage("1.0", files=(replace(ENV, content="gr\udcfcn"),))
    assert (root / "releases/1.0/.env").read_bytes() == b"gr\xfcn"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_can_belong_to_the_service(root: Path, stage: Callable[..., Any]) -> None:
    nobody = pwd.getpwnam("nobody")
    stage("1.0", files=(replace(ENV, owner="nobody", group=grp.getgrgid(nobody.pw_gid).gr_name),))
    found = (root / "releases/1.0/.env").stat()
    assert (found.st_uid, found.st_gid) == (nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(StrataError, match="no such user"):
        stage("2.0", files=(replace(ENV, owner="nobody-at-all"),))
    assert not (root / "releases/2.0").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_belongs_to_whom_the_release_does(root: Path, build: Callable[..., Any]) -> None:
    nobody, built = pwd.getpwnam("nobody"), build()
    artifact = Archive(Source(built.url, built.checksum), Rules(owner="nobody", group=str(nobody.pw_gid)))
    ensure_staged(str(root), "1.0", artifact, files=(ENV, replace(ENV, path="app.ini", owner="root")))
    found = {name: (root / "releases/1.0" / name).stat() for name in (".env", "app.ini")}
    assert {name: (each.st_uid, each.st_gid) for name, each in found.items()} == {
        ".env": (nobody.pw_uid, nobody.pw_gid),
        "app.ini": (0, nobody.pw_gid),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
def test_a_folder_that_is_made_belongs_to_whom_the_release_does(
    root: Path, build: Callable[..., Any]
) -> None:
    """So that the app can write to what is shared; what was there before stays whose it was."""
    nobody, built = pwd.getpwnam("nobody"), build()
    (root / "shared/mine").mkdir(parents=True)
    artifact = Archive(Source(built.url, built.checksum), Rules(owner="nobody", group=str(nobody.pw_gid)))
    shared = ("mine", "public/uploads")
    ensure_staged(str(root), "1.0", artifact, shared=shared, files=(replace(ENV, path="config/.env"),))
    made = ("shared/public", "shared/public/uploads", "releases/1.0/config", "shared/mine", "shared")
    found = {name: (root / name).stat() for name in made}
    assert {name: (each.st_uid, each.st_gid, each.st_mode & 0o777) for name, each in found.items()} == {
        **dict.fromkeys(made[:3], (nobody.pw_uid, nobody.pw_gid, 0o755)),
        **dict.fromkeys(made[3:], (0, 0, 0o755)),
    }


@pytest.mark.parametrize(
    ("files", "shared", "why"),
    [
        ((replace(ENV, path="/etc/passwd"),), (), "must be relative"),
        ((replace(ENV, path="../x"),), (), "must be relative"),
        ((replace(ENV, path="a\0b"),), (), "or NUL"),
        ((ENV, ENV), (), "named twice"),
        ((ENV,), (".env",), "named twice"),
        ((replace(ENV, path="log/x"),), ("log",), "lies within"),
        ((replace(ENV, mode="416"),), (), "four octal digits"),
        ((replace(ENV, mode="4755"),), (), "four octal digits"),
    ],
)
def test_other_files_are_refused(
    root: Path, stage: Callable[..., Any], files: tuple[RenderedFile, ...], shared: tuple[str, ...], why: str
) -> None:
    with pytest.raises(StrataError, match=why):
        stage("1.0", files=files, shared=shared)
    assert not root.exists()


@pytest.mark.parametrize(("path", "why"), [("app.py/x", "'app.py' in the artifact"), ("lib", "a folder")])
def test_what_the_artifact_has_in_the_way_is_a_clear_error(
    root: Path, build: Callable[..., Any], path: str, why: str
) -> None:
    built = build(files={"app.py": "", "lib/x": ""})
    with pytest.raises(StrataError, match=why):
        ensure_staged(
            str(root),
            "1.0",
            Archive(Source(built.url, built.checksum)),
            files=(replace(ENV, path=path),),
        )
    assert not (root / "releases/1.0").exists()


@pytest.mark.parametrize(
    "other", [replace(ENV, content="x"), replace(ENV, mode="0600"), replace(ENV, group="root"), None]
)
def test_other_contents_restage_what_was_never_active(
    root: Path, stage: Callable[..., Any], other: RenderedFile | None
) -> None:
    stage("1.0", files=(ENV,))
    files = (other,) if other else ()
    planned = stage("1.0", files=files, check_mode=True)
    assert (planned.changed, planned.before["files"]) == (True, {".env": "former"})
    done = stage("1.0", files=files)
    assert (done.changed, done.before, done.after) == (True, planned.before, planned.after)
    assert done.after["files"] == ({".env": "new"} if other else {})
    assert (root / "releases/1.0/.env").exists() == bool(other)
    assert "hunter2" not in json.dumps([done.before, done.after])


def test_other_contents_need_another_version_where_a_release_was_good(
    root: Path, stage: Callable[..., Any]
) -> None:
    other = replace(ENV, content="TOKEN=other\n")
    for version in ("1.0", "2.0"):
        stage(version, "same", files=(ENV,))
        ensure_active(str(root), version, Activation())
    for version in ("1.0", "2.0"):
        for check_mode in (True, False):
            with pytest.raises(
                StrataError, match=r"its files \.env are to be others.*another version"
            ) as raised:
                stage(version, "same", files=(other,), check_mode=check_mode)
            assert "other\n" not in str(raised.value)
    stage("2.0-config2", "same", files=(other,))
    ensure_active(str(root), "2.0-config2", Activation())
    assert (root / "current/.env").read_text() == other.content
    ensure_rolled_back(str(root), None, Activation())
    assert (root / "current/.env").read_text() == ENV.content
