# SPDX-License-Identifier: GPL-3.0-or-later
"""The format of an archive is seen by its first bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.archive import entries
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    ArchiveError,
    DamagedError,
)

LIMIT = 100_000


def tar() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("app.py")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"shop"))
    return packed.getvalue()


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "shop")
    return packed.getvalue()


@pytest.mark.parametrize("data", [tar(), gzip.compress(tar()), zipped()], ids=["tar", "tar.gz", "zip"])
def test_each_format_gives_the_same_entries(data: bytes, tmp_path: Path) -> None:
    with entries(io.BytesIO(data), tmp_path, LIMIT) as found:
        assert [(entry.name, entry.kind, b"".join(entry.content)) for entry in found] == [
            ("app.py", "file", b"shop")
        ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (
            b"<html>not found</html>" * 40,
            "it is neither a tar .* nor a zip, and begins with '<html>not found<",
        ),
        (gzip.compress(b"a page" * 200), "what is compressed in it is neither a tar"),
    ],
    ids=["nothing", "a page", "a compressed page"],
)
def test_what_is_no_archive_is_said_with_how_it_begins(data: bytes, why: str, tmp_path: Path) -> None:
    with pytest.raises(DamagedError, match=why), entries(io.BytesIO(data), tmp_path, LIMIT) as found:
        list(found)


def test_what_is_compressed_counts_unpacked(tmp_path: Path) -> None:
    with (
        pytest.raises(ArchiveError, match="far larger than its limits"),
        entries(io.BytesIO(gzip.compress(tar())), tmp_path, 1000) as found,
    ):
        list(found)
