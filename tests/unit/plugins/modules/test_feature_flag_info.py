# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading flags and what is recorded of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]
ON = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "on"}


def flagd(path: str) -> dict[str, Any]:
    return {"service": {"provider": "flagd", "path": path}}


@pytest.fixture
def flags(tmp_path: Path) -> str:
    path = tmp_path / "flags.json"
    path.write_text(json.dumps({"flags": {"billing": ON, "search": {**ON, "defaultVariant": "off"}}}))
    return str(path)


def test_all_flags_are_read_and_none_is_changed(flags: str, run_module: Run) -> None:
    before = Path(flags).read_text()
    result = run_module("feature_flag_info", flagd(flags))
    assert result["changed"] is False
    assert {name: flag["state"] for name, flag in result["flags"].items()} == {
        "billing": "on",
        "search": "off",
    }
    assert result["recorded"] == {}
    assert Path(flags).read_text() == before


def test_flags_are_read_by_name_there_or_not(flags: str, run_module: Run) -> None:
    result = run_module("feature_flag_info", {**flagd(flags), "names": ["billing", "none"]})
    assert {name: flag["state"] for name, flag in result["flags"].items()} == {
        "billing": "on",
        "none": "absent",
    }


def test_what_a_rollback_would_restore_is_shown(flags: str, tmp_path: Path, run_module: Run) -> None:
    record = str(tmp_path / "state")
    ramp = {
        **flagd(flags),
        "record": record,
        "name": "search",
        "state": "on",
        "percentage": 5,
        "rollout": "r1",
    }
    assert run_module("feature_flag", ramp)["changed"]
    result = run_module("feature_flag_info", {**flagd(flags), "record": record})
    assert result["flags"]["search"] == {"state": "partial", "percentage": 5.0}
    assert result["recorded"]["search"]["former"] == {"state": "off", "percentage": 0.0}


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "service"), (flagd("/nowhere/flags.json"), "/nowhere/flags.json")],
)
def test_what_cannot_be_read_is_said(options: dict[str, Any], said: str, run_module: Run) -> None:
    result = run_module("feature_flag_info", options)
    assert result["failed"]
    assert said in result["msg"]
