# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    batch_to_analyse,
    in_rotation,
    intended_record,
    members_to_drain,
    members_to_restore,
    members_to_roll_back,
    remaining_record,
    restored_members,
    stranded_members,
    taken_out_by_us,
)


def test_only_members_whose_host_changes_are_drained(fleet: Any) -> None:
    fleet.runs("1.0", "web1", "worker1").runs("2.0", "web2")
    assert members_to_drain(fleet.variables, fleet.hosts, "2.0") == ["member-web1"]


@pytest.mark.parametrize(
    ("activation", "restored"),
    [
        ({"version": "2.0", "changed": True}, ["member-web1"]),
        ({"failed": True, "msg": "unhealthy", "changed": True}, []),
        (
            # ansible-core adds this to any failure that is told from within an except clause.
            {"failed": True, "untouched": True, "exception": "(traceback unavailable)"},
            ["member-web1"],
        ),
        ({"failed": True, "msg": "crashed", "changed": False, "exception": "(traceback unavailable)"}, []),
        ({"unreachable": True, "msg": "gone"}, []),
        ({"skipped": True}, ["member-web1"]),
    ],
)
def test_only_a_fit_host_goes_back_into_rotation(
    fleet: Any, activation: dict[str, Any], restored: list[str]
) -> None:
    fleet.runs("1.0").result("__artifact_activate", "web1", **activation)
    assert members_to_restore(fleet.variables, ["web1"], ["member-web1"]) == restored


def test_a_host_that_was_never_healthy_is_not_put_into_rotation_when_its_activation_is_skipped(
    fleet: Any,
) -> None:
    fleet.runs(None, "web1").result("__artifact_activate", "web1", skipped=True)
    assert members_to_restore(fleet.variables, ["web1"], ["member-web1"]) == []


@pytest.mark.parametrize(
    ("before", "record", "ours"),
    [
        ("ready", {}, True),
        ("down", {}, True),
        ("drained", {}, False),
        ("drained", {"lb1": {"web1": None}}, True),
        ("drained", {"lb2": {"web1": None}}, False),
        ("maintenance", {}, False),
    ],
)
def test_what_an_operator_drained_is_not_put_back(before: str, record: dict[str, Any], ours: bool) -> None:
    drain = {
        "results": [{"item": "lb2", "before": {"web1": "ready"}}, {"item": "lb1", "before": {"web1": before}}]
    }
    assert taken_out_by_us(["web1"], "lb1", drain, record) == (["web1"] if ours else [])


def test_without_a_drain_only_the_record_tells() -> None:
    assert taken_out_by_us(["web1", "web2"], "lb1", None, {"lb1": {"web2": None}}) == ["web2"]


@pytest.mark.parametrize(
    ("state", "before", "recorded", "passes"),
    [
        ("ready", "ready", False, True),
        ("down", "ready", False, False),
        ("drained", "ready", False, False),
        ("maintenance", "maintenance", False, True),
        ("drained", "drained", False, True),
        ("drained", None, False, True),
        ("drained", None, True, False),
        (None, None, False, False),
    ],
)
def test_a_member_is_in_rotation_unless_an_operator_has_it_out(
    state: str | None, before: str | None, recorded: bool, passes: bool
) -> None:
    reading = {"item": "lb1", "members": {"web1": {"state": state}} if state else {}}
    drain = {"results": [{"item": "lb1", "before": {"web1": before}}]} if before else {"skipped": True}
    record = {"lb1": {"web1" if recorded else "web2": None}}
    assert in_rotation(reading, "web1", drain, record) is passes


@pytest.mark.parametrize(("state", "passes"), [("ready", True), ("maintenance", True), ("drained", False)])
def test_without_a_record_a_drained_member_may_be_a_dead_runs(state: str, passes: bool) -> None:
    reading = {"item": "lb1", "members": {"web1": {"state": state}}}
    drain = {"results": [{"item": "lb1", "before": {"web1": state}}]}
    assert in_rotation(reading, "web1", drain, {}) is passes


def test_a_balancer_that_was_not_read_has_nobody_in_rotation() -> None:
    reading = {"item": "lb1", "unreachable": True, "msg": "no answer"}
    assert not in_rotation(reading, "web1", None, {"lb1": {"web1": None}})


def test_a_rollback_makes_a_failed_host_fit_again(fleet: Any) -> None:
    fleet.runs("1.0").result("__artifact_activate", "web1", failed=True, msg="unhealthy")
    fleet.result("__artifact_rollback", "web1", version="1.0", changed=True)
    assert members_to_restore(fleet.variables, ["web1"], ["member-web1"]) == ["member-web1"]


