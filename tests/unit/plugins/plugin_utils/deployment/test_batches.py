# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import (
    at_least,
    batch_size_problem,
    batches,
    capacity_problems,
    cut,
)


def test_batches_come_from_the_first_host_that_has_them(fleet: Any) -> None:
    assert batches(fleet.variables, fleet.hosts) == [1, "25%", "100%"]
    fleet.variables["web2"]["fleet_rolling_batches"] = [2]
    assert batches(fleet.variables, fleet.hosts) == [2]
    assert batches({}, fleet.hosts) == [1, "25%", "100%"]


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
    fleet.variables["web1"]["fleet_rolling_batches"] = [1, "100%"]
    assert capacity_problems(fleet.variables, fleet.hosts, fleet.hosts, "2.0", {}) == []
    fleet.variables["web1"]["fleet_rolling_batches"] = ["100%"]
    (problem,) = capacity_problems(fleet.variables, fleet.hosts, fleet.hosts, "2.0", {})
    assert "Batch 1 (web1, web2, worker1) would leave 0 of 2 members ready on lb1" in problem
    assert capacity_problems(fleet.variables, fleet.hosts, fleet.hosts, "1.0", {}) == []


def test_members_that_serve_nobody_can_always_be_spared(fleet: Any) -> None:
    fleet.runs(None).pool(web1="down", web2="down")
    fleet.variables["web1"]["fleet_rolling_batches"] = ["100%"]
    assert capacity_problems(fleet.variables, fleet.hosts, fleet.hosts, "1.0", {}) == []


@pytest.mark.parametrize(("record", "spared"), [({"lb1": {"member-web1": None}}, True), ({}, False)])
def test_what_a_dead_deployment_drained_is_back_for_the_next_batch(
    fleet: Any, record: Any, spared: bool
) -> None:
    fleet.runs("1.0").pool(web1="drained", web2="ready")
    fleet.variables["web1"]["fleet_rolling_batches"] = [1]
    assert (capacity_problems(fleet.variables, fleet.hosts, fleet.hosts, "2.0", record) == []) is spared


@pytest.mark.parametrize("sizes", [[1], [1, "25%", "100%"], ["3"]])
def test_good_sizes(sizes: Any) -> None:
    assert batch_size_problem(sizes) is None


@pytest.mark.parametrize("sizes", ["50%", 1, [], [0], ["0%"], [-1], ["x"], [True], None, {"a": 1}])
def test_bad_sizes_are_told(sizes: Any) -> None:
    assert "is not a list of numbers and percentages" in str(batch_size_problem(sizes))
