# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from fixtures.locks import M1, M2, dead, held_by, hold, holder

from ansible_collections.strata.deploy.plugins.module_utils._core import processes as _process
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment import lock as _lock
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import (
    Lock,
    ensure_absent,
    ensure_confirmed,
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


def test_its_holder_confirms_it_and_changes_nothing_without_news(tmp_path: Path) -> None:
    first = ensure_held(tmp_path, holder("one"), note="Stage")
    assert not ensure_held(tmp_path, holder("one")).changed
    assert not ensure_confirmed(tmp_path, holder("one")).changed
    second = ensure_confirmed(tmp_path, holder("one"), note="Fleet", drained=M1)
    assert second.changed
    assert first.lock is not None
    assert second.lock == replace(first.lock, note="Fleet")
    assert not ensure_confirmed(tmp_path, holder("one"), drained=M1).changed
    assert read_deployment(tmp_path, 0).lock == second.lock


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(holder("two"), id="alive"),
        pytest.param(dead(host="elsewhere"), id="of another machine"),
        pytest.param(dead(host="elsewhere", boot_id="other"), id="of another machine and boot"),
        pytest.param(dead(machine_id="f" * 32, boot_id="other"), id="of another machine of this name"),
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
            ensure_held(tmp_path, holder("one"), break_id="three", check_mode=check_mode)
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
        pytest.param(dead("one"), id="same id, run again"),
    ],
)
def test_the_lock_of_a_dead_deployment_is_taken_over_with_what_it_had_drained(
    tmp_path: Path, gone: Lock
) -> None:
    left = hold(tmp_path, gone, drained=M1, note="Fleet")
    result = ensure_held(tmp_path, holder("one"))
    assert result.unfinished == left
    assert result.drained == M1
    assert result.lock is not None
    assert (result.lock.id, result.lock.note) == ("one", "")
    assert held_by(tmp_path) == "one"
    assert ensure_held(tmp_path, holder("one")).unfinished is None


ID = "0123456789abcdef0123456789abcdef"
OTHER_ID = "fedcba9876543210fedcba9876543210"
HOST_NS = _process.INITIAL_PID_NAMESPACE
CONTAINER_NS = "pid:[4026532211]"


@pytest.mark.parametrize("runs", [True, False], ids=["running", "ended"])
@pytest.mark.parametrize(
    ("here", "there", "known"),
    [
        pytest.param({}, {}, "process", id="same machine and boot"),
        pytest.param({}, {"boot_id": "earlier"}, "dead", id="machine was booted since"),
        pytest.param({}, {"host": "elsewhere"}, None, id="another host name"),
        pytest.param({}, {"host": "elsewhere", "boot_id": "other"}, None, id="another host name and boot"),
        pytest.param(
            {}, {"machine_id": OTHER_ID, "boot_id": "other"}, None, id="another machine of this name"
        ),
        pytest.param({}, {"machine_id": OTHER_ID}, None, id="another machine with this boot id"),
        pytest.param(
            {}, {"machine_id": "", "boot_id": "other"}, None, id="machine id missing there, another boot"
        ),
        pytest.param(
            {"machine_id": ""}, {"boot_id": "other"}, None, id="machine id missing here, another boot"
        ),
        pytest.param(
            {"machine_id": ""},
            {"machine_id": "", "boot_id": "other"},
            None,
            id="machine id missing in both, another boot",
        ),
        # The boot id is random for each boot, so it identifies the kernel without any machine id.
        pytest.param({"machine_id": ""}, {"machine_id": ""}, "process", id="no machine id, same boot"),
        pytest.param({}, {"machine_id": ""}, "process", id="lock of an earlier version, same boot"),
        pytest.param({}, {"boot_id": ""}, None, id="boot id missing there"),
        pytest.param({"boot_id": ""}, {"boot_id": ""}, None, id="boot id missing in both"),
        pytest.param({}, {"pid_ns": ""}, None, id="namespace missing there"),
        pytest.param({"pid_ns": ""}, {"pid_ns": ""}, None, id="namespace missing in both"),
        pytest.param({}, {"pid_ns": CONTAINER_NS}, None, id="container on this machine"),
        pytest.param(
            {"pid_ns": CONTAINER_NS}, {"pid_ns": CONTAINER_NS}, "process", id="same container, same boot"
        ),
        pytest.param(
            {"pid_ns": CONTAINER_NS}, {"pid_ns": "pid:[4026532999]"}, None, id="another container, same boot"
        ),
        pytest.param(
            {"pid_ns": CONTAINER_NS},
            {"pid_ns": CONTAINER_NS, "boot_id": "other"},
            None,
            id="container of the same image after a reboot, or on another machine",
        ),
        pytest.param(
            {"pid_ns": CONTAINER_NS},
            {"pid_ns": HOST_NS, "boot_id": "other"},
            None,
            id="host, seen from a container",
        ),
    ],
)
def test_whether_a_holder_lives_is_only_said_where_it_is_known(
    monkeypatch: Any, here: dict[str, str], there: dict[str, str], known: str | None, runs: bool
) -> None:
    facts = {"boot_id": "this boot", "pid_ns": HOST_NS, "machine_id": ID, **here}
    monkeypatch.setattr(_process, "boot_id", lambda: facts["boot_id"])
    monkeypatch.setattr(_process, "pid_namespace", lambda: facts["pid_ns"])
    monkeypatch.setattr(_process, "machine_id", lambda: facts["machine_id"])
    monkeypatch.setattr(_process, "is_running", lambda *_process: runs)
    monkeypatch.setattr(socket, "gethostname", lambda: "runner")
    other = {"host": "runner", "boot_id": "this boot", "pid_ns": HOST_NS, "machine_id": ID, **there}
    assert dead(**other).is_alive() is {"process": runs, "dead": False, None: None}[known]


