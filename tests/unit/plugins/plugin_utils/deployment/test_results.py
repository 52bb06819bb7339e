# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    failure_reason,
    succeeded,
    was_interrupted,
    was_skipped,
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
        ({"failed": True, "exception": "Traceback: boom"}, "Traceback: boom"),
        ({"failed": True, "exception": "(traceback unavailable)"}, "no message"),
        (
            {"failed": True, "exception": "(traceback unavailable)", "failed_when_result": True},
            "its failed_when holds",
        ),
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


def test_the_first_failure_of_several_results() -> None:
    assert (
        failure_reason(
            [{"changed": True}, {"failed": True, "msg": "second"}, {"failed": True, "msg": "third"}]
        )
        == "second"
    )
    assert failure_reason([{"skipped": True}, {"changed": False}]) is None


@pytest.mark.parametrize(
    ("result", "skipped", "success"),
    [
        ({}, False, False),
        ({"changed": False}, False, True),
        ({"skipped": True}, True, False),
        ({"failed": True}, False, False),
        ({"results": [{"skipped": True}, {"skipped": True}]}, True, False),
        ({"results": [{"skipped": True}, {"changed": True}]}, False, True),
        ({"results": [], "skipped": True}, True, False),
    ],
)
def test_what_did_not_run_did_not_succeed(result: dict[str, Any], skipped: bool, success: bool) -> None:
    assert (was_skipped(result), succeeded(result)) == (skipped, success)


@pytest.mark.parametrize(
    ("result", "interrupted"),
    [
        ({"unreachable": True}, True),
        ({"failed": True, "module_stdout": "", "rc": 137}, True),
        ({"failed": True, "msg": "refused"}, False),
        ({}, False),
    ],
)
def test_a_task_without_an_answer_of_its_module_was_interrupted(
    result: dict[str, Any], interrupted: bool
) -> None:
    assert was_interrupted(result) is interrupted
