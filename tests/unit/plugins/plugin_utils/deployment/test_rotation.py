# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import is_fit
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    back_in_rotation,
    in_rotation,
    members_to_drain,
    members_to_heal,
    members_to_restore,
    out_before,
    still_out,
    taken_out_by_us,
    to_record,
)


def test_only_members_whose_host_changes_are_drained(fleet: Any) -> None:
    fleet.runs("1.0", "web1", "worker1").runs("2.0", "web2")
    deployment = fleet.deployment()
    assert members_to_drain(deployment, deployment.hosts, "2.0") == ["member-web1"]


def restored_of(fleet: Any) -> list[str]:
    deployment = fleet.deployment()
    return members_to_restore(deployment, deployment.named(["web1"]), ["member-web1"])


@pytest.mark.parametrize(
    ("activation", "restored"),
    [
        ({"version": "2.0", "changed": True}, ["member-web1"]),
        ({"failed": True, "msg": "unhealthy", "changed": True}, []),
        (
            # ansible-core adds this to any failure that is told from within an except clause.
            {
                "failed": True,
                "untouched": True,
                "current": {"version": "1.0", "state": "good"},
                "exception": "(traceback unavailable)",
            },
            ["member-web1"],
        ),
        # A hook had moved the link before the call that changed nothing.
        ({"failed": True, "untouched": True, "current": {"version": "2.0", "state": "staged"}}, []),
        (
            {
                "failed": True,
                "untouched": True,
                "current": {"version": "1.0"},
                "pending": {"act": "activate"},
            },
            [],
        ),
        ({"failed": True, "untouched": True}, []),
        ({"failed": True, "msg": "crashed", "changed": False, "exception": "(traceback unavailable)"}, []),
        ({"unreachable": True, "msg": "gone"}, []),
        ({"skipped": True}, ["member-web1"]),
    ],
)
def test_only_a_fit_host_goes_back_into_rotation(
    fleet: Any, activation: dict[str, Any], restored: list[str]
) -> None:
    fleet.runs("1.0").result("__artifact_activate", "web1", **activation)
    assert restored_of(fleet) == restored


def test_a_host_that_was_never_healthy_is_not_put_into_rotation_when_its_activation_is_skipped(
    fleet: Any,
) -> None:
    fleet.runs(None, "web1").result("__artifact_activate", "web1", skipped=True)
    assert restored_of(fleet) == []


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
    assert restored_of(fleet) == ["member-web1"]


