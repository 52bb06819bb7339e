# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder from which a migration tool runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import signature, ssh
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Result
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import (
    release_folder as release_folder_module,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_folder import (
    NoReleaseError,
    release_folder,
)


@pytest.fixture
def root(tmp_path: Path, build: Callable[..., Any]) -> str:
    """An app whose release 1.0 is current, and 2.0 staged."""
    root = str(tmp_path / "srv")
    for version in ("1.0", "2.0"):
        built = build(f"shop-{version}", {"app.py": version})
        ensure_staged(root, version, Archive(Source(built.url, built.checksum)))
    ensure_active(root, "1.0", Activation())
    return root


def test_a_staged_release_is_where_it_lies(root: str) -> None:
    with release_folder(EngineOptions(path=root, release="2.0"), None) as folder:
        assert folder == Path(root, "releases", "2.0")


def test_without_a_version_it_is_the_current_one(root: str) -> None:
    with release_folder(EngineOptions(path=root), None) as folder:
        assert (folder / "app.py").read_text() == "1.0"


@pytest.mark.parametrize("same", [True, False])
def test_a_staged_release_is_taken_only_if_it_is_the_archives(
    root: str, build: Callable[..., Any], same: bool
) -> None:
    built = build("shop-2.0" if same else "other", {"app.py": "2.0" if same else "another build"})
    options = EngineOptions(path=root, release="2.0", archive=built.url, checksum=built.checksum)
    with release_folder(options, None) as folder:
        assert (folder == Path(root, "releases", "2.0")) is same
        assert (folder / "app.py").read_text() == ("2.0" if same else "another build")
    assert folder.exists() is same


def test_an_unstaged_release_is_unpacked_for_the_time_and_private(build: Callable[..., Any]) -> None:
    built = build("shop", {"app.py": "3.0"})
    with release_folder(
        EngineOptions(release="3.0", archive=built.url, checksum=built.checksum), None
    ) as folder:
        assert [each.name for each in folder.iterdir()] == ["app.py"]
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert [each.name for each in folder.parent.iterdir()] == ["release"]
    assert not folder.parent.exists()


def test_the_group_of_the_tools_user_may_read_it(build: Callable[..., Any]) -> None:
    built = build("shop", {"app.py": "3.0"})
    options = EngineOptions(archive=built.url, checksum="unverified")
    with release_folder(options, os.getgid()) as folder:
        found = folder.parent.stat()
        assert (found.st_mode & 0o777, found.st_gid) == (0o750, os.getgid())


@pytest.mark.parametrize(
    ("path", "why"), [(None, "No path is given"), ("/srv/none", "3.0 is not under /srv/none")]
)
def test_where_there_is_nothing_to_run_that_is_said(path: str | None, why: str) -> None:
    with (
        pytest.raises(NoReleaseError, match=why),
        release_folder(EngineOptions(path=path, release="3.0"), None),
    ):
        pass


def test_another_archive_than_the_one_that_is_meant_is_an_error(build: Callable[..., Any]) -> None:
    options = EngineOptions(archive=build("shop").url, checksum=f"sha256:{'0' * 64}")
    with pytest.raises(StrataError, match="its checksum is"), release_folder(options, None):
        pass


def test_the_archive_s_signature_is_verified_before_it_is_unpacked(
    build: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = build("shop", {"app.py": "3.0"})
    Path(f"{built.url}.sig").write_text("junk")
    unpacked: list[Any] = []
    monkeypatch.setattr(release_folder_module, "unpack", lambda *arguments: unpacked.append(arguments))
    monkeypatch.setattr(ssh, "run", lambda *arguments: Result("ssh-keygen", 255, "", "junk"))
    options = EngineOptions(
        archive=built.url,
        checksum=built.checksum,
        signature=signature({"format": "ssh", "key": "ssh-ed25519 AAAA"}),
    )
    with (
        pytest.raises(StrataError, match=r"Verifying the signature of .*: it is not a good one"),
        release_folder(options, None),
    ):
        pass
    assert not unpacked
