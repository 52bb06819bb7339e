# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading migrations from archives that need a program to unpack."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from archives import COMPRESSIONS

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.source import read_source

UP = b"-- migrate:up\nSELECT 1;\n"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "shop.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        for name in (
            "./db/2_b.sql",
            "db/1_a.sql",
            "db/README.md",
            "db/old/0_x.sql",
            "app.py",
            "other/3_c.sql",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(UP)
            tar.addfile(member, io.BytesIO(UP))
        link = tarfile.TarInfo("links/1_a.sql")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    return path


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_tar_of_any_compression_is_read(archive: Path, compression: str) -> None:
    archive.write_bytes(COMPRESSIONS[compression](gzip.decompress(archive.read_bytes())))
    assert [item.name for item in read_source("db", Source(str(archive), "unverified"))] == [
        "1_a.sql",
        "2_b.sql",
    ]
