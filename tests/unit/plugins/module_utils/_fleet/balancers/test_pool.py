# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of looking, refusing, switching and waiting, on a balancer that is kept in a dict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.pool import (
    PoolChange,
    ensure_members,
    minimum_ready,
)
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    Definition,
    Member,
)


class Recorded:
    """A provider whose members are given by their states, and which records what it is told."""

    NAME: ClassVar[str] = "recorded"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    pool = "shop"

    def __init__(self, states: Mapping[str, str], sessions: Iterable[int] = ()) -> None:
        self.members = {name: Member(state, definition={"of": name}) for name, state in states.items()}
        self.told: list[tuple[str, tuple[str, ...]]] = []
        self.left = iter(sessions)
        self.unhealthy_looks = 0
        self.undo_at_look = -1
        self.seconds_to_notice = 0.0

    def validate(self) -> None:
        pass

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        forgotten = {name: Member("drained", definition=definition) for name, definition in owned.items()}
        members = {**forgotten, **self.members}
        if self.unhealthy_looks:
            self.unhealthy_looks -= 1
            members = {name: replace(member, healthy=False, health="503") for name, member in members.items()}
        return members

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        count = next(self.left, 0)
        self.told.append(("sessions", (str(count),)))
        if len(self.told) - 1 == self.undo_at_look:
            self._become(names, "ready")
        return {name: count for name in names if self.members[name].state == "drained"}

    def drain(self, names: Collection[str]) -> None:
        self.told.append(("drain", tuple(names)))
        self._become(names, "drained")

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        return self.seconds_to_notice

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        self.told.append(("restore", tuple(definitions)))
        self._become(definitions, "ready")

    def _become(self, names: Collection[str], state: str) -> None:
        for name in names:
            self.members[name] = replace(self.members.get(name, Member(state)), state=state)


def ensure(provider: Recorded, members: list[str], state: str, **options: Any) -> PoolChange:
    given = {
        "owned": {},
        "min_ready": "1",
        "timeout": 0.05,
        "interval": 0.001,
        "check_mode": False,
        **options,
    }
    return ensure_members(provider, members=members, state=state, **given)


FOUR = {"a": "ready", "b": "ready", "c": "ready", "d": "ready"}


def test_a_batch_is_drained_in_one_call_and_idle_is_seen_twice() -> None:
    provider = Recorded(FOUR, [3, 0, 1, 0, 0])
    outcome = ensure(provider, ["a", "b"], "drained")
    assert provider.told[0] == ("drain", ("a", "b"))
    assert [count for verb, (count,) in provider.told[1:]] == ["3", "0", "1", "0", "0"]
    assert outcome.changed
    assert outcome.before == FOUR
    assert outcome.after == {"a": "drained", "b": "drained", "c": "ready", "d": "ready"}
    assert outcome.ready == 2


def test_members_are_put_back_only_once_healthy() -> None:
    provider = Recorded({"a": "drained", "b": "ready"})
    provider.unhealthy_looks = 4
    outcome = ensure(provider, ["a"], "ready")
    assert provider.unhealthy_looks == 0
    assert provider.told == [("restore", ("a",))]
    assert outcome.after == {"a": "ready", "b": "ready"}


@pytest.mark.parametrize(("state", "now"), [("drained", "drained"), ("ready", "ready")])
def test_what_is_so_already_is_no_change(state: str, now: str) -> None:
    provider = Recorded({"a": now, "b": "ready"})
    assert not ensure(provider, ["a"], state).changed
    assert not [verb for verb, _ in provider.told if verb != "sessions"]


@pytest.mark.parametrize("state", ["drained", "ready"])
def test_maintenance_is_left_alone_and_reported(state: str) -> None:
    provider = Recorded({"a": "maintenance", "b": "ready", "c": "ready"})
    outcome = ensure(provider, ["a"], state)
    assert (outcome.changed, outcome.left_alone, outcome.after["a"]) == (False, ("a",), "maintenance")
    assert provider.told == []


@pytest.mark.parametrize(
    ("state", "before", "after"), [("drained", "ready", "drained"), ("ready", "drained", "ready")]
)
def test_check_mode_foretells_and_touches_nothing(state: str, before: str, after: str) -> None:
    provider = Recorded({"a": before, "b": "ready"})
    outcome = ensure(provider, ["a"], state, check_mode=True)
    assert (outcome.changed, outcome.before["a"], outcome.after["a"]) == (True, before, after)
    assert provider.told == []


def test_no_members_only_reads() -> None:
    provider = Recorded({"a": "ready"})
    assert ensure(provider, [], "drained", min_ready="5").after == {"a": "ready"}
    assert provider.told == []


