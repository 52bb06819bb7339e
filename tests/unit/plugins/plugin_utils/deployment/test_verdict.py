# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import (
    failure_reason,
    hook_failure,
    needs_change,
    running,
    verdict,
)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (None, None),
        ({"changed": True}, None),
        ({"skipped": True, "changed": False}, None),
        ({"failed": True, "msg": "it broke"}, "it broke"),
        ({"unreachable": True, "msg": "ssh timed out"}, "unreachable: ssh timed out"),
        ({"failed": True, "module_stderr": "killed"}, "killed"),
        (
            {
                "failed": True,
                "msg": "One or more items failed",
                "results": [
                    {"item": "lb1", "changed": True},
                    {"item": "lb2", "failed": True, "msg": "no such backend"},
                ],
            },
            "lb2: no such backend",
        ),
        ({"results": [{"item": "lb1", "unreachable": True, "msg": "down"}]}, "lb1: unreachable: down"),
    ],
)
def test_reason_of_a_registered_result(result: dict[str, Any] | None, reason: str | None) -> None:
    assert failure_reason(result) == reason


def test_nothing_registered_is_no_failure(fleet: Any) -> None:
    assert verdict(fleet.variables, fleet.hosts).passed


def test_one_reason_on_several_hosts_is_one_failure(fleet: Any) -> None:
    fleet.result("__artifact_stage", "web1", "web2", failed=True, msg="404")
    (failure,) = verdict(fleet.variables, fleet.hosts).failures
    assert (failure.layer, failure.hosts, failure.reason) == ("artifact", ("web1", "web2"), "404")


def test_an_unreachable_host_fails_the_deployment(fleet: Any) -> None:
    fleet.result("__artifact_activate", "web2", unreachable=True, msg="timed out")
    assert not verdict(fleet.variables, fleet.hosts).passed


def test_a_verdict_outlives_the_settling_that_registers_over_it(fleet: Any) -> None:
    fleet.result(
        "__fleet_rolling_restore", "web1", results=[{"item": "lb1", "failed": True, "msg": "not up"}]
    )
    before = verdict(fleet.variables, fleet.hosts)
    fleet.variables["localhost"]["__deployment_settled"] = {
        "failures": [
            {"layer": f.layer, "tried": f.tried, "reason": f.reason, "hosts": list(f.hosts)}
            for f in before.failures
        ]
    }
    fleet.result("__fleet_rolling_restore", "web1", results=[{"item": "lb1", "changed": True}])
    after = verdict(fleet.variables, fleet.hosts)
    assert after.failures == before.failures
    fleet.result("__artifact_rollback", "web1", failed=True, msg="no earlier good release")
    assert [f.reason for f in verdict(fleet.variables, fleet.hosts).failures] == [
        "lb1: not up",
        "no earlier good release",
    ]


def test_settling_tells_no_host_s_failure_twice(fleet: Any) -> None:
    silent = {"results": [{"item": "lb2", "unreachable": True, "msg": "no answer"}]}
    fleet.result("__fleet_rolling_drain", "web2", **silent)
    (before,) = verdict(fleet.variables, fleet.hosts).failures
    fleet.variables["localhost"]["__deployment_settled"] = {"failures": [{**vars(before), "hosts": ["web2"]}]}
    fleet.result("__fleet_rolling_drain", "web1", **silent)
    assert [failure.hosts for failure in verdict(fleet.variables, fleet.hosts).failures] == [
        ("web2",),
        ("web1",),
    ]


def test_a_failure_on_the_controller_belongs_to_its_layer(fleet: Any) -> None:
    fleet.result("__db_migrate_apply", "localhost", failed=True, msg="lock timeout")
    (failure,) = verdict(fleet.variables, fleet.hosts).failures
    assert (failure.layer, failure.hosts) == ("database", ())


@pytest.mark.parametrize(
    ("registers", "version"),
    [
        ({}, "1.0"),
        ({"__artifact_activate": {"version": "2.0", "changed": True}}, "2.0"),
        ({"__artifact_activate": {"skipped": True}}, "1.0"),
        (
            {"__artifact_activate": {"failed": True, "msg": "x", "version": "2.0", "changed": True}},
            "2.0 (failed)",
        ),
        ({"__artifact_activate": {"failed": True, "msg": "x", "changed": False}}, "1.0"),
        (
            {"__artifact_activate": {"failed": True, "msg": "x"}, "__artifact_rollback": {"version": "1.0"}},
            "1.0",
        ),
    ],
)
def test_what_a_host_runs_is_what_its_last_success_left(
    fleet: Any, registers: dict[str, Any], version: str
) -> None:
    fleet.runs("1.0")
    fleet.variables["web1"].update(registers)
    assert running(fleet.variables, "web1") == version


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        ({"current": {"version": "2.0", "state": "good"}, "healthy": True, "pending": None}, False),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": None, "pending": None}, False),
        ({"current": {"version": "2.0", "state": "bad"}, "healthy": True, "pending": None}, True),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": None, "service_state": "stopped"}, True),
        ({"current": {"version": "1.0"}, "healthy": True, "pending": None}, True),
        ({"current": None, "healthy": None, "pending": None}, True),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": False, "pending": None}, True),
        (
            {
                "current": {"version": "2.0", "state": "good"},
                "healthy": True,
                "pending": {"action": "activate"},
            },
            True,
        ),
    ],
)
def test_what_needs_a_change(plan: dict[str, Any], changes: bool) -> None:
    assert needs_change(plan, "2.0") is changes


def test_the_first_failure_of_several_results() -> None:
    assert (
        failure_reason(
            [{"changed": True}, {"failed": True, "msg": "second"}, {"failed": True, "msg": "third"}]
        )
        == "second"
    )
    assert failure_reason([{"skipped": True}, {"changed": False}]) is None


@pytest.mark.parametrize(
    ("task", "result", "reason"),
    [
        ({"name": "Migrate"}, {"failed": True, "msg": "no table"}, "Migrate: no table"),
        (
            {"name": "", "action": "ansible.builtin.command"},
            {"failed": True},
            "ansible.builtin.command: no message",
        ),
        (
            {"name": "Log in", "no_log": True},
            {"failed": True, "msg": "hunter2"},
            "Log in: its result is secret (no_log)",
        ),
        ({}, {}, "a task without a name: no message"),
    ],
)
def test_why_a_hook_failed(task: dict[str, Any], result: dict[str, Any], reason: str) -> None:
    assert hook_failure(task, result) == reason
