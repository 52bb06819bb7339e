# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Failure
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    CONTROLLER_STEPS,
    HOST_STEPS,
    READ,
    Step,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import (
    NO_RESULT,
    SKIPPED,
    final_verdict,
    verdict,
)

PLAN: dict[str, Any] = {"version": "2.0", "fleet_hosts": ["web1"], "batches": [["web1"]], "batch_sizes": [1]}


def test_nothing_registered_is_no_failure(fleet: Any) -> None:
    assert verdict(fleet.deployment()).passed


@pytest.mark.parametrize("step", HOST_STEPS, ids=lambda step: step.register)
def test_each_step_of_a_host_that_fails_fails_the_deployment(fleet: Any, step: Step) -> None:
    fleet.runs("2.0")
    for broken in ({"failed": True, "msg": "it broke"}, {"unreachable": True, "msg": "gone"}):
        fleet.result(step.register, "web2", **broken)
        (failure, *_) = [each for each in verdict(fleet.deployment()).failures if each.tried == step.tried]
        assert (failure.layer, failure.hosts) == (step.layer, ("web2",))


@pytest.mark.parametrize("step", CONTROLLER_STEPS, ids=lambda step: step.register)
def test_each_step_of_the_controller_that_fails_fails_the_deployment(fleet: Any, step: Step) -> None:
    fleet.runs("2.0").result(step.register, "localhost", failed=True, msg="it broke")
    (failure,) = verdict(fleet.deployment()).failures
    assert (failure.layer, failure.tried, failure.reason, failure.hosts) == (
        step.layer,
        step.tried,
        "it broke",
        (),
    )


@pytest.mark.parametrize("host", ["localhost", "web1"])
def test_a_failed_result_that_no_table_lists_is_a_failure_with_a_name(fleet: Any, host: str) -> None:
    fleet.runs("2.0").result("__artifact_new_step", host, failed=True, changed=False, msg="it broke")
    (failure,) = verdict(fleet.deployment()).failures
    assert failure.tried == "the task that registers __artifact_new_step"
    assert (failure.reason, failure.hosts) == ("it broke", (host,))


def test_one_reason_on_several_hosts_is_one_failure(fleet: Any) -> None:
    fleet.result("__artifact_stage", "web1", "web2", failed=True, msg="404")
    (failure,) = verdict(fleet.deployment()).failures
    assert (failure.layer, failure.hosts, failure.reason) == ("artifact", ("web1", "web2"), "404")


def as_noted(failures: Any) -> list[dict[str, Any]]:
    return [{**vars(each), "hosts": list(each.hosts)} for each in failures]


def test_a_verdict_outlives_the_settling_that_registers_over_it(fleet: Any) -> None:
    fleet.runs("1.0").result(
        "__fleet_rolling_restore", "web1", results=[{"item": "lb1", "failed": True, "msg": "not up"}]
    )
    noted = as_noted(verdict(fleet.deployment()).failures)
    fleet.result("__fleet_rolling_restore", "web1", results=[{"item": "lb1", "changed": True}])
    fleet.result("__artifact_rollback", "web1", failed=True, msg="no earlier good release")
    assert [each.reason for each in verdict(fleet.deployment(noted=noted)).failures] == [
        "lb1: not up",
        "no earlier good release",
    ]


def test_settling_reports_no_failure_of_a_host_twice(fleet: Any) -> None:
    silent = {"results": [{"item": "lb2", "unreachable": True, "msg": "no answer"}]}
    fleet.runs("1.0").result("__fleet_rolling_drain", "web2", **silent)
    noted = as_noted(verdict(fleet.deployment()).failures)
    fleet.result("__fleet_rolling_drain", "web1", **silent)
    assert [each.hosts for each in verdict(fleet.deployment(noted=noted)).failures] == [("web2",), ("web1",)]


DONE = {"version": "2.0", "changed": True}
DRAINED = {"results": [{"item": "lb1", "changed": True, "members": {}, "before": {}}]}
SKIP: dict[str, Any] = {"skipped": True, "changed": False}