@pytest.mark.parametrize(
    ("states", "members", "min_ready", "allowed"),
    [
        (FOUR, ["a", "b", "c"], "1", True),
        (FOUR, ["a", "b", "c", "d"], "1", False),
        (FOUR, ["a", "b"], "50%", True),
        (FOUR, ["a", "b"], "51%", False),
        (FOUR, ["a", "b", "c", "d"], "0", True),
        ({"a": "ready", "b": "down"}, ["a"], "1", False),
        ({"a": "ready", "b": "down"}, ["b"], "1", True),
        ({"a": "ready", "b": "down"}, ["b"], "2", True),
        ({"a": "drained", "b": "maintenance"}, ["a", "b"], "1", True),
        ({"a": "ready", "b": "maintenance", "c": "ready"}, ["a"], "50%", False),
    ],
)
def test_ready_members_are_never_drained_below_the_minimum(
    states: dict[str, str], members: list[str], min_ready: str, allowed: bool
) -> None:
    provider = Recorded(states)
    if allowed:
        ensure(provider, members, "drained", min_ready=min_ready)
        return
    with pytest.raises(StrataError, match=f"min_ready={min_ready} asks for .* Nothing was changed"):
        ensure(provider, members, "drained", min_ready=min_ready)
    assert provider.told == []


def test_an_owned_member_counts_into_the_pool_and_can_be_put_back() -> None:
    owned = {"d": {"of": "d"}}
    provider = Recorded({"a": "ready", "b": "ready", "c": "ready"})
    with pytest.raises(StrataError, match="2 ready of 4 members"):
        ensure(provider, ["a"], "drained", owned=owned, min_ready="75%")
    assert ensure(provider, ["d"], "ready", owned=owned).after == FOUR


def test_an_unknown_member_is_an_error_before_any_change() -> None:
    provider = Recorded(FOUR)
    with pytest.raises(StrataError, match="'shop' has no member x; it has a, b, c, d") as raised:
        ensure(provider, ["a", "x"], "drained")
    assert raised.value.details == {"unknown": ["x"], "known": ["a", "b", "c", "d"]}
    assert provider.told == []


def test_a_drain_that_takes_too_long_tells_the_sessions_and_stays_drained() -> None:
    provider = Recorded(FOUR, [3] * 1000)
    with pytest.raises(StrataError, match=r"a \(3 sessions\)") as raised:
        ensure(provider, ["a"], "drained")
    assert raised.value.details == {"sessions": {"a": 3}, "changed": True}
    assert provider.members["a"].state == "drained"


def test_a_member_that_stays_unhealthy_is_not_put_back() -> None:
    provider = Recorded({"a": "drained", "b": "ready"})
    provider.unhealthy_looks = 1000
    with pytest.raises(StrataError, match=r"still fails for a \(503\)"):
        ensure(provider, ["a"], "ready")
    assert provider.told == []


def test_a_member_in_rotation_that_is_down_is_waited_for() -> None:
    provider = Recorded({"a": "down", "b": "ready"})
    with pytest.raises(StrataError, match=r"missing is a \(down\)") as raised:
        ensure(provider, ["a"], "ready")
    assert raised.value.details == {"changed": False}


def test_a_member_in_rotation_that_has_begun_to_fail_is_waited_for() -> None:
    provider = Recorded({"a": "ready", "b": "ready"})
    provider.unhealthy_looks = 3
    assert not ensure(provider, ["a"], "ready").changed
    assert provider.unhealthy_looks == 0


def test_the_balancer_is_given_time_to_notice() -> None:
    provider = Recorded({"a": "drained", "b": "ready"})
    provider.seconds_to_notice = 0.02
    assert ensure(provider, ["a"], "ready").seconds >= 0.02


@pytest.mark.parametrize("interval", [0, -1])
def test_an_interval_that_is_none_is_refused_before_any_look(interval: float) -> None:
    provider = Recorded(FOUR)
    with pytest.raises(StrataError, match=f"interval is {interval}"):
        ensure(provider, ["a"], "drained", interval=interval)
    assert provider.told == []


@pytest.mark.parametrize(
    ("value", "pool", "expected"), [("2", 10, 2), ("50%", 5, 3), ("0%", 5, 0), ("100%", 3, 3), (" 1 ", 0, 1)]
)
def test_minimum_is_a_count_or_a_percentage_rounded_up(value: str, pool: int, expected: int) -> None:
    assert minimum_ready(value, pool) == expected


@pytest.mark.parametrize("value", ["", "half", "-1", "101%", "1.5"])
def test_a_minimum_that_is_neither_is_refused_even_for_reading(value: str) -> None:
    with pytest.raises(StrataError, match="min_ready is"):
        ensure(Recorded(FOUR), [], "ready", min_ready=value)


@pytest.mark.parametrize("look", [2, 3, 4])
def test_a_drain_that_something_else_undoes_is_a_failure(look: int) -> None:
    provider = Recorded(FOUR, [3, 2, 1, 1, 1, 1])
    provider.undo_at_look = look
    with pytest.raises(
        StrataError, match=r"out of rotation: a, b\..*Something else puts them back"
    ) as raised:
        ensure(provider, ["a", "b"], "drained")
    assert raised.value.details == {"changed": True}
    assert len(provider.told) == look + 1  # at once


