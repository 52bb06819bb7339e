# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from demo import state
from demo.state import DemoError, State


def test_every_folder_is_private(tmp_path: Path) -> None:
    demo = State(tmp_path / ".demo")
    demo.prepare()
    folders = [demo.dir, *(path for path in demo.dir.iterdir() if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}


def test_a_second_command_is_told_who_has_the_demo_in_hand(tmp_path: Path) -> None:
    demo = State(tmp_path / ".demo")
    with demo.locked(), pytest.raises(DemoError, match=r"in hand here \(pid \d+"), demo.locked():
        pass
    with demo.locked():
        pass


def test_a_file_is_private_and_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    state.write_json(path, {"a": 1})
    state.write_json(path, {"a": 2})
    assert state.read_json(path) == {"a": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize("text", [None, "", '{"half":'])
def test_a_file_that_is_missing_or_half_written_reads_as_none(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "file.json").write_text(text)
    assert state.read_json(tmp_path / "file.json") is None
