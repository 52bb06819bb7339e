# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

from ansible_collections.strata.deploy.plugins.filter.deployment_holder import deployment_holder

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
    taken = run_module("deploy_lock", {**mine, "note": "Fleet", "drained": DRAINED})
    assert taken["changed"]
    assert taken["unfinished"] is None
    assert taken["diff"] == {
        "before": {"lock": None, "drained": {}},
        "after": {"lock": taken["lock"], "drained": DRAINED},
    }
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

    closing = {**theirs, "state": "absent", "drained": {}, "journal": {"verdict": "failed"}}
    assert run_module("deploy_lock", closing, check=True)["changed"]
    closed = run_module("deploy_lock", closing)
    assert (closed["changed"], closed["lock"], closed["drained"]) == (True, None, {})
    assert not run_module("deploy_lock", closing)["changed"]
    (entry,) = run_module("deploy_info", path)["journal"]
    assert (entry["id"], entry["verdict"]) == ("two", "failed")


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