@pytest.mark.parametrize(
    ("more", "healed"),
    [
        ({}, ["member-web1"]),
        ({"healthy": False}, []),
        ({"pending": {"action": "activate"}}, []),
        ({"current": {"version": "1.0", "state": "bad"}}, []),
        ({"current": None}, []),
    ],
)
def test_a_stranded_member_is_healed_only_where_its_host_is_good(
    fleet: Any, more: dict[str, Any], healed: list[str]
) -> None:
    fleet.runs("1.0", "web2", "worker1").runs("1.0", "web1", **more)
    assert stranded_members(fleet.variables, fleet.hosts, {"lb1": {"member-web1": None}}) == healed


def test_what_was_put_back_leaves_the_record(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    record = {"lb1": {"member-web1": None, "member-web2": None}}
    drained = {"member-web1": {"state": "drained"}, "member-web2": {"state": "drained"}}
    restored = {"member-web1": {"state": "ready"}, "member-web2": {"state": "drained"}}
    fleet.result("__fleet_rolling_drain", "web1", "web2", results=[{"item": "lb1", "members": drained}])
    assert remaining_record(fleet.variables, fleet.hosts, record) == record
    fleet.result("__fleet_rolling_restore", "web1", "web2", results=[{"item": "lb1", "members": restored}])
    assert remaining_record(fleet.variables, fleet.hosts, record) == {"lb1": {"member-web2": None}}


@pytest.mark.parametrize(
    ("remaining", "restored"),
    [
        ({"lb1": {"web1": None, "web2": None}, "lb2": {"web1": None}}, {}),
        ({"lb1": {"web2": None}, "lb2": {"web1": None}}, {"lb1": ["web1"]}),
        ({"lb1": {"web1": None, "web2": None}}, {"lb2": ["web1"]}),
        ({}, {"lb1": ["web1", "web2"], "lb2": ["web1"]}),
    ],
)
def test_what_does_not_remain_in_the_record_is_named(
    remaining: dict[str, Any], restored: dict[str, Any]
) -> None:
    record = {"lb1": {"web1": None, "web2": None}, "lb2": {"web1": None}}
    assert restored_members(record, remaining) == restored


def test_members_that_were_never_drained_leave_the_record(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    assert remaining_record(fleet.variables, fleet.hosts, {"lb1": {"member-web1": None}}) == {}


@pytest.mark.parametrize(
    "reading",
    [
        {"results": [{"item": "lb1", "unreachable": True, "msg": "no answer"}]},
        {"results": [{"item": "lb1", "failed": True, "msg": "not put back in time", "changed": True}]},
        {"failed": True, "msg": "the loop could not be told"},
    ],
)
def test_a_balancer_that_does_not_answer_is_not_forgotten(fleet: Any, reading: dict[str, Any]) -> None:
    fleet.runs("1.0").result("__fleet_rolling_pool", "localhost", **reading)
    record = {"lb1": {"member-web1": {"dial": "web1"}}}
    assert intended_record(fleet.variables, fleet.hosts, "2.0", record) == record


def test_what_will_be_drained_joins_the_record_of_the_balancers_that_are_still_there(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="drained", web2="ready")
    record = {"lb1": {"member-web1": None}, "removed": {"member-web1": None}}
    assert intended_record(fleet.variables, fleet.hosts, "2.0", record) == {
        "lb1": {"member-web1": None, "member-web2": {"dial": "web2"}}
    }


@pytest.mark.parametrize(
    ("activation", "restore", "analysed"),
    [
        ({"changed": True}, {"results": [{"item": "lb1", "changed": True}]}, True),
        ({"changed": False}, {"skipped": True}, False),
        ({"changed": True}, {"results": [{"item": "lb1", "failed": True, "msg": "x"}]}, False),
        ({"failed": True, "msg": "x"}, {"skipped": True}, False),
    ],
)
def test_a_batch_is_analysed_once_it_changed_and_serves(
    fleet: Any, activation: dict[str, Any], restore: dict[str, Any], analysed: bool
) -> None:
    fleet.result("__artifact_activate", "web1", **activation).result(
        "__fleet_rolling_restore", "web1", **restore
    )
    assert batch_to_analyse(fleet.variables, ["web1"]) is analysed


def test_a_rollback_drains_what_was_touched_and_what_runs_something_else(fleet: Any) -> None:
    fleet.runs("1.0", "web1").runs("2.0", "web2")
    assert members_to_roll_back(fleet.variables, fleet.hosts[:2], "1.0") == ["member-web2"]
    fleet.result("__artifact_activate", "web1", failed=True, msg="unhealthy")
    assert members_to_roll_back(fleet.variables, fleet.hosts[:2], "1.0") == ["member-web1", "member-web2"]


@pytest.mark.parametrize(
    "broken", [{"failed": True, "msg": "3 requests left"}, {"unreachable": True, "msg": "no route"}]
)
def test_a_member_whose_state_is_not_known_stays_recorded(fleet: Any, broken: dict[str, Any]) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    fleet.result("__fleet_rolling_drain", "web1", results=[{"item": "lb1", **broken}])
    record = {"lb1": {"member-web1": None}}
    assert remaining_record(fleet.variables, fleet.hosts, record) == record
