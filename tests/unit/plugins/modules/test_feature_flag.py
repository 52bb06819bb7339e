# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, ClassVar

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd

Run = Callable[..., dict[str, Any]]


def flagd(path: object) -> dict[str, Any]:
    return {"service": {"provider": "flagd", "path": path}}


@pytest.fixture
def flags(tmp_path: Path) -> Path:
    path = tmp_path / "flags.json"
    path.write_text('{"flags": {}}')
    return path


def test_a_flag_is_ramped_read_and_put_back(flags: Path, tmp_path: Path, run_module: Run) -> None:
    record = {**flagd(str(flags)), "record": str(tmp_path / "state")}
    ramp = {**record, "name": "billing", "state": "on", "rollout": "r1"}
    result = run_module("feature_flag", {**ramp, "percentage": 5})
    assert result["changed"]
    assert result["flags"] == {"billing": {"state": "partial", "percentage": 5.0}}
    assert result["former"] == {"billing": {"state": "absent", "percentage": 0.0}}
    assert result["diff"]["before"] == {"billing": None}
    assert result["diff"]["after"] == json.loads(flags.read_text())["flags"]
    assert not run_module("feature_flag", {**ramp, "percentage": 5})["changed"]

    found = run_module("feature_flag_info", record)
    assert found["flags"] == result["flags"]
    assert found["recorded"]["billing"]["rollout"] == "r1"
    assert found["recorded"]["billing"]["former"] == {"state": "absent", "percentage": 0.0}

    planned = run_module("feature_flag", {**record, "state": "restored"}, check=True)
    assert json.loads(flags.read_text())["flags"] != {}
    assert planned == run_module("feature_flag", {**record, "state": "restored"})
    assert json.loads(flags.read_text()) == {"flags": {}}
    assert not run_module("feature_flag", {**record, "state": "restored"})["changed"]


def test_a_ramp_that_died_is_finished_by_another_and_put_back_to_what_was_before_both(
    flags: Path, tmp_path: Path, run_module: Run
) -> None:
    record = {"path": str(flags), "record": str(tmp_path / "state")}
    ramp = {**record, "name": "billing", "state": "on"}
    run_module("feature_flag", {**ramp, "rollout": "dead", "percentage": 25, "last": False})
    run_module("feature_flag", {**ramp, "rollout": "next", "percentage": 100})
    assert run_module("feature_flag_info", record)["recorded"]["billing"]["rollout"] == "next"
    run_module("feature_flag", {**record, "state": "restored"})
    assert json.loads(flags.read_text()) == {"flags": {}}


@pytest.mark.parametrize(("state", "percentage"), [(True, 100.0), (False, 0.0)])
def test_an_unquoted_on_or_off_is_understood(
    flags: Path, run_module: Run, state: bool, percentage: float
) -> None:
    result = run_module("feature_flag", {**flagd(str(flags)), "name": "x", "state": state, "percentage": 100})
    assert not result["failed"], result["msg"]
    assert result["flags"]["x"]["percentage"] == percentage


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"state": "on"}, "name"),
        ({"state": "off"}, "name"),
        ({"state": "restored"}, "record"),
        ({"state": "on", "name": "x", "rollout": "r1"}, "record"),
        ({"state": "on", "name": "x", "percentage": 101}, "between 0 and 100"),
        ({"state": "on", "name": "x", **flagd(None)}, "missing required arguments: path"),
        ({"state": "on", "name": "x", **flagd("flags.json")}, "absolute path"),
        ({"state": "on", "name": "x", **flagd("/nowhere/flags.json")}, "does not exist"),
        ({"state": "on", "name": "x", "service": {"provider": "flag"}}, "did you mean 'flagd'"),
        ({"state": "on", "name": "x", "service": {"provider": "flagd", "pth": "/"}}, "did you mean 'path'"),
    ],
)
def test_what_cannot_be_done_is_said(
    flags: Path, run_module: Run, arguments: dict[str, Any], error: str
) -> None:
    result = run_module("feature_flag", {**flagd(str(flags)), **arguments})
    assert result["failed"]
    assert error in result["msg"]
    assert flags.read_text() == '{"flags": {}}'


def test_an_unreadable_file_fails_the_info_too(flags: Path, run_module: Run) -> None:
    flags.write_text("no json")
    assert "not valid JSON" in run_module("feature_flag_info", flagd(str(flags)))["msg"]


@pytest.mark.parametrize("module", ["feature_flag", "feature_flag_info"])
def test_the_secrets_of_a_service_are_hidden_and_its_other_options_are_not(
    flags: Path, run_module: Run, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    class Tokened(Flagd):
        NAME = "tokened"
        OPTIONS: ClassVar[Mapping[str, Any]] = {**Flagd.OPTIONS, "token": {"type": "str", "no_log": True}}

    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, msg, **_: logged.append(str(msg)))
    monkeypatch.setitem(PROVIDERS, "tokened", Tokened)
    service = {"provider": "tokened", "path": str(flags), "token": "s3cret"}
    wanted = {"name": "x", "state": "on"} if module == "feature_flag" else {}
    result = run_module(module, {"service": service, **wanted})
    assert not result["failed"], result["msg"]
    assert logged
    assert "s3cret" not in f"{result}{logged}"
    assert result["invocation"]["module_args"]["service"]["path"] == str(flags)
