# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import durable
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import (
    read_json,
    sync_filesystem,
    write_text,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe{}"], ids=["empty", "cut", "not UTF-8"])
def test_a_file_that_is_not_json_is_a_clear_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(StrataError, match=r"Reading .*a\.json: it is not valid JSON"):
        read_json(tmp_path / "a.json", None)
    assert read_json(tmp_path / "b.json", "none") == "none"


def test_a_file_is_on_disk_before_it_has_its_name_and_its_name_before_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, bool]] = []

    def fsync(descriptor: int) -> None:
        what = os.readlink(f"/proc/self/fd/{descriptor}")
        synced.append(("folder" if what == str(tmp_path) else "file", (tmp_path / "a").exists()))

    monkeypatch.setattr(durable.os, "fsync", fsync)
    write_text(tmp_path / "a", "text")
    assert synced == [("file", False), ("folder", True)]
    assert os.listdir(tmp_path) == ["a"]


def test_a_file_system_is_flushed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync_filesystem(tmp_path)
    monkeypatch.setattr(durable.os, "open", lambda *arguments: 999_999)
    monkeypatch.setattr(durable.os, "close", lambda descriptor: None)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_filesystem(tmp_path)
