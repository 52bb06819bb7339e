# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import (
    at_least,
    batch_size_problem,
    capacity_problems,
    cut,
    hosts_to_settle,
    settle_batch_sizes,
    settle_version,
)


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ([1, "25%", "100%"], [["a"], ["b"], ["c", "d", "e"]]),
        ([2], [["a", "b"], ["c", "d"], ["e"]]),
        (["50%"], [["a", "b"], ["c", "d"], ["e"]]),
        (["1%"], [["a"], ["b"], ["c"], ["d"], ["e"]]),
        (["100%"], [["a", "b", "c", "d", "e"]]),
    ],
)
def test_the_fleet_is_cut_as_serial_cuts_it(sizes: list[int | str], found: list[list[str]]) -> None:
    assert cut(["a", "b", "c", "d", "e"], sizes) == found


@pytest.mark.parametrize(
    ("wanted", "pool", "minimum"), [(1, 4, 1), ("2", 4, 2), ("50%", 4, 2), ("50%", 5, 3)]
)
def test_a_minimum_is_a_number_or_a_percentage_rounded_up(wanted: int | str, pool: int, minimum: int) -> None:
    assert at_least(wanted, pool) == minimum


def test_a_batch_that_the_balancer_cannot_spare_is_told_beforehand(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    assert capacity_problems(fleet.deployment(settings={"batches": [1, "100%"]}), fleet.hosts, "2.0") == []
    at_once = fleet.deployment(settings={"batches": ["100%"]})
    (problem,) = capacity_problems(at_once, fleet.hosts, "2.0")
    assert "Batch 1 (web1, web2, worker1) would leave 0 of 2 members ready on lb1" in problem
    assert capacity_problems(at_once, fleet.hosts, "1.0") == []


def test_a_backup_is_no_capacity_before_the_first_drain_either(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready", worker1="ready")
    pool = fleet.variables["localhost"]["__fleet_rolling_pool"]["results"][0]["members"]
    deployment = fleet.deployment(settings={"batches": [2]})
    assert capacity_problems(deployment, fleet.hosts, "2.0") == []
    pool["member-worker1"]["backup"] = True
    (problem,) = capacity_problems(fleet.deployment(settings={"batches": [2]}), fleet.hosts, "2.0")
    assert "would leave 0 of 2 members ready on lb1" in problem


def test_members_that_serve_nobody_can_always_be_spared(fleet: Any) -> None:
    fleet.runs(None).pool(web1="down", web2="down")
    assert capacity_problems(fleet.deployment(settings={"batches": ["100%"]}), fleet.hosts, "1.0") == []


@pytest.mark.parametrize(("record", "spared"), [({"lb1": {"member-web1": None}}, True), ({}, False)])
def test_what_a_dead_deployment_drained_is_back_for_the_next_batch(
    fleet: Any, record: Any, spared: bool
) -> None:
    fleet.runs("1.0").pool(web1="drained", web2="ready")
    deployment = fleet.deployment(settings={"batches": [1]}, record=record)
    assert (capacity_problems(deployment, fleet.hosts, "2.0") == []) is spared


@pytest.mark.parametrize("sizes", [[1], [1, "25%", "100%"], ["3"]])
def test_good_sizes(sizes: Any) -> None:
    assert batch_size_problem(sizes) is None


@pytest.mark.parametrize("sizes", ["50%", 1, [], [0], ["0%"], [-1], ["x"], [True], None, {"a": 1}])
def test_bad_sizes_are_told(sizes: Any) -> None:
    assert "is not a list of numbers and percentages" in str(batch_size_problem(sizes))


def failed_fleet(fleet: Any) -> Any:
    """The canary runs the new release; the second batch failed and is out of rotation."""
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    fleet.result("__artifact_activate", "web1", version="3.0", changed=True)
    fleet.result("__artifact_activate", "web2", failed=True, msg="health answered 500", changed=True)
    out = {"member-web2": {"state": "drained"}}
    return fleet.result("__fleet_rolling_drain", "web2", results=[{"item": "lb1", "members": out}])


def names(hosts: Any) -> list[str]:
    return [host.name for host in hosts]


@pytest.mark.parametrize(("policy", "settled"), [("rollback_fleet", ["web2", "web1"]), ("halt", [])])
def test_the_policy_says_who_is_settled(fleet: Any, policy: str, settled: list[str]) -> None:
    deployment = failed_fleet(fleet).deployment(settings={"policy": policy})
    assert names(hosts_to_settle(deployment)) == settled


def test_what_is_out_of_rotation_is_settled_first_and_the_rest_as_the_balancer_can_spare(fleet: Any) -> None:
    deployment = failed_fleet(fleet).deployment(settings={"batches": ["100%"], "min_ready": 1})
    hosts = hosts_to_settle(deployment)
    assert names(hosts) == ["web2", "web1"]
    assert settle_batch_sizes(deployment, hosts) == [1, 1]


def test_a_host_that_is_back_is_not_settled_again(fleet: Any) -> None:
    failed_fleet(fleet).result("__artifact_rollback", "web2", version="2.0", changed=True)
    back = {"member-web2": {"state": "ready"}}
    fleet.result("__fleet_rolling_restore", "web2", results=[{"item": "lb1", "members": back}])
    assert names(hosts_to_settle(fleet.deployment())) == ["web1"]


def test_a_host_that_was_not_touched_is_not_settled(fleet: Any) -> None:
    fleet.runs("2.0").result("__artifact_activate", "worker1", version="2.0", changed=False)
    assert hosts_to_settle(fleet.deployment()) == []


def test_a_host_that_a_dead_run_had_switched_is_settled_once(fleet: Any) -> None:
    fleet.runs("2.0").runs("3.0", "web1", current={"version": "3.0", "state": "staged"})
    fleet.pool(web1="ready", web2="ready")
    fleet.result("__artifact_activate", "web1", failed=True, msg="health answered 500", changed=True)
    (host,) = hosts_to_settle(fleet.deployment())
    assert settle_version(host) == ""
    fleet.result("__artifact_rollback", "web1", version="2.0", changed=True)
    assert hosts_to_settle(fleet.deployment()) == []


@pytest.mark.parametrize(
    "rollback", [{"version": "2.0", "changed": True}, {"failed": True, "version": "2.0", "msg": "x"}]
)
def test_a_second_round_goes_for_the_same_release_as_the_first(fleet: Any, rollback: dict[str, Any]) -> None:
    fleet.runs("2.0").runs("3.0", "web1", current={"version": "3.0", "state": "staged"})
    fleet.result("__artifact_rollback", "web1", **rollback)
    assert settle_version(fleet.deployment().by_name["web1"]) == "2.0"


def test_settling_goes_back_to_what_ran_before(fleet: Any) -> None:
    assert settle_version(fleet.runs("2.0").deployment().by_name["web1"]) == "2.0"