@pytest.mark.parametrize(
    ("more", "healed"),
    [
        ({}, ["member-web1"]),
        ({"healthy": None}, ["member-web1"]),
        ({"healthy": None, "service_state": "stopped"}, []),
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
    deployment = fleet.pool(web1="drained", web2="ready").deployment(record={"lb1": {"member-web1": None}})
    assert sorted(members_to_heal(deployment).get("lb1", {})) == healed


def test_what_was_put_back_leaves_the_record(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    record = {"lb1": {"member-web1": None, "member-web2": None}}
    drained = {"member-web1": {"state": "drained"}, "member-web2": {"state": "drained"}}
    restored = {"member-web1": {"state": "ready"}, "member-web2": {"state": "drained"}}
    fleet.result("__fleet_rolling_drain", "web1", "web2", results=[{"item": "lb1", "members": drained}])
    assert still_out(fleet.deployment(record=record)) == record
    fleet.result("__fleet_rolling_restore", "web1", "web2", results=[{"item": "lb1", "members": restored}])
    assert still_out(fleet.deployment(record=record)) == {"lb1": {"member-web2": None}}
    assert back_in_rotation(fleet.deployment(record=record)) == {"lb1": ["member-web1"]}


def test_members_that_were_never_drained_leave_the_record(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    assert still_out(fleet.deployment(record={"lb1": {"member-web1": None}})) == {}


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
    assert still_out(fleet.deployment(record=record)) == record


def test_only_what_is_in_rotation_and_about_to_be_drained_is_recorded(fleet: Any) -> None:
    deployment = fleet.runs("1.0").pool(web1="drained", web2="ready").deployment()
    assert to_record(deployment, ["member-web1"]) == {}
    assert to_record(deployment, ["member-web1", "member-web2"]) == {"lb1": {"member-web2": {"dial": "web2"}}}


def test_a_member_that_an_operator_drained_after_it_was_put_back_is_not_recorded_again(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    drained = {"member-web1": {"state": "drained"}}
    fleet.result("__fleet_rolling_restore", "web1", results=[{"item": "lb1", "members": drained}])
    assert to_record(fleet.deployment(), ["member-web1"]) == {}


def test_what_is_recorded_of_a_balancer_that_the_inventory_no_longer_has_is_forgotten(fleet: Any) -> None:
    record = {"lb1": {"member-web1": None}, "removed": {"member-web1": None}}
    deployment = fleet.runs("1.0").pool(web1="drained", web2="ready").deployment(record=record)
    assert still_out(deployment) == {"lb1": {"member-web1": None}}
    assert back_in_rotation(deployment) == {"removed": ["member-web1"]}


@pytest.mark.parametrize(
    ("item", "out"),
    [
        ({"before": {"member-web1": "drained", "member-web2": "ready"}}, {"lb1": ["member-web1"]}),
        ({"before": {"member-web1": "maintenance", "member-web2": "down"}}, {"lb1": ["member-web1"]}),
        ({"before": {"member-web1": "ready", "member-web2": "ready"}}, {}),
        ({"before": {}}, {}),
        ({"unreachable": True, "msg": "no answer"}, {}),
    ],
)
def test_what_somebody_else_took_out_before_the_drain(
    item: dict[str, Any], out: dict[str, list[str]]
) -> None:
    recorded = {"lb1": {"member-web1": None, "member-web2": None}}
    assert out_before(recorded, {"results": [{"item": "lb1", **item}]}) == out


def test_what_somebody_else_took_out_leaves_the_record(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready").batch("web1", out_before={"lb1": ["member-web1"]})
    drained = {"member-web1": {"state": "drained"}, "member-web2": {"state": "ready"}}
    fleet.result("__fleet_rolling_drain", "web1", results=[{"item": "lb1", "members": drained}])
    deployment = fleet.deployment(record={"lb1": {"member-web1": None}})
    assert back_in_rotation(deployment) == {"lb1": ["member-web1"]}
    assert still_out(deployment) == {}


def test_a_member_that_its_balancer_no_longer_knows_leaves_the_record(fleet: Any) -> None:
    record = {"lb1": {"member-web9": None}, "lb2": {"member-web9": None}}
    deployment = (
        fleet.runs("1.0").pool(web1="ready").deployment(record=record, settings={"balancers": ["lb1", "lb2"]})
    )
    assert back_in_rotation(deployment) == {"lb1": ["member-web9"]}
    assert still_out(deployment) == {"lb2": {"member-web9": None}}


def test_a_rollback_drains_what_was_touched_and_what_runs_something_else(fleet: Any) -> None:
    fleet.runs("1.0", "web1").runs("2.0", "web2")
    back = fleet.deployment(occasion="rollback artifact")
    assert members_to_drain(back, back.hosts[:2], "1.0") == ["member-web2"]
    fleet.result("__artifact_activate", "web1", failed=True, msg="unhealthy")
    back = fleet.deployment(occasion="rollback artifact")
    assert members_to_drain(back, back.hosts[:2], "1.0") == ["member-web1", "member-web2"]


@pytest.mark.parametrize(
    "broken", [{"failed": True, "msg": "3 requests left"}, {"unreachable": True, "msg": "no route"}]
)
def test_a_member_whose_state_is_not_known_stays_recorded(fleet: Any, broken: dict[str, Any]) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    fleet.result("__fleet_rolling_drain", "web1", results=[{"item": "lb1", **broken}])
    record = {"lb1": {"member-web1": None}}
    assert still_out(fleet.deployment(record=record)) == record


@pytest.mark.parametrize(
    ("reading", "fit"),
    [
        ({"current": {"version": "1.0", "state": "good"}, "healthy": True}, True),
        ({"current": {"version": "1.0", "state": "good"}, "healthy": None, "service_state": "running"}, True),
        ({"current": {"version": "1.0", "state": "unknown"}}, True),  # it ran before Strata came
        ({"current": {"version": "1.0", "state": "staged"}}, False),
        ({"current": {"version": "1.0", "state": "bad"}}, False),
        ({"current": {"version": "1.0", "state": "good"}, "pending": {"act": "activate"}}, False),
        ({"current": {"version": "1.0", "state": "good"}, "service_state": "failed"}, False),
        ({"current": None}, False),
        ({}, False),
    ],
)
def test_who_may_get_requests(reading: dict[str, Any], fit: bool) -> None:
    assert is_fit(reading) is fit
