# SPDX-License-Identifier: GPL-3.0-or-later
"""The report below the recap."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ansible_collections.strata.deploy.plugins.callback.report import ACTION, PHASES, CallbackModule

ROLES = Path(__file__).resolve().parents[4] / "roles"


class Shown:
    """What the callback displays."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, text: str) -> None:
        self.lines.append(text)


def result(msg: str, action: str = ACTION, phase: str = PHASES[0]) -> Any:
    return SimpleNamespace(task=SimpleNamespace(action=action, args={"phase": phase}), result={"msg": msg})


@pytest.fixture
def callback() -> CallbackModule:
    callback = CallbackModule()
    callback._display = Shown()
    return callback


def shown(callback: CallbackModule) -> list[str]:
    callback.v2_playbook_on_stats(None)
    return callback._display.lines


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("event", ["v2_runner_on_ok", "v2_runner_on_failed"])
def test_a_report_is_shown_again_whether_its_task_failed_or_not(
    callback: CallbackModule, phase: str, event: str
) -> None:
    getattr(callback, event)(result("shop 2.0: done", phase=phase))
    assert shown(callback) == ["shop 2.0: done"]


def test_the_last_of_several_reports_is_shown(callback: CallbackModule) -> None:
    for text in ("first", "second"):
        callback.v2_runner_on_ok(result(text))
    assert shown(callback) == ["second"]


@pytest.mark.parametrize(
    "other", [result("not ours", action="ansible.builtin.debug"), result("no report", phase="plan")]
)
def test_without_a_report_nothing_is_shown(callback: CallbackModule, other: Any) -> None:
    callback.v2_runner_on_ok(other)
    assert shown(callback) == []


def phases() -> set[str]:
    """The phases that the roles' tasks ask the action for."""
    found = set()
    for path in ROLES.rglob("tasks/**/*.yml"):
        tasks = list(yaml.safe_load(path.read_text(encoding="utf-8")) or [])
        while tasks:
            task = tasks.pop()
            tasks += [inner for kind in ("block", "rescue", "always") for inner in task.get(kind, [])]
            found.add((task.get(ACTION) or {}).get("phase"))
    return found


def test_the_roles_have_tasks_whose_message_is_the_report() -> None:
    assert phases() >= set(PHASES)


def test_control_characters_do_not_reach_the_terminal(callback: CallbackModule) -> None:
    callback.v2_runner_on_failed(result("web1: \x1b]0;title\x07 \x9b2J"))
    assert shown(callback) == [r"web1: \u001b]0;title\u0007 \u009b2J"]
