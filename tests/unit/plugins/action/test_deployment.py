# SPDX-License-Identifier: GPL-3.0-or-later
"""The action around the phases of a deployment, without a playbook; tests/e2e has whole runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.template import Templar

from ansible_collections.strata.deploy.plugins.action.deployment import ActionModule
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment import phases
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import holder

FLEET = ["web1", "web2"]


class Desk:
    """The controller, which is the control host as well."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, dict[str, Any]] = {"localhost": {}, **{host: {} for host in FLEET}}

    def act(self, phase: str, *, check_mode: bool = False, **more: Any) -> dict[str, Any]:
        own = {
            "deployment_app": "shop",
            "deployment_state_dir": str(self.folder),
            "deployment_fleet": FLEET,
            **self.variables["localhost"],
        }
        task = SimpleNamespace(args={"phase": phase, **more}, check_mode=check_mode, async_val=0, diff=False)
        connection: Any = SimpleNamespace(
            transport="local", become=None, _shell=SimpleNamespace(tmpdir="none")
        )
        nothing: Any = None
        action = ActionModule(task, connection, nothing, nothing, Templar(variables=own), nothing)
        return action.run(task_vars={**own, "hostvars": {**self.variables, "localhost": own}})

    def opens(self, **more: Any) -> Mapping[str, Any]:
        """A deployment was opened, and holds the lock."""
        opened = {
            "id": "d1",
            "app": "shop",
            "version": "2.0",
            "layers": ["feature"],
            "plan": {"version": "2.0"},
            "fleet": FLEET,
            "path": str(self.folder / "shop"),
            "control_host": "localhost",
            **more,
        }
        (self.folder / "shop").mkdir()
        lock = {**holder("2.0", "d1"), "since": "2026-01-01T00:00:00Z", "note": ""}
        (self.folder / "shop/lock.json").write_text(json.dumps(lock))
        self.variables["localhost"]["strata_deployment"] = opened
        return opened

    def journal(self) -> list[dict[str, Any]]:
        lines = (self.folder / "shop/journal.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
    return Desk(tmp_path)


def test_a_phase_that_does_not_exist_is_named_with_those_that_do(desk: Desk) -> None:
    result = desk.act("begin")
    assert result["failed"]
    assert "no phase 'begin'" in result["msg"]
    assert "open, plan, record, judge, settle, close, status" in result["msg"]


@pytest.mark.parametrize("given", ["x", {"plan": {}}])
def test_the_deployment_itself_cannot_be_given(desk: Desk, given: Any) -> None:
    desk.variables["localhost"]["strata_deployment"] = given
    result = desk.act("open")
    assert "The variable 'strata_deployment' holds the deployment itself" in result["msg"]
    assert not (desk.folder / "shop").exists()


def test_a_deployment_that_was_not_opened_has_nothing_to_close(desk: Desk) -> None:
    assert desk.act("close") == {
        "failed": True,
        "msg": "No deployment was opened, so there is nothing to close.",
    }


@pytest.mark.parametrize("failed", [False, True])
def test_a_deployment_closes_with_its_report_its_journal_and_a_free_lock(desk: Desk, failed: bool) -> None:
    desk.opens()
    if failed:
        desk.variables["web1"]["__artifact_stage"] = {"failed": True, "changed": False, "msg": "404"}
    result = desk.act("close")
    assert result["failed"] is failed, result["msg"]
    assert ("404" in result["msg"]) is failed
    assert not (desk.folder / "shop/lock.json").exists()
    (entry,) = desk.journal()
    assert (entry["id"], entry["outcome"]) == ("d1", "failed" if failed else "succeeded")


def test_the_lock_of_another_fails_the_deployment_and_stays(desk: Desk) -> None:
    desk.opens(id="d2")
    result = desk.act("close")
    assert result["failed"]
    assert "releasing the lock" in result["msg"]
    assert json.loads((desk.folder / "shop/lock.json").read_text())["id"] == "d1"


def test_a_phase_keeps_what_only_the_first_could_tell(desk: Desk) -> None:
    opened = desk.opens()
    result = desk.act("plan")
    assert (result["path"], result["control_host"]) == (opened["path"], "localhost")


def test_a_fault_of_ours_keeps_the_run_going_to_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_deployment: Any) -> Any:
        raise ZeroDivisionError("no")

    desk.opens()
    monkeypatch.setattr(phases, "plan", broken)
    result = desk.act("plan")
    assert result["failed"]
    assert "internal error: ZeroDivisionError('no'). Please report it" in result["msg"]
    assert result["id"] == "d1"


def test_a_role_that_is_used_alone_needs_no_lock(desk: Desk) -> None:
    result = desk.act("record", batch=["web1"], version="2.0")
    assert result["go"]
    assert not (desk.folder / "shop").exists()


@pytest.mark.parametrize("failed", [False, True])
def test_a_lock_that_was_lost_is_noticed_whatever_else_has_failed(desk: Desk, failed: bool) -> None:
    desk.opens(id="d2")
    if failed:
        desk.variables["web1"]["__artifact_stage"] = {"failed": True, "changed": False, "msg": "404"}
    result = desk.act("record")
    assert (result["go"], result["failed"]) == (False, True)
    assert "has lost its lock" in result["msg"]


def test_a_failure_stops_the_run_and_its_lock_is_still_confirmed(desk: Desk) -> None:
    desk.opens()
    desk.variables["web1"]["__artifact_stage"] = {"failed": True, "changed": False, "msg": "404"}
    result = desk.act("record", batch=["web1"])
    assert not result["go"]
    assert "failed" not in result
