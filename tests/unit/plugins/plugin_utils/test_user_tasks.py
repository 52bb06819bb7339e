# SPDX-License-Identifier: GPL-3.0-or-later
"""What is noted of the tasks of a file, and what a host's failure is told as; tests/e2e/test_user_tasks.py runs files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils import user_tasks


def ended(host: str, task: str = "Warm up", **result: Any) -> Any:
    return SimpleNamespace(
        host=SimpleNamespace(name=host),
        task=SimpleNamespace(name=task, action="ansible.builtin.command", ignore_unreachable=False),
        result=result,
    )


@pytest.mark.parametrize(
    ("task", "result", "told"),
    [
        ("Warm up", {"msg": "too cold"}, "Warm up: too cold"),
        ("Warm up", {"unreachable": True, "msg": "no route"}, "Warm up: unreachable: no route"),
        ("Warm up", {"censored": "hidden"}, "Warm up: its result is secret (no_log)"),
        ("Warm up", {"reason": "there is no file x.yml"}, "Warm up: there is no file x.yml"),
        ("Warm up", {"results": [{"failed": True, "item": "a", "msg": "no"}]}, "Warm up: a: no"),
        ("", {}, "ansible.builtin.command: no message"),
    ],
)
def test_a_failure_is_told_by_task_and_reason(task: str, result: dict[str, Any], told: str) -> None:
    notes = user_tasks._Notes()
    notes.v2_runner_on_failed(ended("web1", task, **result))
    assert notes.failures == {"web1": told}


def test_what_is_ignored_is_no_failure_and_the_last_failure_is_the_last() -> None:
    notes = user_tasks._Notes()
    notes.v2_runner_on_failed(ended("web1", msg="ignored"), ignore_errors=True)
    unreachable = ended("web1", unreachable=True)
    unreachable.task.ignore_unreachable = True
    notes.v2_runner_on_unreachable(unreachable)
    assert notes.failures == {}
    for host, reason in (("web1", "first"), ("web2", "second"), ("web1", "third")):
        notes.v2_runner_on_failed(ended(host, msg=reason))
    assert list(notes.failures.items()) == [("web2", "Warm up: second"), ("web1", "Warm up: third")]


@pytest.mark.parametrize(
    ("failures", "failed", "cleared", "error", "reason"),
    [
        ({"web1": "Warm up: no"}, {"web1"}, set(), None, "Warm up: no"),
        ({"web1": "Warm up: no"}, set(), {"web1"}, None, "Warm up: no"),
        ({"web1": "Warm up: no"}, set(), set(), None, f"Warm up: no {user_tasks.ENDED}"),
        ({"web2": "Warm up: no"}, {"web1", "web2"}, set(), None, "on web2: Warm up: no"),
        ({"web2": "Warm up: no"}, {"web2"}, set(), None, user_tasks.ENDED),
        ({}, set(), set(), "x.yml: YAML parsing failed", "x.yml: YAML parsing failed"),
        ({"web1": "Warm up: no"}, {"web1"}, set(), "x.yml: YAML parsing failed", "Warm up: no"),
    ],
)
def test_why_a_host_did_not_come_to_the_end(
    failures: dict[str, str], failed: set[str], cleared: set[str], error: str | None, reason: str
) -> None:
    queue = user_tasks._Queue.__new__(user_tasks._Queue)
    queue._notes = user_tasks._Notes()
    queue._notes.failures.update(failures)
    queue._failed_hosts = dict.fromkeys(failed, True)
    queue._unreachable_hosts = {}
    queue._cleared = cleared
    assert queue.reason("web1", error) == reason


def test_variables_that_are_new_or_have_changed_are_handed_on() -> None:
    before = {"web1": {"kept": 1, "changed": 1}}
    after = {
        "web1": {"kept": 1, "changed": 2, "new": 3, "ansible_failed_task": {}},
        "web2": {"new": [4]},
        "web3": {},
    }
    assert user_tasks._differences(before, after) == {"web1": {"changed": 2, "new": 3}, "web2": {"new": [4]}}


@pytest.mark.parametrize("file", ["hooks/warm-up.yml", "/nowhere/warm-up.yml"])
def test_a_file_that_is_not_there_fails_its_hosts(file: str) -> None:
    nothing: Any = None
    outcome = user_tasks.run(file, ["web1", "web2"], [], nothing, nothing)
    assert set(outcome.failures) == {"web1", "web2"}
    assert f"There is no file {file}." in outcome.failures["web1"]


def test_a_file_is_shown_by_its_path_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert user_tasks._shown(str(tmp_path / "hooks/a.yml")) == "hooks/a.yml"
    assert user_tasks._shown("/etc/hooks/a.yml") == "/etc/hooks/a.yml"


def test_variables_of_the_collection_are_not_handed_on() -> None:
    before = {"web1": {"known": 1}, "localhost": {}}
    after = {
        "web1": {"known": 2, "__artifact_activate": {}, "__fleet_rolling_batch": {"go": True}, "__own": 3},
        "localhost": {"strata_deployment": {}},
    }
    assert user_tasks._differences(before, after) == {"web1": {"known": 2, "__own": 3}}