def test_a_lock_file_without_a_machine_id_is_read_and_its_holder_is_unknown_after_a_reboot(
    tmp_path: Path,
) -> None:
    old = asdict(ensure_held(tmp_path, dead("old", boot_id="other")).lock or dead())
    del old["machine_id"]
    (tmp_path / "lock.json").write_text(json.dumps(old))
    found = read_deployment(tmp_path, 0).lock
    assert found is not None
    assert (found.id, found.machine_id, found.is_alive()) == ("old", "", None)
    with pytest.raises(StrataError, match=r"held by 'old'.* cannot be checked from here"):
        ensure_held(tmp_path, holder("one"))


@pytest.mark.parametrize("unknown", ["boot_id", "pid_namespace"])
def test_without_knowledge_of_itself_a_dead_holder_still_counts(
    tmp_path: Path, monkeypatch: Any, unknown: str
) -> None:
    ensure_held(tmp_path, dead(boot_id="") if unknown == "boot_id" else dead(pid_ns=""))
    monkeypatch.setattr(_process, unknown, lambda: "")
    with pytest.raises(StrataError, match="cannot be checked from here"):
        ensure_held(tmp_path, holder("one"))


def test_a_lock_is_broken_by_its_name_and_the_journal_has_it(tmp_path: Path) -> None:
    broken = hold(tmp_path, holder("two"), note="backup: db1:/dump")
    assert ensure_held(tmp_path, holder("one"), break_id="two", check_mode=True).changed
    assert (held_by(tmp_path), read_deployment(tmp_path, 5).journal) == ("two", ())
    result = ensure_held(tmp_path, holder("one", user="grace"), break_id="two")
    assert result.unfinished == broken
    assert result.lock is not None
    assert held_by(tmp_path) == "one"
    (entry,) = read_deployment(tmp_path, 5).journal
    assert entry == {
        "id": "two",
        "version": "2.0",
        "user": "ada",
        "host": socket.gethostname(),
        "opened": broken.since,
        "closed": result.lock.since,
        "occasion": "deployment",
        "outcome": "unknown",
        "lock": "broken",
        "note": "backup: db1:/dump",
        "broken_by": {"id": "one", "user": "grace", "host": socket.gethostname()},
    }


def test_a_lock_that_is_not_taken_from_anybody_leaves_no_trace(tmp_path: Path) -> None:
    ensure_held(tmp_path, holder("one"), break_id="two")
    ensure_held(tmp_path, holder("one"), break_id="one")
    assert read_deployment(tmp_path, 5).journal == ()


@pytest.mark.parametrize("check_mode", [True, False])
def test_what_was_drained_is_added_and_keeps_what_was_recorded_first(
    tmp_path: Path, check_mode: bool
) -> None:
    hold(tmp_path, dead(), drained=M1)
    assert ensure_held(tmp_path, holder("one")).drained == M1
    added = {"lb1": {"m1": "newer", "m2": {}}, "lb2": {"m3": {}}}
    result = ensure_confirmed(tmp_path, holder("one"), drained=added, check_mode=check_mode)
    joined = {"lb1": {"m1": {"dial": "m1"}, "m2": {}}, "lb2": {"m3": {}}}
    assert (result.drained_before, result.drained) == (M1, joined)
    assert read_deployment(tmp_path, 0).drained == (M1 if check_mode else joined)


@pytest.mark.parametrize("given", [None, {}, {"lb1": {}}, {"lb3": {}}])
def test_an_empty_addition_takes_nothing_from_the_record(tmp_path: Path, given: Any) -> None:
    hold(tmp_path, holder("one"), drained=M1)
    assert not ensure_confirmed(tmp_path, holder("one"), drained=given).changed
    assert read_deployment(tmp_path, 0).drained == M1


