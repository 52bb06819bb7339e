# SPDX-License-Identifier: GPL-3.0-or-later
"""An artifact that lies on this host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.file import File
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def read(url: str) -> bytes:
    with File().open(url, Access(), str) as stream:
        return stream.read(2) + stream.read(100)


def test_a_file_is_read_and_looked_up(tmp_path: Path) -> None:
    path = tmp_path / "shop.tar.gz"
    path.write_bytes(b"shop")
    assert read(str(path)) == b"shop"
    assert File().look_up(str(path), Access()) == 4


def test_its_name_and_what_lies_beside_it_follow_from_its_path() -> None:
    assert File().file_name("/srv/shop.tar.gz") == "shop.tar.gz"
    assert File().beside("/srv/shop.tar.gz", ".asc") == "/srv/shop.tar.gz.asc"
    assert File().shown("/srv/shop.tar.gz") == "/srv/shop.tar.gz"
    assert File().pinned("/srv/shop.tar.gz") is None


def test_a_file_that_is_not_there_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=rf"Fetching {tmp_path}/none: No such file .* on the controller"):
        File().look_up(str(tmp_path / "none"), Access())


def test_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="Is a directory"):
        read(str(tmp_path))


def test_a_path_with_nul_is_refused() -> None:
    with pytest.raises(StrataError, match="NUL"):
        File().validate("/srv/shop\0")
