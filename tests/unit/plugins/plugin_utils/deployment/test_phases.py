# SPDX-License-Identifier: GPL-3.0-or-later
"""What each phase of a deployment returns to the plays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Failure
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.phases import (
    judge,
    opened,
    plain,
    plan,
    record,
    settle,
)

PLAN: dict[str, Any] = {"version": "2.0", "fleet_hosts": ["web1"], "batches": [["web1"]], "batch_sizes": [1]}


def test_a_value_is_plain_throughout() -> None:
    assert plain((Failure("a", "b", "c", ("web1",)), {"x": 1})) == [
        {"layer": "a", "tried": "b", "reason": "c", "hosts": ["web1"]},
        {"x": 1},
    ]


@pytest.mark.parametrize(
    ("layers", "taken_out", "inspects", "reads_pools"),
    [
        (["artifact", "fleet"], {}, True, True),
        (["artifact"], {}, True, False),
        (["artifact"], {"lb1": {"m1": {}}}, True, True),
        (["feature"], {"lb1": {"m1": {}}}, False, False),
    ],
)
def test_only_what_the_layers_need_is_read(
    fleet: Any, layers: list[str], taken_out: dict[str, Any], inspects: bool, reads_pools: bool
) -> None:
    result = opened(fleet.deployment(layers=layers, record=taken_out))
    assert result["inspect_hosts"] == (list(fleet.hosts) if inspects else [])
    assert result["reads_pools"] is reads_pools
    assert result["plan"] is None


def test_a_plan_without_problems_has_hosts_and_the_plays_begin(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    result = plan(fleet.deployment())
    assert result["plan"]["problems"] == []
    assert sorted(result["fleet_hosts"]) == sorted(fleet.hosts)
    assert result["stage_hosts"] == list(fleet.hosts)


def test_where_a_host_could_not_be_read_nothing_begins(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    fleet.result("__artifact_plan", "web2", failed=True, msg="gone")
    result = plan(fleet.deployment())
    assert (result["stage_hosts"], result["fleet_hosts"], result["steps"]) == ([], [], [])
    assert not result["verdict"]["passed"]


def test_a_batch_is_recorded_before_it_is_drained_and_not_after_a_failure(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    result = record(fleet.deployment(plan=PLAN), ["web1"])
    assert (result["go"], result["drain"]) == (True, ["member-web1"])
    assert list(result["recorded"]["lb1"]) == ["member-web1"]
    fleet.result("__artifact_activate", "web2", failed=True, msg="crashed")
    stopped = fleet.deployment(plan=PLAN)
    assert not record(stopped, ["web1"])["go"]
    settling = replace(stopped, noted=(Failure("fleet", "activating", "crashed", ("web2",)),))
    assert record(settling, ["web1"])["go"]


@pytest.mark.parametrize(
    ("activated", "analyse"),
    [
        ({"changed": True, "version": "2.0"}, True),
        ({"changed": False, "version": "2.0"}, False),
        ({"failed": True, "msg": "crashed"}, False),
    ],
)
def test_only_a_batch_that_changed_is_analysed(fleet: Any, activated: dict[str, Any], analyse: bool) -> None:
    fleet.runs("1.0").batch("web1").result("__artifact_activate", "web1", **activated)
    result = judge(fleet.deployment(plan=PLAN), ["web1"])
    assert result["analyse"] is analyse
    assert result["drain"] == ["member-web1"]


def test_what_an_operator_drained_just_before_the_batch_is_not_recorded_as_ours(fleet: Any) -> None:
    record = {"lb1": {"member-web1": None, "member-web2": None}}
    fleet.runs("1.0").batch("web1", "web2", recorded=record, record=record)
    before = {"member-web1": "drained", "member-web2": "ready"}
    fleet.result("__fleet_rolling_drain", "web1", "web2", results=[{"item": "lb1", "before": before}])
    result = judge(fleet.deployment(plan=PLAN), ["web1", "web2"])
    assert result["out_before"] == {"lb1": ["member-web1"]}
    assert result["recorded"] == result["record"] == {"lb1": {"member-web2": None}}


def test_after_a_failure_in_the_fleet_the_policy_decides_who_is_settled(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready").batch("web1")
    fleet.result("__artifact_activate", "web1", failed=True, changed=True, msg="crashed")
    result = settle(fleet.deployment(plan=PLAN))
    assert result["settle_hosts"] == ["web1"]
    assert result["judged"]
    assert "crashed" in result["reason"]
    assert "crashed" in [failure["reason"] for failure in result["noted"]]


def test_after_a_success_nobody_is_settled(fleet: Any) -> None:
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    result = settle(fleet.deployment())
    assert (result["settle_hosts"], result["noted"], result["judged"]) == ([], [], False)
