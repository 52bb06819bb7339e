# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature import flags
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import record as records
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import FlagState
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.rollout import (
    ensure_restored,
    ensure_switched,
    read_flags,
)

CUSTOM: dict[str, Any] = {
    "state": "ENABLED",
    "variants": {"on": True, "off": False},
    "defaultVariant": "off",
    "targeting": {"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "on"]},
}
ABSENT = FlagState("absent", 0.0)


@pytest.fixture
def provider(tmp_path: Path) -> Flagd:
    (tmp_path / "flags").mkdir()
    path = tmp_path / "flags" / "shop.json"
    path.write_text(json.dumps({"flags": {"custom": CUSTOM}}))
    return Flagd({"path": str(path)})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "state" / "shop"


def percentage(provider: Flagd, name: str) -> float | None:
    return provider.describe(provider.read().get(name)).percentage


def test_a_ramp_is_recorded_once_and_put_back_exactly(provider: Flagd, record: Path) -> None:
    before = provider.read()
    for name in ("custom", "new"):
        for step in (5, 25, 100):
            result = ensure_switched(provider, name, step, record=record, rollout="r1")
            assert result.changed
            assert result.flags[name].percentage == step
    assert result.former == {"new": FlagState("partial", 25.0)}
    restored = ensure_restored(provider, record)
    assert restored.changed
    assert restored.flags == {"custom": FlagState("custom", None), "new": ABSENT}
    assert restored.former == {"custom": FlagState("on", 100.0), "new": FlagState("on", 100.0)}
    assert json.dumps(provider.read()) == json.dumps(before)  # with its keys in their owner's order, too
    assert not ensure_restored(provider, record).changed


def test_what_is_already_so_changes_and_records_nothing(provider: Flagd, record: Path) -> None:
    ensure_switched(provider, "new", 100, record=record, rollout="r1")
    assert not ensure_switched(provider, "new", 100, record=record, rollout="r2").changed
    assert records.read(record)["new"].rollout == "r1"


def test_a_later_rollout_replaces_what_an_earlier_one_recorded_of_the_same_flag(
    provider: Flagd, record: Path
) -> None:
    ensure_switched(provider, "a", 50, record=record, rollout="r1")
    ensure_switched(provider, "b", 50, record=record, rollout="r1")
    ensure_switched(provider, "a", 100, record=record, rollout="r2")
    assert not ensure_restored(provider, record, names=["a"], rollout="r1").changed
    assert ensure_restored(provider, record, rollout="r2").flags == {"a": FlagState("partial", 50.0)}
    assert (percentage(provider, "a"), percentage(provider, "b")) == (50.0, 50.0)
    assert list(records.read(record)) == ["b"]


def ramp(provider: Flagd, record: Path, rollout: str, *steps: float, ends: bool = True) -> None:
    """Take the flag ``new`` through steps; with ``ends=False`` the run dies after the last of them."""
    for number, step in enumerate(steps, 1):
        last = ends and number == len(steps)
        ensure_switched(provider, "new", step, record=record, rollout=rollout, last=last)


def test_what_was_before_a_ramp_that_died_is_kept_by_the_rollout_that_finishes_it(
    provider: Flagd, record: Path
) -> None:
    ramp(provider, record, "dead", 5, 25, ends=False)
    at = records.read(record)["new"].at
    ramp(provider, record, "next", 50, ends=False)
    ramp(provider, record, "third", 100)
    assert (records.read(record)["new"].rollout, records.read(record)["new"].at) == ("third", at)
    assert not ensure_restored(provider, record, rollout="dead").changed
    assert ensure_restored(provider, record, rollout="third").flags == {"new": ABSENT}


@pytest.mark.parametrize("steps", [(100,), (5, 25, 100), (25,)])
def test_a_finished_rollout_is_over_and_the_next_one_records_anew(
    provider: Flagd, record: Path, steps: tuple[float, ...]
) -> None:
    ramp(provider, record, "first", *steps)
    ramp(provider, record, "second", 50)
    assert ensure_restored(provider, record).flags["new"].percentage == steps[-1]


def test_a_rollout_that_was_undone_is_over(provider: Flagd, record: Path) -> None:
    ramp(provider, record, "first", 5, 25, ends=False)
    ensure_restored(provider, record, rollout="first")
    ensure_switched(provider, "new", 25)  # by its owner
    ramp(provider, record, "second", 100)
    assert ensure_restored(provider, record).flags["new"].percentage == 25


@pytest.mark.parametrize("percentage", [0, 5, 100])
def test_a_flag_that_somebody_else_changed_since_is_recorded_as_it_is(
    provider: Flagd, record: Path, percentage: float
) -> None:
    ramp(provider, record, "dead", 5, 25, ends=False)
    ensure_switched(provider, "new", percentage)
    theirs = provider.read()["new"]
    ramp(provider, record, "next", 50)
    ensure_restored(provider, record)
    assert provider.read()["new"] == theirs


def test_a_flag_with_rules_that_its_owner_gave_it_since_is_recorded_as_it_is(
    provider: Flagd, record: Path
) -> None:
    ramp(provider, record, "dead", 5, ends=False)
    with provider.alone():
        provider.write({"new": CUSTOM})
    ramp(provider, record, "next", 100)
    ensure_restored(provider, record)
    assert provider.read()["new"] == CUSTOM


@pytest.mark.parametrize("died", ["before the flag changed", "after the flag changed"])
@pytest.mark.parametrize("steps", [(5,), (5, 25), (5, 25, 100)])
def test_killed_within_a_step_what_was_before_the_ramp_is_still_known(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch, steps: tuple[float, ...], died: str
) -> None:
    class Killed(BaseException):
        pass

    write = Flagd.write

    def deadly(self: Flagd, definitions: Any) -> None:
        if died == "after the flag changed":
            write(self, definitions)
        raise Killed

    ramp(provider, record, "dead", *steps[:-1], ends=False)
    with monkeypatch.context() as patch:
        patch.setattr(Flagd, "write", deadly)
        with pytest.raises(Killed):
            ramp(provider, record, "dead", steps[-1], ends=steps[-1] == 100)
    finished = steps[-1] == 100 and died == "after the flag changed"
    ramp(provider, record, "next", 75)
    assert ensure_restored(provider, record).flags["new"].percentage == (100 if finished else 0)


def test_a_record_without_the_steps_of_its_rollout_is_read_and_counts_as_finished(
    provider: Flagd, record: Path
) -> None:
    ramp(provider, record, "old", 25, ends=False)
    path = record / "flags.json"
    entries = json.loads(path.read_text())
    for name in ("percentages", "last"):
        del entries["new"][name]
    path.write_text(json.dumps(entries))
    assert read_flags(provider, record=record).recorded["new"].rollout == "old"
    ramp(provider, record, "next", 100)
    assert ensure_restored(provider, record).flags["new"].percentage == 25


def test_what_another_provider_recorded_is_not_kept(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ramp(provider, record, "dead", 25, ends=False)
    monkeypatch.setattr(Flagd, "NAME", "other")
    ramp(provider, record, "next", 100)
    assert records.read(record)["new"].provider == "other"
    assert ensure_restored(provider, record).flags["new"].percentage == 25


def test_without_a_rollout_nothing_is_recorded(provider: Flagd, record: Path) -> None:
    ensure_switched(provider, "new", 100, record=record)
    assert not record.exists()


def test_one_flag_is_restored_by_name(provider: Flagd, record: Path) -> None:
    for name in ("a", "b"):
        ensure_switched(provider, name, 100, record=record, rollout="r1")
    assert ensure_restored(provider, record, names=["a"]).flags == {"a": ABSENT}
    assert (percentage(provider, "a"), percentage(provider, "b")) == (0.0, 100.0)
    unknown = ensure_restored(provider, record, names=["custom"])
    assert (unknown.changed, unknown.flags) == (False, {"custom": FlagState("custom", None)})


def test_rollouts_at_the_same_time_record_every_flag(tmp_path: Path, record: Path) -> None:
    """Each in a flag file of its own, so that it is the record alone over which they meet."""
    providers = [Flagd({"path": str(tmp_path / f"{writer}.json")}) for writer in range(4)]
    start = threading.Barrier(4, timeout=5)

    def roll_out(writer: int) -> None:
        (tmp_path / f"{writer}.json").write_text('{"flags": {}}')
        start.wait()
        for number in range(10):
            ensure_switched(providers[writer], f"{writer}-{number}", 5, record=record, rollout=f"r{writer}")

    def put_back(writer: int) -> bool:
        start.wait()
        return ensure_restored(providers[writer], record, rollout=f"r{writer}").changed

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(roll_out, range(4)))
        assert len(records.read(record)) == 40
        assert list(pool.map(put_back, range(4))) == [True] * 4
    assert records.read(record) == {}
    assert [provider.read() for provider in providers] == [{}] * 4


def test_what_another_wrote_meanwhile_is_kept_recorded_and_told(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = {**CUSTOM, "metadata": {"owner": "ada"}}
    another = Flagd({"path": str(provider._path)})

    def overtaken(_names: object) -> None:
        with another.alone():
            another.write({"custom": ours})

    monkeypatch.setattr(provider, "ensure_writable", overtaken)
    result = ensure_switched(provider, "custom", 5, record=record, rollout="r1")
    assert result.before == {"custom": ours}
    assert records.read(record)["custom"].definition == ours
    assert provider.read()["custom"]["metadata"] == {"owner": "ada"}


def test_the_record_is_on_disk_before_the_flag_changes(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, records.Former]] = []
    monkeypatch.setattr(Flagd, "write", lambda self, definitions: seen.append(records.read(record)))
    ensure_switched(provider, "custom", 5, record=record, rollout="r1")
    assert seen[0]["custom"].definition == CUSTOM


def test_a_flag_is_restored_before_the_record_of_it_goes(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_switched(provider, "custom", 5, record=record, rollout="r1")

    def refuse(self: Flagd, definitions: object) -> None:
        raise StrataError("The flag file cannot be written.")

    with monkeypatch.context() as patch:
        patch.setattr(Flagd, "write", refuse)
        with pytest.raises(StrataError):
            ensure_restored(provider, record)
    assert ensure_restored(provider, record).flags == {"custom": FlagState("custom", None)}


def test_check_mode_tells_the_same_and_writes_nothing(provider: Flagd, record: Path) -> None:
    before = provider.read()
    planned = ensure_switched(provider, "new", 5, record=record, rollout="r1", check_mode=True)
    assert (provider.read(), record.exists()) == (before, False)
    assert planned == ensure_switched(provider, "new", 5, record=record, rollout="r1")
    planned = ensure_restored(provider, record, check_mode=True)
    assert percentage(provider, "new") == 5.0
    assert planned == ensure_restored(provider, record)


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_flag_that_cannot_be_written_is_neither_recorded_nor_changed(
    provider: Flagd, record: Path, check_mode: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_args: False)
    with pytest.raises(StrataError, match="cannot be written"):
        ensure_switched(provider, "new", 5, record=record, rollout="r1", check_mode=check_mode)
    assert not record.exists()


@pytest.mark.parametrize("wrong", [-1, 100.1, 0.0001])
def test_a_percentage_has_limits(provider: Flagd, wrong: float) -> None:
    with pytest.raises(StrataError, match=f"not {wrong}"):
        ensure_switched(provider, "new", wrong)


@pytest.mark.parametrize(
    "text", ["[]", '{"a": 1}', '{"a": {"percentages": 5}}', '{"a": {"rollout": "r1"}}', "x"]
)
def test_a_record_that_is_none_is_an_error_before_any_change(
    provider: Flagd, record: Path, text: str
) -> None:
    record.mkdir(parents=True)
    (record / "flags.json").write_text(text)
    before = provider.read()
    for deed in (
        lambda: ensure_switched(provider, "new", 5, record=record, rollout="r1"),
        lambda: ensure_restored(provider, record),
        lambda: read_flags(provider, record=record),
    ):
        with pytest.raises(StrataError, match=r"flags\.json"):
            deed()
    assert provider.read() == before


def test_another_provider_cannot_restore_what_this_one_recorded(
    provider: Flagd, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_switched(provider, "new", 5, record=record, rollout="r1")
    monkeypatch.setattr(Flagd, "NAME", "other")
    with pytest.raises(StrataError, match="provider: flagd"):
        ensure_restored(provider, record)


def test_flags_are_read_all_or_by_name_with_what_would_be_restored(provider: Flagd, record: Path) -> None:
    ensure_switched(provider, "new", 5, record=record, rollout="r1")
    found = read_flags(provider, record=record)
    assert found.flags == {"custom": FlagState("custom", None), "new": FlagState("partial", 5.0)}
    assert (found.recorded["new"].rollout, found.recorded["new"].former) == ("r1", ABSENT)
    assert read_flags(provider, names=["none"]).flags == {"none": ABSENT}


def test_the_registry_is_alphabetical_and_names_itself() -> None:
    assert list(flags.PROVIDERS) == sorted(flags.PROVIDERS)
    assert all(name == kind.NAME for name, kind in flags.PROVIDERS.items())
    with pytest.raises(StrataError, match=r"no feature flag provider 'x' \(known: flagd\)"):
        flags.connect({"provider": "x"})