RESTORED = [
    pytest.param(None, {"lb1": ["m1", "m2"], "lb2": ["m2"]}, id="none given"),
    pytest.param({}, {"lb1": ["m1", "m2"], "lb2": ["m2"]}, id="none"),
    pytest.param({"lb1": []}, {"lb1": ["m1", "m2"], "lb2": ["m2"]}, id="none of a balancer"),
    pytest.param({"lb1": ["m2"]}, {"lb1": ["m1"], "lb2": ["m2"]}, id="one"),
    pytest.param({"lb2": ["m2"]}, {"lb1": ["m1", "m2"]}, id="all of a balancer"),
    pytest.param({"lb1": ["m9"], "lb9": ["m1"]}, {"lb1": ["m1", "m2"], "lb2": ["m2"]}, id="unknown ones"),
    pytest.param({"lb1": ["m1", "m2"], "lb2": ["m2"]}, {}, id="all"),
]


@pytest.mark.parametrize(("given", "left"), RESTORED)
@pytest.mark.parametrize("close", [False, True], ids=["confirmed", "released"])
def test_only_what_is_named_as_restored_leaves_the_record(
    tmp_path: Path, given: Any, left: Any, close: bool
) -> None:
    recorded = {"lb1": {"m1": "first", "m2": {}}, "lb2": {"m2": {}}}
    hold(tmp_path, holder("one"), drained=recorded)
    change = ensure_absent if close else ensure_confirmed
    assert change(tmp_path, holder("one"), restored=given).drained_before == recorded
    found = read_deployment(tmp_path, 0).drained
    assert {balancer: list(members) for balancer, members in found.items()} == left
    assert all(
        found[balancer][member] == recorded[balancer][member]
        for balancer in found
        for member in found[balancer]
    )
    assert (tmp_path / "drained.json").exists() is bool(left)


def test_a_member_that_is_restored_and_drained_at_once_stays_with_its_first_definition(
    tmp_path: Path,
) -> None:
    hold(tmp_path, holder("one"), drained=M1)
    again = {"lb1": {"m1": "newer"}}
    assert ensure_confirmed(tmp_path, holder("one"), drained=again, restored={"lb1": ["m1"]}).drained == M1


@pytest.mark.parametrize(
    "given",
    [
        {"drained": {"lb1": ["m1"]}},
        {"drained": {"lb1": None}},
        {"restored": {"lb1": "m1"}},
        {"restored": {"lb1": {"m1": {}}}},
    ],
)
def test_a_record_of_another_shape_is_refused(tmp_path: Path, given: dict[str, Any]) -> None:
    hold(tmp_path, holder("one"), drained=M1)
    (option,) = given
    with pytest.raises(StrataError, match=f"balancer 'lb1' in the option '{option}'"):
        ensure_confirmed(tmp_path, holder("one"), **given)
    assert read_deployment(tmp_path, 0).drained == M1


def lose(folder: Path, how: str) -> None:
    """Take the lock of run ``one`` away from it."""
    if how in ("broken", "broken and released"):
        ensure_held(folder, holder("two", user="grace"), break_id="one")
    if how == "broken and released":
        ensure_absent(folder, holder("two"), journal={"outcome": "succeeded"})
    if how in ("removed", "taken after it was removed"):
        (folder / "lock.json").unlink()
    if how == "taken after it was removed":
        ensure_held(folder, holder("two", user="grace"))
    if how == "same id, run again":
        (folder / "lock.json").unlink()
        ensure_held(folder, holder("one", pid=os.getppid(), started=0))


LOST = [
    ("broken", "held by 'two' since .*: grace on .*; it was broken by 'two'"),
    ("broken and released", "the lock is gone: broken by 'two' .grace on "),
    ("removed", "the lock is gone: the journal does not say why"),
    ("taken after it was removed", "held by 'two' since .*: grace on "),
]


@pytest.mark.parametrize(("how", "reason"), [*LOST, ("same id, run again", "held by 'one' since ")])
def test_a_run_that_lost_its_lock_is_told_who_has_it_and_does_not_get_it_back(
    tmp_path: Path, how: str, reason: str
) -> None:
    hold(tmp_path, holder("one"), drained=M1)
    lose(tmp_path, how)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    news = {"note": "Fleet", "drained": M2, "restored": {"lb1": ["m1"]}, "contracted": "2.0"}
    for given in ({}, news):
        with pytest.raises(StrataError, match=reason) as refusal:
            ensure_confirmed(tmp_path, holder("one"), **given)
        assert "'one'" in str(refusal.value)
        assert "has lost its lock and changes nothing more" in str(refusal.value)
        lock = read_deployment(tmp_path, 0).lock
        assert refusal.value.details["lock"] == (asdict(lock) if lock else None)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_lock_in_a_folder_that_is_gone_is_lost_and_the_folder_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match="the lock is gone"):
        ensure_confirmed(tmp_path / "shop", holder("one"))
    assert not (tmp_path / "shop").exists()


