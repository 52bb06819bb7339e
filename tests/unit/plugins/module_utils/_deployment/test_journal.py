# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._deployment import journal


def test_there_is_nothing_before_the_first_entry(tmp_path: Path) -> None:
    assert journal.tail(tmp_path, 5) == ()


@pytest.mark.parametrize(("entries", "expected"), [(0, []), (2, [3, 2]), (9, [3, 2, 1])])
def test_the_last_entries_come_newest_first(tmp_path: Path, entries: int, expected: list[int]) -> None:
    for n in (1, 2, 3):
        journal.append(tmp_path, {"n": n, "reason": "two\nlines"})
    assert [entry["n"] for entry in journal.tail(tmp_path, entries)] == expected


def test_a_torn_line_costs_neither_the_entry_before_nor_the_one_after(tmp_path: Path) -> None:
    journal.append(tmp_path, {"n": 1})
    with (tmp_path / "journal.jsonl").open("a") as stream:
        stream.write('{"n": 2, "verd')
    journal.append(tmp_path, {"n": 3})
    assert [entry["n"] for entry in journal.tail(tmp_path, 9)] == [3, 1]


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    journal.append(tmp_path, {})
    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_newest_entry_of_a_deployment_is_found_behind_those_of_others(tmp_path: Path) -> None:
    assert journal.last_entry_of(tmp_path, "a") is None
    for n, identifier in enumerate("aabb"):
        journal.append(tmp_path, {"id": identifier, "n": n})
    assert journal.last_entry_of(tmp_path, "a") == {"id": "a", "n": 1}
    assert journal.last_entry_of(tmp_path, "c") is None
