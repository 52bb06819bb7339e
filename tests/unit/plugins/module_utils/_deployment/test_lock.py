# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from fixtures.locks import M1, M2, dead, held_by, holder

from ansible_collections.strata.deploy.plugins.module_utils._core import processes as _process
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment import lock as _lock
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import (
    Lock,
    ensure_absent,
    ensure_held,
    read_deployment,
)


def test_a_free_lock_is_taken_and_tells_who_holds_it(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "shop"
    result = ensure_held(folder, holder("one"), note="Stage")
    assert result.changed
    assert result.unfinished is None
    assert result.lock is not None
    assert json.loads((folder / "lock.json").read_text()) == asdict(result.lock)
    assert (result.lock.id, result.lock.note) == ("one", "Stage")
    assert result.lock.since.endswith("Z")
    assert (folder / "lock.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_its_holder_updates_it_and_changes_nothing_without_news(tmp_path: Path) -> None:
    first = ensure_held(tmp_path, holder("one"), note="Stage")
    assert not ensure_held(tmp_path, holder("one")).changed
    second = ensure_held(tmp_path, holder("one"), note="Fleet", drained=M1)
    assert second.changed
    assert second.unfinished is None
    assert second.lock == replace(first.lock, note="Fleet")
    assert not ensure_held(tmp_path, holder("one"), drained=M1).changed


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(holder("two"), id="alive"),
        pytest.param(dead(host="elsewhere"), id="of another machine"),
        pytest.param(dead(host="elsewhere", boot_id="other"), id="of another machine and boot"),
        pytest.param(dead(boot_id=""), id="of an unknown boot"),
        pytest.param(dead(pid_ns="pid:[1]"), id="of another container, where its number cannot be seen"),
        pytest.param(dead(pid_ns=""), id="of an unknown container"),
        pytest.param(holder("one", pid=os.getppid(), started=0), id="of the same id in another process"),
    ],
)
def test_the_lock_of_another_is_left_and_the_error_says_whose_it_is_and_how_to_break_it(
    tmp_path: Path, other: Lock
) -> None:
    ensure_held(tmp_path, other)
    before = (tmp_path / "lock.json").read_bytes()
    for check_mode in (True, False):
        with pytest.raises(StrataError) as refusal:
            ensure_held(tmp_path, holder("one"), drained=M1, break_id="three", check_mode=check_mode)
        for part in (
            other.id,
            "ada",
            other.host,
            "2.0",
            str(other.pid),
            f"-e deployment_break_lock={other.id}",
        ):
            assert part in str(refusal.value)
        assert refusal.value.details["lock"]["id"] == other.id
    assert (tmp_path / "lock.json").read_bytes() == before
    assert not (tmp_path / "drained.json").exists()


@pytest.mark.parametrize(
    "gone",
    [
        pytest.param(dead(), id="number given to another"),
        pytest.param(dead(pid=2**22 + 1), id="no such process"),
        pytest.param(holder("dead", boot_id="an earlier one"), id="machine was booted since"),
        pytest.param(dead("one"), id="same id, run again"),
    ],
)
def test_the_lock_of_a_dead_deployment_is_taken_over_with_what_it_had_drained(
    tmp_path: Path, gone: Lock
) -> None:
    left = ensure_held(tmp_path, gone, drained=M1, note="Fleet").lock
    result = ensure_held(tmp_path, holder("one"))
    assert result.unfinished == left
    assert result.drained == M1
    assert result.lock is not None
    assert (result.lock.id, result.lock.note) == ("one", "")
    assert held_by(tmp_path) == "one"
    assert ensure_held(tmp_path, holder("one")).unfinished is None


@pytest.mark.parametrize("unknown", ["boot_id", "pid_namespace"])
def test_without_knowledge_of_itself_a_dead_holder_still_counts(
    tmp_path: Path, monkeypatch: Any, unknown: str
) -> None:
    ensure_held(tmp_path, dead(boot_id="") if unknown == "boot_id" else dead(pid_ns=""))
    monkeypatch.setattr(_process, unknown, lambda: "")
    with pytest.raises(StrataError, match="cannot be seen from here if it runs"):
        ensure_held(tmp_path, holder("one"))


def test_a_lock_is_broken_by_its_name(tmp_path: Path) -> None:
    ensure_held(tmp_path, holder("two"))
    result = ensure_held(tmp_path, holder("one"), break_id="two")
    assert result.unfinished is not None
    assert result.unfinished.id == "two"
    assert held_by(tmp_path) == "one"


