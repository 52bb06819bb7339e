# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import (
    holder as deployment_holder,
)

Run = Callable[..., dict[str, Any]]
DRAINED = {"lb1": {"127.0.0.1:8001": {"dial": "127.0.0.1:8001"}}}


def test_a_deployment_holds_records_and_releases(tmp_path: Path, run_module: Run) -> None:
    path = {"path": str(tmp_path / "shop")}
    mine = {**path, "holder": deployment_holder("2.0", "one")}
    assert run_module("deploy_info", path) == {
        "changed": False,
        "failed": False,
        "lock": None,
        "drained": {},
        "journal": [],
    } | {"invocation": {"module_args": {**path, "entries": 10}}}
    taken = run_module("deploy_lock", {**mine, "note": "Fleet"})
    assert taken["changed"]
    assert taken["unfinished"] is None
    assert taken["diff"] == {
        "before": {"lock": None, "drained": {}},
        "after": {"lock": taken["lock"], "drained": {}},
    }
    confirming = {**mine, "state": "confirmed", "drained": DRAINED}
    confirmed = run_module("deploy_lock", confirming)
    assert (confirmed["changed"], confirmed["lock"], confirmed["drained"]) == (True, taken["lock"], DRAINED)
    assert not run_module("deploy_lock", confirming)["changed"]
    found = run_module("deploy_info", path)
    assert found["lock"] == {**taken["lock"], "alive": True}
    assert found["drained"] == DRAINED

    theirs = {**path, "holder": {**mine["holder"], "id": "two"}}
    refused = run_module("deploy_lock", theirs)
    assert refused["failed"]
    assert "held by 'one'" in refused["msg"]
    assert refused["lock"] == taken["lock"]
    assert run_module("deploy_lock", {**theirs, "state": "absent"})["failed"]
    broken = run_module("deploy_lock", {**theirs, "break_id": "one"})
    assert (broken["unfinished"], broken["drained"]) == (taken["lock"], DRAINED)

    lost = run_module("deploy_lock", {**mine, "state": "confirmed"})
    assert (lost["failed"], lost["lock"]) == (True, broken["lock"])
    assert "held by 'two'" in lost["msg"]
    assert run_module("deploy_lock", {**mine, "state": "absent", "journal": {}})["failed"]

    back = {"lb1": ["127.0.0.1:8001"]}
    closing = {**theirs, "state": "absent", "restored": back, "journal": {"verdict": "failed"}}
    assert run_module("deploy_lock", closing, check=True)["changed"]
    closed = run_module("deploy_lock", closing)
    assert (closed["changed"], closed["lock"], closed["drained"]) == (True, None, {})
    again = run_module("deploy_lock", closing)
    assert again["failed"]
    assert "the lock is gone: released by this run" in again["msg"]
    journal = run_module("deploy_info", path)["journal"]
    assert [(entry["id"], entry.get("lock")) for entry in journal] == [
        ("two", None),
        ("one", "lost"),
        ("one", "broken"),
    ]
    assert journal[0]["verdict"] == "failed"
    assert journal[2]["broken_by"]["id"] == "two"
    assert run_module("deploy_info", {**path, "entries": 1})["journal"] == journal[:1]


def test_what_is_no_lock_is_said(tmp_path: Path, run_module: Run) -> None:
    (tmp_path / "lock.json").write_text("{}")
    for module, arguments in (
        ("deploy_info", {}),
        ("deploy_lock", {"holder": deployment_holder("2.0", "one")}),
    ):
        result = run_module(module, {"path": str(tmp_path), **arguments})
        assert result["failed"]
        assert "lock.json: it is not a deploy lock" in result["msg"]


def test_a_holder_is_complete(tmp_path: Path, run_module: Run) -> None:
    result = run_module("deploy_lock", {"path": str(tmp_path), "holder": {"id": "one"}})
    assert result["failed"]
    assert "boot_id" in result["msg"]


@pytest.mark.parametrize(
    ("state", "option", "value"),
    [
        ("held", "drained", {}),
        ("held", "restored", {}),
        ("held", "contracted", "2.0"),
        ("held", "journal", {}),
        ("confirmed", "break_id", "two"),
        ("confirmed", "journal", {}),
        ("absent", "drained", {}),
        ("absent", "note", ""),
        ("absent", "break_id", "two"),
        ("absent", "contracted", "2.0"),
    ],
)
def test_an_option_that_a_state_does_not_use_is_refused(
    tmp_path: Path, run_module: Run, state: str, option: str, value: Any
) -> None:
    holder = deployment_holder("2.0", "one")
    run_module("deploy_lock", {"path": str(tmp_path), "holder": holder})
    result = run_module(
        "deploy_lock", {"path": str(tmp_path), "holder": holder, "state": state, option: value}
    )
    assert result["failed"]
    assert f"With state '{state}' these options are not used: {option}." in result["msg"]
    assert run_module("deploy_info", {"path": str(tmp_path)})["lock"]["id"] == "one"
