# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into a release of the demo's shop."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from demo import build
from demo.state import State


def names(version: str) -> set[str]:
    return set(build.files_of(version))


def test_a_release_is_its_parent_with_its_own_files_laid_over() -> None:
    first, second = build.files_of("1.0"), build.files_of("2.0")
    assert set(first) < set(second)
    assert second["shop/health.py"] == first["shop/health.py"]
    assert second["shop/orders.py"] != first["shop/orders.py"]
    assert second["VERSION"] == (b"2.0\n", 0o644)


@pytest.mark.parametrize("version", ["3.0-broken", "3.1-journey"])
def test_the_faulty_releases_bring_no_migration_of_their_own(version: str) -> None:
    assert names(version) == names("2.0")


def test_the_launcher_is_the_only_executable_file() -> None:
    executable = {name for name, (_, mode) in build.files_of("2.0").items() if mode & 0o111}
    assert executable == {"bin/shop"}


def test_an_artifact_is_the_same_bytes_each_time_and_holds_no_owner() -> None:
    artifact = build.pack(build.files_of("1.0"))
    assert artifact == build.pack(build.files_of("1.0"))
    assert artifact[4:8] == bytes(4), "gzip's own time (RFC 1952)"
    with tarfile.open(fileobj=io.BytesIO(artifact)) as tar:
        assert {(entry.uid, entry.gid, entry.mtime) for entry in tar} == {(0, 0, 0)}


def test_each_release_is_written_with_its_checksum(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.prepare()
    built = build.build(state)
    assert len(built) >= 2
    for artifact in built:
        checksum, name = artifact.with_name(f"{artifact.name}.sha256").read_text().split()
        assert (checksum, name) == (hashlib.sha256(artifact.read_bytes()).hexdigest(), artifact.name)