@pytest.mark.parametrize(("how", "reason"), LOST)
def test_a_run_that_lost_its_lock_leaves_its_journal_entry_and_nothing_else(
    tmp_path: Path, how: str, reason: str
) -> None:
    opened = hold(tmp_path, holder("one"), drained=M1).since
    lose(tmp_path, how)
    holds = held_by(tmp_path)
    before = len(read_deployment(tmp_path, 9).journal)
    for _once_and_again in range(2):
        with pytest.raises(StrataError, match="not held by this run 'one'"):
            ensure_absent(tmp_path, holder("one"), restored={"lb1": ["m1"]}, journal={"outcome": "failed"})
        found = read_deployment(tmp_path, 9)
        assert (found.drained, held_by(tmp_path), len(found.journal)) == (M1, holds, before + 1)
    entry = found.journal[0]
    assert entry.pop("closed").endswith("Z")
    assert entry == {
        "id": "one",
        "version": "2.0",
        "user": "ada",
        "host": socket.gethostname(),
        "opened": opened if how.startswith("broken") else None,
        "outcome": "failed",
        "lock": "lost",
        "held_by": holds,
    }


def test_the_end_of_a_run_that_lost_its_lock_says_who_has_it(tmp_path: Path) -> None:
    for number, (how, reason) in enumerate(LOST):
        hold(tmp_path / str(number), holder("one"))
        lose(tmp_path / str(number), how)
        with pytest.raises(StrataError, match=reason):
            ensure_absent(tmp_path / str(number), holder("one"), journal={})


def test_a_lost_lock_is_told_even_where_the_journal_cannot_be_written(tmp_path: Path) -> None:
    hold(tmp_path, holder("one"))
    lose(tmp_path, "removed")
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "nowhere" / "journal.jsonl")
    with pytest.raises(
        StrataError, match=r"the lock is gone.* The journal entry could not be written either: No such"
    ):
        ensure_absent(tmp_path, holder("one"), journal={})


def test_a_run_that_took_no_lock_cannot_confirm_or_release_one(tmp_path: Path) -> None:
    for act in (ensure_confirmed, ensure_absent):
        with pytest.raises(StrataError, match="the lock is gone: the journal does not say why"):
            act(tmp_path / "shop", holder("one"))


def test_releasing_twice_is_a_failure_without_a_second_entry(tmp_path: Path) -> None:
    ensure_held(tmp_path, holder("one"))
    ensure_absent(tmp_path, holder("one"), journal={"outcome": "succeeded"})
    with pytest.raises(StrataError, match="the lock is gone: released by this run at "):
        ensure_absent(tmp_path, holder("one"), journal={"outcome": "succeeded"})
    assert len(read_deployment(tmp_path, 5).journal) == 1


def test_a_release_writes_the_journal_with_who_and_when(tmp_path: Path) -> None:
    lock = ensure_held(tmp_path, holder("one")).lock
    assert lock is not None
    result = ensure_absent(tmp_path, holder("one"), journal={"verdict": "passed"})
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


def test_check_mode_tells_the_same_and_writes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    assert ensure_held(folder, holder("one"), check_mode=True).changed
    # No lock was taken above, and yet the run goes on as if it were.
    assert ensure_confirmed(folder, holder("one"), drained=M1, check_mode=True).drained == M1
    assert ensure_absent(folder, holder("one"), journal={}, check_mode=True).lock is None
    assert not folder.exists()
    hold(folder, holder("one"), drained=M1)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert ensure_confirmed(folder, holder("one"), drained=M2, note="x", check_mode=True).changed
    assert (
        ensure_absent(folder, holder("one"), restored={"lb1": ["m1"]}, journal={}, check_mode=True).lock
        is None
    )
    assert ensure_confirmed(folder, holder("checking"), drained=M2, check_mode=True).changed
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
    assert ensure_confirmed(tmp_path, holder("one"), contracted="2.0", check_mode=True).changed
    assert ensure_confirmed(tmp_path, holder("one")).contracted is None
    assert ensure_confirmed(tmp_path, holder("one"), contracted="2.0").contracted == "2.0"
    ensure_absent(tmp_path, holder("one"))
    assert ensure_held(tmp_path, holder("two")).contracted == "2.0"


def test_a_torn_record_of_the_contracted_schema_is_no_licence(tmp_path: Path) -> None:
    (tmp_path / "contracted.json").write_text('["2.0"]')
    with pytest.raises(StrataError, match="not a record of the contracted schema"):
        ensure_held(tmp_path, holder("one"))