def test_a_drain_that_is_undone_after_the_last_look_is_a_failure() -> None:
    class Late(Recorded):
        def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
            if len(self.told) > 2:
                self._become(["a"], "ready")
            return super().read(owned)

    with pytest.raises(StrataError, match="out of rotation: a"):
        ensure(Late(FOUR), ["a"], "drained")


def test_a_drain_that_does_nothing_is_a_failure() -> None:
    class Deaf(Recorded):
        def drain(self, names: Collection[str]) -> None:
            self.told.append(("drain", tuple(names)))

    with pytest.raises(StrataError, match="out of rotation: b"):
        ensure(Deaf(FOUR), ["b"], "drained")


def test_a_member_that_an_operator_takes_over_during_the_drain_is_out_all_the_same() -> None:
    class Taken(Recorded):
        def sessions(self, names: Collection[str]) -> dict[str, int]:
            self._become(names, "maintenance")
            return dict.fromkeys(names, 0)

    assert ensure(Taken(FOUR), ["a"], "drained").after["a"] == "maintenance"


def test_a_drain_that_an_agent_may_undo_is_watched() -> None:
    provider = Recorded(FOUR)
    provider.members["a"] = replace(provider.members["a"], undone_within=0.02)
    outcome = ensure(provider, ["a", "b"], "drained")
    assert outcome.seconds >= 0.02
    provider.members["c"] = replace(provider.members["c"], undone_within=0.06)
    with pytest.raises(StrataError, match=r"takes 0\.06 s.*timeout is 0\.05 s\. Nothing was changed"):
        ensure(provider, ["c"], "drained")
    assert provider.members["c"].state == "ready"
    assert ensure(provider, ["a"], "drained").seconds < 0.02  # it was out already
    assert ensure(provider, ["a"], "ready").seconds >= 0.02


def test_a_member_that_an_operator_takes_over_during_a_restore_is_left_there() -> None:
    class Taken(Recorded):
        def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
            seen = super().read(owned)
            if not self.unhealthy_looks:
                self._become(["a"], "maintenance")
                seen = super().read(owned)
            return seen

    provider = Taken({"a": "drained", "b": "drained", "c": "ready"})
    provider.unhealthy_looks = 2
    with pytest.raises(StrataError, match=r"missing is a \(maintenance\)"):
        ensure(provider, ["a", "b"], "ready")
    assert provider.told == [("restore", ("b",))]


def test_a_member_that_vanishes_during_a_restore_is_an_error() -> None:
    class Vanishing(Recorded):
        def restore(self, definitions: Mapping[str, Definition]) -> None:
            self.members.pop("a")

    with pytest.raises(StrataError, match="no longer has a") as raised:
        ensure(Vanishing({"a": "drained", "b": "ready"}), ["a"], "ready")
    assert raised.value.details == {"changed": True}


@pytest.mark.parametrize(
    ("states", "members", "min_ready", "allowed"),
    [
        ({"a": "ready", "b": "ready", "spare": "ready"}, ["a", "b"], "1", False),
        ({"a": "ready", "b": "ready", "spare": "ready"}, ["a", "b"], "0", True),
        ({"a": "ready", "b": "ready", "spare": "ready"}, ["a"], "50%", True),
        ({"a": "ready", "b": "ready", "spare": "ready"}, ["a", "spare"], "1", True),
        ({"a": "ready", "b": "ready", "spare": "ready"}, ["spare"], "100%", True),
        ({"a": "down", "b": "drained", "spare": "ready"}, ["spare"], "1", False),
        ({"a": "down", "b": "drained", "spare": "ready"}, ["a"], "100%", True),
        ({"spare": "ready", "spare2": "ready"}, ["spare"], "50%", True),
        ({"spare": "ready", "spare2": "ready"}, ["spare", "spare2"], "50%", False),
    ],
)
def test_backups_count_only_while_nobody_else_is_ready(
    states: dict[str, str], members: list[str], min_ready: str, allowed: bool
) -> None:
    provider = Recorded(states)
    for name in states:
        if name.startswith("spare"):
            provider.members[name] = replace(provider.members[name], backup=True)
    if allowed:
        ensure(provider, members, "drained", min_ready=min_ready)
        return
    with pytest.raises(StrataError, match=f"min_ready={min_ready} asks for .* Nothing was changed"):
        ensure(provider, members, "drained", min_ready=min_ready)
    assert provider.told == []


def test_owned_members_have_a_definition() -> None:
    with pytest.raises(StrataError, match=r"owned has no definition.* for e"):
        ensure(Recorded(FOUR), [], "ready", owned={"d": None, "e": "web1"})
