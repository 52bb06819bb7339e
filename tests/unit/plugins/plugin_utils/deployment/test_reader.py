# SPDX-License-Identifier: GPL-3.0-or-later
"""A deployment as the reader builds it from variables."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Failure
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.phases import as_result
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import read_deployment
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import READ
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import verdict

PLAN: dict[str, Any] = {"version": "2.0", "fleet_hosts": ["web1"], "batches": [["web1"]], "batch_sizes": [1]}


def test_what_a_phase_returned_is_read_by_the_next_as_it_was(fleet: Any) -> None:
    fleet.runs("1.0")
    first = fleet.deployment(plan=PLAN, record={"lb1": {"m9": {}}}, noted=[])
    again = read_deployment(fleet.variables, as_result(first, verdict(first)))
    assert again == first
    assert (again.plan and again.plan.batches) == (("web1",),)


def test_a_host_has_its_member_and_whether_it_is_selected(fleet: Any) -> None:
    deployment = fleet.runs("1.0", "web1").deployment(selected=["web1", "worker1"])
    assert [(host.name, host.member, host.selected) for host in deployment.hosts] == [
        ("web1", "member-web1", True),
        ("web2", "member-web2", False),
        ("worker1", None, True),
    ]
    assert [host.was_read for host in deployment.hosts] == [True, False, False]
    assert READ in deployment.hosts[0].results


def test_each_batch_adds_to_the_record_and_replaces_nothing_in_it(fleet: Any) -> None:
    fleet.batch("web1", recorded={"lb1": {"m1": "later", "m2": {}}, "lb2": {"m3": {}}})
    deployment = fleet.deployment(record={"lb1": {"m1": "first"}})
    assert deployment.record == {"lb1": {"m1": "first", "m2": {}}, "lb2": {"m3": {}}}


def test_a_phase_that_failed_is_a_failure(fleet: Any) -> None:
    (failure,) = fleet.deployment(failed=True, msg="no").unclassified
    assert failure == Failure("open", "planning or settling the deployment", "no")


def test_variables_of_others_and_results_that_passed_are_no_failures(fleet: Any) -> None:
    fleet.result("their_result", "web1", failed=True, changed=False, msg="no")
    fleet.result("__artifact_new_step", "web1", changed=True)
    assert fleet.deployment().unclassified == ()


@pytest.mark.parametrize("host", ["web1", "localhost"])
@pytest.mark.parametrize("name", ["fleet_rolling_policy", "__artifact_stage", "deploy_lb_group"])
def test_a_fact_that_replaces_an_option_is_a_failure(fleet: Any, host: str, name: str) -> None:
    fleet.runs("1.0").variables[host]["ansible_facts"] = {
        "distribution": "Debian",
        "app_role": "web",
        name: "x",
    }
    (failure,) = verdict(fleet.deployment()).failures
    assert failure.reason.startswith(f"The facts of {host} have {name}, which only you may set.")


def test_other_facts_are_none(fleet: Any) -> None:
    fleet.variables["web1"]["ansible_facts"] = {
        "pkg_mgr": "apt",
        "discovered_interpreter_python": "/usr/bin/python3",
    }
    assert fleet.deployment().unclassified == ()