@pytest.mark.parametrize(
    ("results", "missing"),
    [
        ({"drain": DRAINED, "activate": DONE, "restore": DRAINED}, None),
        ({"activate": DONE, "restore": DRAINED}, ("draining the batch", NO_RESULT)),
        ({"drain": DRAINED, "restore": DRAINED}, ("activating the release", NO_RESULT)),
        ({"drain": DRAINED, "activate": SKIP, "restore": DRAINED}, ("activating the release", SKIPPED)),
        ({"drain": DRAINED, "activate": DONE}, ("putting the batch back into rotation", NO_RESULT)),
        (
            {"drain": DRAINED, "activate": DONE, "restore": SKIP},
            ("putting the batch back into rotation", SKIPPED),
        ),
    ],
)
def test_a_step_of_a_batch_that_left_no_result_is_a_failure(
    fleet: Any, results: dict[str, Any], missing: tuple[str, str] | None
) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready").batch("web1")
    names = {
        "drain": "__fleet_rolling_drain",
        "activate": "__artifact_activate",
        "restore": "__fleet_rolling_restore",
    }
    for name, result in results.items():
        fleet.result(names[name], "web1", **result)
    deployment = fleet.deployment()
    assert [(each.tried, each.reason) for each in verdict(deployment).failures] == (
        [missing] if missing else []
    )
    assert verdict(deployment, in_hand=["web1"]).passed


def test_a_batch_that_changed_and_was_not_analysed_has_failed(fleet: Any) -> None:
    fleet.runs("1.0").batch("worker1", analyse=True).result("__artifact_activate", "worker1", **DONE)
    assert verdict(fleet.deployment()).passed
    analysed = fleet.deployment(settings={"analysed": True})
    assert [each.reason for each in verdict(analysed).failures] == [NO_RESULT]


def finished(fleet: Any) -> Any:
    """Web1 was upgraded, and all that was planned is done."""
    fleet.runs("2.0").runs("1.0", "web1").pool(web1="ready", web2="ready").batch("web1")
    fleet.result("__artifact_stage", *fleet.hosts, changed=True).result(
        "__fleet_rolling_drain", "web1", **DRAINED
    )
    fleet.result("__artifact_activate", "web1", **DONE)
    back = {"member-web1": {"state": "ready"}}
    return fleet.result(
        "__fleet_rolling_restore", "web1", results=[{"item": "lb1", "members": back, "changed": True}]
    )


def test_a_deployment_that_took_every_step_has_passed(fleet: Any) -> None:
    assert final_verdict(finished(fleet).deployment(plan=PLAN)).failures == ()


@pytest.mark.parametrize(
    ("host", "register", "tried"),
    [
        ("web2", "__artifact_plan", "reading what runs there"),
        ("web2", "__artifact_stage", "staging the release"),
        ("web1", "__fleet_rolling_batch", "confirming the lock and recording the batch"),
        ("localhost", "__fleet_rolling_pool", "reading the balancers"),
    ],
)
def test_a_step_that_no_play_came_to_is_a_failure_at_the_end(
    fleet: Any, host: str, register: str, tried: str
) -> None:
    del finished(fleet).variables[host][register]
    (failure,) = final_verdict(fleet.deployment(plan=PLAN)).failures
    assert (failure.tried, failure.reason) == (tried, NO_RESULT)


def test_a_deployment_that_was_never_planned_has_failed(fleet: Any) -> None:
    (failure,) = final_verdict(finished(fleet).deployment()).failures
    assert failure.tried == "checking the plan"


@pytest.mark.parametrize(
    ("layers", "occasion", "register"),
    [
        (["database"], "deploy", "__db_migrate_apply"),
        (["database"], "deploy", "__db_migrate_plan"),
        (["database"], "deploy", "__deployment_gate"),
        (["database"], "rollback database", "__db_migrate_rollback"),
        (["feature"], "rollback feature", "__feature_flag_rollback"),
        (["feature"], "rollback feature", "__feature_flag_gate"),
    ],
)
def test_each_layer_expects_its_own_results(
    fleet: Any, layers: list[str], occasion: str, register: str
) -> None:
    fleet.runs("2.0")
    done = {
        "__db_migrate_plan": {"pending": [], "changed": False},
        "__deployment_gate": {"go": True, "changed": False},
        "__db_migrate_apply": {"changed": False},
        "__db_migrate_rollback": {"changed": True},
        "__feature_flag_gate": {"go": True, "changed": False},
        "__feature_flag_rollback": {"changed": True},
    }
    fleet.variables["localhost"].update(done)
    asked = {"layers": layers, "occasion": occasion, "plan": {}}
    assert final_verdict(fleet.deployment(**asked)).passed
    del fleet.variables["localhost"][register]
    (failure,) = final_verdict(fleet.deployment(**asked)).failures
    assert failure.reason == NO_RESULT


