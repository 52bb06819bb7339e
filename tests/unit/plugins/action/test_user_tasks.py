# SPDX-License-Identifier: GPL-3.0-or-later
"""The action around `plugin_utils.user_tasks`: it never fails itself."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible import constants
from ansible.executor.process import worker
from ansible.template import Templar

from ansible_collections.strata.deploy.plugins.action.user_tasks import ActionModule
from ansible_collections.strata.deploy.plugins.plugin_utils import user_tasks

HOSTS = ["web1", "web2", "web3"]
TASK_VARS = {
    "ansible_play_batch": HOSTS[:2],
    "ansible_play_hosts": HOSTS[:2],
    "ansible_play_hosts_all": HOSTS,
}


class Manager:
    """Ansible's variable manager, as far as the action asks it."""

    def __init__(self, files: dict[str, str]) -> None:
        self._inventory = SimpleNamespace(get_host=lambda name: name)
        self._files = files

    def get_vars(self, host: str, **_: Any) -> dict[str, str]:
        return {"hook_file": self._files[host]} if host in self._files else {}


class Desk:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        self._monkeypatch = monkeypatch
        self.ran: list[tuple[Any, ...]] = []
        self.outcome: Any = lambda hosts: user_tasks.Outcome({}, True, {})
        monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path))
        monkeypatch.setattr(user_tasks, "run", self._run)

    def _run(
        self, file: str, hosts: list[str], lost: list[str], task: Any, _worker: Any, delegate_to: str
    ) -> Any:
        self.ran.append((file, hosts, lost, delegate_to))
        return self.outcome(hosts)

    def act(self, files: dict[str, str], check_mode: bool = False) -> dict[str, Any]:
        self._monkeypatch.setattr(worker, "current_worker", SimpleNamespace(_variable_manager=Manager(files)))
        task = SimpleNamespace(
            args={"variable": "hook_file", "delegate_to": "db1"},
            check_mode=check_mode,
            async_val=0,
            diff=False,
            action="strata.deploy.user_tasks",
            get_play=lambda: None,
        )
        nothing: Any = None
        connection: Any = SimpleNamespace(_shell=SimpleNamespace(tmpdir="none"))
        action = ActionModule(task, connection, nothing, nothing, Templar(), nothing)
        return action.run(task_vars=dict(TASK_VARS))


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Desk:
    return Desk(monkeypatch, tmp_path)


def test_each_file_runs_once_on_the_hosts_of_the_batch_that_have_it(desk: Desk) -> None:
    assert desk.act({"web1": "/a.yml", "web2": "/a.yml", "web3": "/a.yml"})["failures"] == {}
    assert desk.ran == [("/a.yml", ["web1", "web2"], ["web3"], "db1")]
    desk.ran.clear()
    desk.act({"web1": "/a.yml", "web2": "/b.yml"})
    assert [(file, hosts) for file, hosts, *_ in desk.ran] == [("/a.yml", ["web1"]), ("/b.yml", ["web2"])]
    desk.ran.clear()
    assert desk.act({"web1": "", "web2": ""}) == {"failures": {}, "variables": "", "changed": False}
    assert desk.ran == []


def test_a_host_whose_file_is_unknown_has_failed(desk: Desk) -> None:
    result = desk.act({"web1": "/a.yml"})
    assert list(result["failures"]) == ["web2"]
    assert "The variable hook_file cannot be read" in result["failures"]["web2"]
    assert len(desk.ran) == 1


def test_an_error_of_its_own_fails_every_host_of_the_batch(desk: Desk) -> None:
    def broken(hosts: list[str]) -> Any:
        raise OSError("no space left")

    desk.outcome = broken
    result = desk.act({"web1": "/a.yml", "web2": "/a.yml"})
    assert result["failures"] == {"web1": "no space left", "web2": "no space left"}
    assert "failed" not in result


def test_variables_go_through_a_private_file(desk: Desk) -> None:
    desk.outcome = lambda hosts: user_tasks.Outcome({}, True, {"web1": {"token": "hunter2"}})
    result = desk.act({"web1": "/a.yml", "web2": ""})
    assert "hunter2" not in str(result)
    path = Path(result["variables"])
    assert json.loads(path.read_text()) == [{"host": "web1", "name": "token", "value": "hunter2"}]
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_runs_in_check_mode(desk: Desk) -> None:
    assert desk.act({"web1": "/a.yml"}, check_mode=True) == {"skipped": True, "failures": {}, "variables": ""}
    assert desk.ran == []
