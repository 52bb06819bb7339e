# SPDX-License-Identifier: GPL-3.0-or-later
"""Every task that may fail reaches the verdict: it registers a step, or the reason why it need not is known."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CONTROL = (
    "import_role",
    "include_role",
    "import_tasks",
    "include_tasks",
    "import_playbook",
    "meta",
    "debug",
    "set_fact",
)
KEYWORDS = {
    "name",
    "when",
    "vars",
    "register",
    "delegate_to",
    "loop",
    "loop_control",
    "run_once",
    "block",
    "rescue",
    "always",
}
ENDS_THE_RUN = {
    # Before the deployment is opened there is no verdict: a failure ends the run, and nothing was touched.
    "roles/artifact/tasks/sign_s3.yml",
    "roles/deployment/tasks/open.yml",
    # The last task of a run, whose failure is its exit code.
    "roles/deployment/tasks/close.yml",
    "roles/deployment/tasks/status.yml",
    # For a role that is used alone; no playbook imports it.
    "roles/artifact/tasks/verify.yml",
    "roles/db_migrate/tasks/verify.yml",
    "roles/feature_flag/tasks/verify.yml",
    "roles/fleet_rolling/tasks/verify.yml",
}


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def action_of(task: dict[str, Any]) -> str:
    (action,) = [name for name in task if "." in name] or [""]
    return action


def flattened(tasks: Any, rescued: bool = False) -> Iterator[tuple[dict[str, Any], bool]]:
    """Every task, and whether its failure enters a rescue, whose own tasks register it."""
    for task in tasks or []:
        if "block" in task:
            yield from flattened(task["block"], rescued or "rescue" in task)
            yield from flattened(task.get("rescue"), rescued)
            yield from flattened(task.get("always"), rescued)
        else:
            yield task, rescued


def failing_tasks() -> list[Any]:
    found = []
    for path in sorted((ROOT / "roles").glob("*/tasks/*.yml")):
        name = str(path.relative_to(ROOT))
        if name in ENDS_THE_RUN:
            continue
        for task, rescued in flattened(load(path)):
            action = action_of(task)
            if action.rpartition(".")[2] not in CONTROL and not (rescued and "register" not in task):
                found.append(pytest.param(task, id=f"{name}: {task.get('name')}"))
    for path in sorted((ROOT / "playbooks").rglob("*.yml")):
        for play in load(path):
            if isinstance(play, dict) and "hosts" in play:
                found += [
                    pytest.param(task, id=f"{path.relative_to(ROOT)}: {task.get('name')}")
                    for task, _ in flattened(play.get("tasks"))
                    if action_of(task).rpartition(".")[2] not in CONTROL
                ]
    return found


TASKS = failing_tasks()


def test_there_are_tasks_to_look_at() -> None:
    assert len(TASKS) > 20


@pytest.mark.parametrize("task", TASKS)
def test_the_failure_of_a_task_reaches_the_verdict(task: dict[str, Any]) -> None:
    from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import read_deployment
    from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import JUDGED_ELSEWHERE
    from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import verdict

    register = task.get("register")
    assert register, "it registers nothing, so nobody sees its failure"
    if register in JUDGED_ELSEWHERE or register == "strata_deployment":
        return
    broken = {"failed": True, "changed": False, "msg": "it broke"}
    opened = {"id": "d1", "app": "shop", "layers": ["artifact", "fleet"], "fleet": ["web1"]}
    for host in ("web1", "localhost"):
        variables: dict[str, Any] = {"web1": {}, "localhost": {}, host: {register: broken}}
        failures = verdict(read_deployment(variables, opened)).failures
        if any(failure.layer != "unknown" and failure.reason == "it broke" for failure in failures):
            return
    pytest.fail(f"no step of the deployment has the register {register}")


def test_the_steps_are_what_the_tasks_register() -> None:
    from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
        CONTROLLER_STEPS,
        HOST_STEPS,
        JUDGED_ELSEWHERE,
    )

    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "roles").rglob("tasks/*.yml"))
    steps = {step.register for step in (*HOST_STEPS, *CONTROLLER_STEPS)} | set(JUDGED_ELSEWHERE)
    assert {
        name for name in steps if f"register: {name}\n" not in text and f"    {name}:\n" not in text
    } == set()
    # A step on the wrong host would be looked for where nobody registers it.
    assert {step.register for step in HOST_STEPS} & {step.register for step in CONTROLLER_STEPS} == set()


PLAYS = [
    pytest.param(play, id=f"{path.relative_to(ROOT)}: {play['name']}")
    for path in sorted((ROOT / "playbooks").rglob("*.yml"))
    for play in load(path)
    if isinstance(play, dict) and "hosts" in play
]


@pytest.mark.parametrize("play", PLAYS)
def test_a_play_pins_what_its_correctness_needs(play: dict[str, Any]) -> None:
    """The operator's ansible.cfg must not decide these.

    A free strategy restores a member while it restarts, and a debugger that nobody answers ends the run at a failure.
    """
    assert play["strategy"] == "ansible.builtin.linear"
    assert play["any_errors_fatal"] is False
    assert play["debugger"] == "never"
    assert play["order"] == "inventory"
    assert play["gather_facts"] is False


def test_nothing_passes_all_variables_to_a_filter() -> None:
    files = [*(ROOT / "playbooks").rglob("*.yml"), *(ROOT / "roles").rglob("*.yml")]
    passed = [path.name for path in files if "hostvars |" in path.read_text(encoding="utf-8")]
    assert passed == []


def test_there_are_at_most_six_filters() -> None:
    from ansible_collections.strata.deploy.plugins.filter.deployment import FilterModule

    filters = FilterModule().filters()
    assert len(filters) <= 6
    assert {path.stem for path in (ROOT / "plugins/filter").glob("*.yml")} == set(filters)


def test_no_run_once_task_can_fail_in_a_rescued_block() -> None:
    """Only the first host would be rescued, and its batch-mates would leave the play; the roles of one host have none."""
    found = []
    for path in sorted((ROOT / "roles").glob("*/tasks/*.yml")):
        tasks = load(path)
        in_blocks = path.name == "hook.yml"  # imported into rescued blocks only
        for task, rescued in flattened(tasks, in_blocks):
            may_fail = not task.get("ignore_errors") and action_of(task) != "strata.deploy.user_tasks"
            if rescued and task.get("run_once") and may_fail:
                found.append(f"{path.relative_to(ROOT)}: {task['name']}")
    assert found == []