def test_what_was_drained_before_is_not_forgotten_by_who_takes_the_lock(tmp_path: Path) -> None:
    ensure_held(tmp_path, dead(), drained=M1)
    first = ensure_held(
        tmp_path, holder("one"), drained={"lb1": {"m1": "newer", "m2": {}}, "lb2": {"m3": {}}}
    )
    assert first.drained == {"lb1": {"m1": {"dial": "m1"}, "m2": {}}, "lb2": {"m3": {}}}
    assert ensure_held(tmp_path, holder("one"), drained=M2).drained == M2
    assert ensure_held(tmp_path, holder("one")).drained == M2
    assert json.loads((tmp_path / "drained.json").read_text()) == M2


@pytest.mark.parametrize(
    ("given", "left"),
    [(None, M1), ({}, {}), ({"lb1": {}}, {}), (M2, M2)],
    ids=["none", "{}", "no members", "others"],
)
def test_a_release_keeps_the_drained_record_until_it_is_emptied(
    tmp_path: Path, given: Any, left: Any
) -> None:
    ensure_held(tmp_path, holder("one"), drained=M1)
    ensure_absent(tmp_path, "one", drained=given)
    assert read_deployment(tmp_path, 0).drained == left
    assert ensure_held(tmp_path, holder("two")).drained == left


def test_a_release_writes_the_journal_with_who_and_when(tmp_path: Path) -> None:
    lock = ensure_held(tmp_path, holder("one")).lock
    assert lock is not None
    result = ensure_absent(tmp_path, "one", journal={"verdict": "passed"})
    assert (result.changed, result.before, result.lock) == (True, lock, None)
    assert not (tmp_path / "lock.json").exists()
    (entry,) = read_deployment(tmp_path, 5).journal
    assert entry.pop("closed") >= lock.since
    assert entry == {
        "id": "one",
        "version": "2.0",
        "user": "ada",
        "host": socket.gethostname(),
        "opened": lock.since,
        "verdict": "passed",
    }


def test_releasing_what_is_not_held_changes_nothing_and_leaves_another_alone(tmp_path: Path) -> None:
    assert not ensure_absent(tmp_path / "nowhere", "one", journal={}).changed
    assert not ensure_absent(tmp_path, "one", journal={}).changed
    ensure_held(tmp_path, holder("two"))
    with pytest.raises(StrataError, match="held by 'two', not 'one'"):
        ensure_absent(tmp_path, "one", journal={})
    assert held_by(tmp_path) == "two"
    assert read_deployment(tmp_path, 5).journal == ()


def test_check_mode_tells_the_same_and_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    planned = ensure_held(folder, holder("one"), drained=M1, check_mode=True)
    assert planned.changed
    assert planned.drained == M1
    assert not folder.exists()
    ensure_held(folder, holder("one"), drained=M1)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert ensure_held(folder, holder("one"), drained=M2, note="x", check_mode=True).changed
    assert ensure_absent(folder, "one", drained={}, journal={}, check_mode=True).lock is None
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("text", ["[]", '{"id": "x"}', "{", "7"])
def test_a_lock_file_that_is_none_is_an_error_that_names_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(StrataError, match=r"lock\.json"):
        ensure_held(tmp_path, holder("one"))


def test_a_drained_record_that_is_none_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "drained.json").write_text('{"lb1": []}')
    with pytest.raises(StrataError, match=r"drained\.json"):
        ensure_held(tmp_path, holder("one"))


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StrataError, match=r"Taking the deploy lock in .*/file/shop: Not a directory"):
        ensure_held(tmp_path / "file" / "shop", holder("one"))


def test_without_the_guard_one_link_still_decides_over_a_free_lock(tmp_path: Path, monkeypatch: Any) -> None:
    """As on a network file system where flock binds one client only."""
    ensure_held(tmp_path, holder("two"))
    read, calls = _lock._read_lock, iter(["before the other took it"])
    monkeypatch.setattr(_lock, "_read_lock", lambda folder: None if next(calls, None) else read(folder))
    with pytest.raises(StrataError, match="held by 'two'"):
        ensure_held(tmp_path, holder("one"))
    assert held_by(tmp_path) == "two"


def test_that_the_schema_was_contracted_outlives_the_deployment(tmp_path: Path) -> None:
    assert ensure_held(tmp_path, holder("one")).contracted is None
    assert ensure_held(tmp_path, holder("one"), contracted="2.0", check_mode=True).changed
    assert ensure_held(tmp_path, holder("one")).contracted is None
    assert ensure_held(tmp_path, holder("one"), contracted="2.0").contracted == "2.0"
    ensure_absent(tmp_path, "one")
    assert ensure_held(tmp_path, holder("two")).contracted == "2.0"


def test_a_torn_record_of_the_contracted_schema_is_no_licence(tmp_path: Path) -> None:
    (tmp_path / "contracted.json").write_text('["2.0"]')
    with pytest.raises(StrataError, match="not a record of the contracted schema"):
        ensure_held(tmp_path, holder("one"))