@pytest.mark.parametrize(
    ("state", "percentage", "passed"), [("on", 100, True), ("partial", 25, False), ("off", 0, False)]
)
def test_a_ramp_has_passed_at_its_last_step(fleet: Any, state: str, percentage: int, passed: bool) -> None:
    steps = [{"name": "billing", "percentage": each} for each in (25, 100)]
    fleet.variables["localhost"].update(
        __feature_flag_plan={"flags": {}, "changed": False},
        __feature_flag_gate={"go": True, "changed": False},
        __feature_flag_apply={
            "changed": True,
            "flags": {"billing": {"state": state, "percentage": percentage}},
        },
    )
    features = {"features": [{"name": "billing"}]}
    deployment = fleet.deployment(layers=["feature"], settings=features, plan={"steps": steps})
    assert final_verdict(deployment).passed is passed


@pytest.mark.parametrize("layers", [["artifact", "fleet"], ["feature"]])
def test_what_is_still_out_of_rotation_at_the_end_fails_the_run_and_is_named(
    fleet: Any, layers: list[str]
) -> None:
    finished(fleet).pool(web1="ready", web2="drained")
    record = {"lb1": {"member-web2": {"dial": "web2"}}}
    (failure,) = final_verdict(fleet.deployment(plan=PLAN, layers=layers, record=record)).failures
    assert failure.hosts == ("web2",)
    assert "still out of rotation on lb1: web2" in failure.reason
    assert final_verdict(fleet.deployment(plan=PLAN, layers=layers, record=record, check_mode=True)).passed


def test_a_member_of_no_host_fails_the_run_with_a_way_out(fleet: Any) -> None:
    finished(fleet).pool(web1="ready", web2="ready", web9="drained")
    record = {"lb1": {"member-web9": {"dial": "web9"}}}
    (failure,) = final_verdict(fleet.deployment(plan=PLAN, record=record)).failures
    assert "No host of the inventory has member-web9" in failure.reason
    assert "drained.json" in failure.reason


def test_the_database_is_backed_up_except_in_a_check(fleet: Any) -> None:
    fleet.runs("2.0").variables["localhost"].update(
        __db_migrate_plan={"pending": ["0002"], "changed": False},
        __deployment_gate={"go": True, "changed": False},
        __db_migrate_backup={"skipped": True, "changed": False},
        __db_migrate_apply={"changed": True},
    )
    asked: dict[str, Any] = {"layers": ["database"], "plan": {}, "settings": {"backup": True}}
    assert final_verdict(fleet.deployment(**asked, check_mode=True)).passed
    (failure,) = final_verdict(fleet.deployment(**asked)).failures
    assert failure.tried == "backing the database up"


def test_what_a_dead_run_left_out_is_put_back_except_in_a_check(fleet: Any) -> None:
    finished(fleet)
    planned = {"plan": {**PLAN, "heal": {"lb1": {"member-web1": {"dial": "web1"}}}}}
    assert final_verdict(fleet.deployment(**planned, check_mode=True)).passed
    assert [failure.reason for failure in final_verdict(fleet.deployment(**planned)).failures] == [
        NO_RESULT
    ] * 2
    fleet.variables["localhost"].update(
        __fleet_rolling_confirm={"go": True, "changed": False},
        __fleet_rolling_heal={"changed": True, "results": [{"item": "lb1", "changed": True}]},
    )
    assert final_verdict(fleet.deployment(**planned)).passed


def test_a_host_that_limit_leaves_out_is_not_missing(fleet: Any) -> None:
    del finished(fleet).variables["web2"]["__artifact_plan"]
    del fleet.variables["web2"]["__artifact_stage"]
    assert final_verdict(fleet.deployment(plan=PLAN, selected=["web1", "worker1"])).passed
    failure, _ = final_verdict(fleet.deployment(plan=PLAN)).failures
    assert failure == Failure(READ.layer, READ.tried, NO_RESULT, ("web2",))
