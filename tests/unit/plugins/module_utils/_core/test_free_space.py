# SPDX-License-Identifier: GPL-3.0-or-later
"""How much room there is, and how it is shown."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.free_space import free, shown


def test_the_room_is_what_an_ordinary_user_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(f_bavail=3, f_bfree=5, f_frsize=1000)
    monkeypatch.setattr(os, "statvfs", lambda path: found)
    assert free(tmp_path) == 3000


def test_the_room_of_a_folder_to_be_made_is_that_of_where_it_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    found = SimpleNamespace(f_bavail=1, f_frsize=1)
    monkeypatch.setattr(os, "statvfs", lambda path: asked.append(path) or found)
    free(tmp_path / "srv" / "shop")
    assert asked == [tmp_path]


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (2**30, "1.0 GiB"),
        (2**50, "1024.0 TiB"),
    ],
)
def test_a_number_of_bytes_is_shown_in_the_unit_that_fits(size: int, text: str) -> None:
    assert shown(size) == text
