# SPDX-License-Identifier: GPL-3.0-or-later
"""The report below the recap."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ansible_collections.strata.deploy.plugins.callback.report import REPORTS, CallbackModule

ROLES = Path(__file__).resolve().parents[4] / "roles"


class Shown:
    """What the callback displays."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def display(self, text: str) -> None:
        self.lines.append(text)


def result(name: str, msg: str) -> Any:
    return SimpleNamespace(task=SimpleNamespace(get_name=lambda: name), result={"msg": msg})


@pytest.fixture
def callback() -> CallbackModule:
    callback = CallbackModule()
    callback._display = Shown()
    return callback


def shown(callback: CallbackModule) -> list[str]:
    callback.v2_playbook_on_stats(None)
    return callback._display.lines


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("event", ["v2_runner_on_ok", "v2_runner_on_failed"])
def test_a_report_is_shown_again_whether_its_task_failed_or_not(
    callback: CallbackModule, name: str, event: str
) -> None:
    getattr(callback, event)(result(name, "shop 2.0: done"))
    assert shown(callback) == ["shop 2.0: done"]


def test_the_last_of_several_reports_is_shown(callback: CallbackModule) -> None:
    for text in ("first", "second"):
        callback.v2_runner_on_ok(result(REPORTS[0], text))
    assert shown(callback) == ["second"]


def test_without_a_report_nothing_is_shown(callback: CallbackModule) -> None:
    callback.v2_runner_on_ok(result("another.collection.role : Report", "not ours"))
    assert shown(callback) == []


def names() -> set[str]:
    """The names of all tasks of the roles, as Ansible has them."""
    found = set()
    for path in ROLES.rglob("tasks/**/*.yml"):
        role = path.relative_to(ROLES).parts[0]
        tasks = list(yaml.safe_load(path.read_text(encoding="utf-8")) or [])
        while tasks:
            task = tasks.pop()
            tasks += [inner for kind in ("block", "rescue", "always") for inner in task.get(kind, [])]
            found.add(f"strata.deploy.{role} : {task.get('name')}")
    return found


@pytest.mark.parametrize("name", REPORTS)
def test_the_task_whose_message_is_the_report_is_in_the_roles(name: str) -> None:
    """A task that is renamed must be renamed in REPORTS too, or no report comes below the recap."""
    assert name in names()
