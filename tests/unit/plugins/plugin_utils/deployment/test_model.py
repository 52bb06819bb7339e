# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest


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
    assert fleet.deployment().by_name["web1"].version == version
