# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are archives."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import installer
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import Archive
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    folder, scratch = tmp_path / "release", tmp_path / "scratch"
    folder.mkdir()
    scratch.mkdir()
    return folder, scratch


def test_an_archive_is_unpacked_and_verified(build: Callable[..., Any], folders: tuple[Path, Path]) -> None:
    built = build("shop", {"app.py": "shop"})
    archive = Archive(Source(built.url, built.checksum))
    archive.validate()
    assert archive.look_up() == built.path.stat().st_size
    digests = archive.stage(*folders)
    assert (folders[0] / "app.py").read_text() == "shop"
    assert archive.matches(digests)
    assert (archive.checksum, archive.origin) == (built.checksum, built.url)


def test_another_artifact_than_the_one_that_is_meant_is_an_error(
    build: Callable[..., Any], folders: tuple[Path, Path]
) -> None:
    built = build("shop")
    with pytest.raises(StrataError, match="its checksum is"):
        Archive(Source(built.url, f"sha256:{'0' * 64}")).stage(*folders)


@pytest.mark.parametrize(
    "archive",
    [
        Archive(Source("shop.tar.gz", "unverified")),
        Archive(Source("/srv/shop.tar.gz", "unverified"), Rules(max_bytes=0)),
    ],
    ids=["source", "rules"],
)
def test_a_source_and_rules_that_cannot_work_are_refused(archive: Archive) -> None:
    with pytest.raises(StrataError):
        archive.validate()


def test_a_release_is_its_folder_alone(tmp_path: Path) -> None:
    installed = installer("archive")
    installed.install(tmp_path)
    installed.remove(tmp_path)
    assert tmp_path.is_dir()
    assert installed.service(tmp_path, None) is None
