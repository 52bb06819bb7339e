# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller takes of a host's answer, and what it does not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import was_interrupted
from ansible_collections.strata.deploy.plugins.plugin_utils.host_answer import LONGEST_TEXT, accepted

CURRENT = {"version": "1.0", "state": "good", "since": None, "checksum": "unverified", "deployed_by": None}
READ = {"changed": False, "current": CURRENT, "releases": [], "pending": None}
MEMBER = {
    "backup": False,
    "state": "ready",
    "sessions": 0,
    "health": "UP",
    "definition": {"dial": "127.0.0.1:8001"},
}


@pytest.mark.parametrize(
    "steering",
    [
        {"ansible_facts": {"fleet_rolling_policy": "halt", "db_migrate_archive": "../../etc/shadow"}},
        {"add_host": {"host_name": "localhost", "host_vars": {"deployment_app": "other"}, "groups": ["db"]}},
        {"add_group": "db"},
        {"ansible_stats": {"data": {"x": 1}, "aggregate": False}},
        {"results": [{"skipped": True, "item": "lb1"}]},
        {"item": "lb1", "ansible_loop_var": "item"},
        {"unreachable": True},
        {"failed_when_result": False, "attempts": 3, "retries": 3},
        {"_ansible_no_log": True, "_ansible_notify": ["Restart"], "_ansible_delegated_vars": {}},
        {"_ansible_facts_cacheable": True, "include_vars": "x", "ansible_included_var_files": ["x"]},
        {"nobody_asked": "for this"},
    ],
)
def test_what_steers_the_controller_is_left_out(steering: dict[str, Any]) -> None:
    assert accepted("release_info", {**READ, **steering}) == READ


def test_what_a_module_documents_stays_as_it_is() -> None:
    answer = {
        "changed": True,
        "before": {"web1": "ready"},
        "members": {"web1": MEMBER},
        "seconds": 0.3,
        "diff": {"before": {}, "after": {}},
        "invocation": {"module_args": {"state": "drained"}},
        "warnings": ["slow"],
    }
    assert accepted("balancer", answer) == answer


@pytest.mark.parametrize(
    ("module", "answer", "why"),
    [
        ("release_info", {**READ, "current": "1.0"}, "'current' is '1.0', of the type str"),
        ("release_info", {**READ, "current": {**CURRENT, "version": "../../etc"}}, "current.version"),
        ("release_info", {**READ, "current": {**CURRENT, "version": ".."}}, "current.version"),
        ("release_info", {**READ, "current": {**CURRENT, "version": "1.0\n  all is well"}}, "version"),
        ("release_info", {**READ, "current": {**CURRENT, "version": "1\x000"}}, "current.version"),
        ("release_info", {**READ, "current": {**CURRENT, "version": 2.0}}, "current.version"),
        ("release_info", {**READ, "current": {**CURRENT, "version": "1" * 256}}, "current.version"),
        ("release_info", {**READ, "releases": {"1.0": {}}}, "'releases' is a value, of the type dict"),
        ("release_info", {**READ, "rollback_target": "a/b"}, "'rollback_target' is 'a/b'"),
        ("release_info", {"changed": False}, "it has no 'current'"),
        ("release_info", {**READ, "changed": "yes"}, "'changed' is 'yes'"),
        ("release_info", {**READ, "msg": ["a"]}, "'msg' is a value"),
        ("release", {"changed": True, "version": "/2.0"}, "'version' is '/2.0'"),
        ("release", {"changed": True, "version": "2.0", "pruned": ["a", ".."]}, r"pruned\[1\]"),
        ("balancer", {"members": {"web1": {"state": "ready"}}, "before": {}}, "members.web1.sessions"),
        ("balancer", {"members": {"web1": {**MEMBER, "state": None}}, "before": {}}, "web1.state"),
        ("balancer", {"members": {}, "before": {}, "seconds": float("nan")}, "'seconds' is nan"),
        ("balancer", {"members": {}, "before": {}, "ready": 10**30}, "'ready' is 1000"),
        ("balancer", {"members": {}, "before": {}, "ready": True}, "'ready' is True"),
        ("migration", {"applied": ["a\nb"], "pending": []}, r"applied\[0\]"),
        ("database_backup", {"path": "/a\nlock released"}, "'path'"),
        ("balancer", {"members": {"web1\nready": MEMBER}, "before": {}}, "a name in members"),
        ("balancer", {"members": {1: MEMBER}, "before": {}}, "a name in members"),
        ("deploy_lock", {"lock": None, "drained": {"lb1": ["web1"]}}, "drained.lb1"),
    ],
)
def test_another_shape_is_a_failure_and_what_was_done_is_unknown(
    module: str, answer: dict[str, Any], why: str
) -> None:
    found = accepted(module, answer)
    assert found["failed"]
    assert was_interrupted(found)
    assert "\n" not in found["msg"]
    assert re.search(why, found["msg"]), found["msg"]


def test_a_failure_and_a_skipped_task_need_nothing_more() -> None:
    assert accepted("release", {"failed": True, "msg": "no"}) == {"failed": True, "msg": "no"}
    assert accepted("analysis", {"skipped": True}) == {"skipped": True}


@dataclass(frozen=True)
class Event:
    msg: str
    chain: Any = None


def test_no_text_of_a_host_reaches_the_terminal_as_it_is() -> None:
    answer = {
        "failed": True,
        "msg": "\x1b[31mno\x1b[0m \x1b]0;title\x07",
        "exception": Event("\x1b[2J", Event("\x9b1A")),
        "warnings": [Event("\u202e")],
        "diff": {"\x1b[H": ["\x1b[H"]},
        "invocation": {"module_args": {"a": "\x07"}},
        "module_stderr": "\x08",
    }
    found = accepted("release", answer)
    assert found["msg"] == r"no \u001b]0;title\u0007"
    assert found["exception"] == Event(r"\u001b[2J", Event(r"\u009b1A"))
    assert not any(character in repr(found) for character in "\x1b\x9b\x07\x08\u202e")


def test_markers_of_templates_stay_text() -> None:
    msg = "{{ lookup('pipe', 'id') }} {% raw %}"
    assert accepted("release", {"failed": True, "msg": msg})["msg"] == msg


def test_a_very_long_text_is_cut() -> None:
    found = accepted("release", {"failed": True, "msg": "x" * (LONGEST_TEXT + 1)})
    assert len(found["msg"]) < LONGEST_TEXT + 100
    assert found["msg"].endswith(f"({LONGEST_TEXT + 1} characters)")


def test_deep_nesting_is_a_failure() -> None:
    deep: Any = {}
    for _level in range(500):
        deep = {"a": deep}
    answer = {"members": {"web1": {**MEMBER, "definition": deep}}, "before": {}}
    assert "nested too deeply" in accepted("balancer", answer)["msg"]


def test_a_task_in_the_background_has_its_job() -> None:
    job = {
        "ansible_job_id": "j12.3",
        "results_file": "/root/.ansible_async/j12.3",
        "started": True,
        "finished": 0,
    }
    assert accepted("migration", {**job, "add_host": {}}, is_async=True) == job
    assert "ansible_job_id" not in accepted("migration", {**job, "failed": True})
