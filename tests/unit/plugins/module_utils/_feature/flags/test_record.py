# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of what flags were."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.record import (
    RECORD,
    Former,
    alone,
    read,
    write,
)

FORMER = Former("flagd", "r1", "2026-03-01T10:15:00Z", {"state": "ENABLED", "defaultVariant": "off"})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    record = {"billing": FORMER, "absent": Former("flagd", "r1", "2026-03-01T10:15:00Z", None)}
    with alone(folder):
        assert read(folder) == {}
        write(folder, record)
    assert read(folder) == record
    assert list(read(folder)["billing"].definition or {}) == ["state", "defaultVariant"]


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with alone(tmp_path / "state"):
        pass
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("text", ["[]", '{"billing": {"what": 1}}', '{"billing": 1}'])
def test_what_is_no_record_is_said(tmp_path: Path, text: str) -> None:
    (tmp_path / RECORD).write_text(text)
    with pytest.raises(StrataError, match="it is not a record of flags"):
        read(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(StrataError, match=r"Writing the record of flags in .*: Not a directory"),
        alone(tmp_path / "file" / "state"),
    ):
        pass
