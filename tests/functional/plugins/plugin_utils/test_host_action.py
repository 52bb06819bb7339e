# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that answers in place of our modules: what of that reaches the controller's variables and terminal."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
VARIABLES = ("fleet_rolling_policy", "deployment_app", "db_migrate_archive", "artifact_root")
STEERING = {
    "ansible_facts": dict.fromkeys(VARIABLES, "THEIRS"),
    "add_host": {"host_name": "theirs", "groups": ["all"], "host_vars": {"deployment_app": "THEIRS"}},
    "ansible_stats": {"data": {"app": "THEIRS"}, "aggregate": False},
    "changed": False,
    "msg": "\x1b]0;THEIRS\x07",
    "warnings": ["\x1b[2Jwarned"],
}
TASKS: dict[str, dict[str, Any]] = {
    "analysis": {"analyses": []},
    "balancer": {"balancer": {}, "members": [], "state": "ready"},
    "database_backup": {"folder": "/srv"},
    "database_driver": {"name": "python3-x", "use": "apt"},
    "deploy_info": {"path": "/srv"},
    "deploy_lock": {"path": "/srv", "holder": {}},
    "feature_flag": {"service": {}, "state": "on"},
    "feature_flag_info": {"service": {}},
    "http_health": {"url": "http://h/"},
    "http_journey": {"base_url": "http://h", "journeys": []},
    "migration": {"url": "sqlite:///srv/a"},
    "migration_info": {"url": "sqlite:///srv/a"},
    "release": {"path": "/srv", "state": "pruned"},
    "release_info": {"path": "/srv"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A host that lies, and one whose variables show whether it was believed."""
    (tmp_path / "answer.json").write_text(json.dumps(STEERING))
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ncat >/dev/null\ncat {tmp_path}/answer.json\nprintf '\\n\\033[2Jjunk'\n")
    python.chmod(0o755)
    own = "".join(f"{name}=OURS\n" for name in VARIABLES)
    (tmp_path / "hosts").write_text(
        f"app1 ansible_connection=local ansible_python_interpreter={python}\n[all:vars]\n{own}"
    )
    return tmp_path


def play(folder: Path, tasks: list[dict[str, Any]]) -> tuple[str, str]:
    """What was shown, and the variables as a task after the others sees them."""
    after = {
        "name": "See",
        "ansible.builtin.copy": {
            "content": "{{ ["
            + ", ".join(VARIABLES)
            + ", groups.all, hostvars.localhost, results] | to_json }}",
            "dest": str(folder / "seen.json"),
            "mode": "0644",
        },
        "vars": {"results": "{{ [result | default('')] }}"},
        "delegate_to": "localhost",
    }
    document = [{"hosts": "app1", "gather_facts": False, "tasks": [*tasks, after]}]
    (folder / "site.yml").write_text(json.dumps(document))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_PIPELINING": "1",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SHOW_CUSTOM_STATS": "1",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-vvv", "-i", "hosts", "site.yml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr, (folder / "seen.json").read_text()


def test_no_module_lets_a_host_steer_the_controller(folder: Path) -> None:
    tasks = [
        {
            "name": module,
            f"strata.deploy.{module}": arguments,
            "ignore_errors": True,
            **({"delegate_to": "app1"} if delegated else {}),
        }
        for module, arguments in TASKS.items()
        for delegated in (False, True)
    ]
    shown, seen = play(folder, tasks)
    assert json.loads(seen)[:5] == [*["OURS"] * len(VARIABLES), ["app1"]]
    assert "THEIRS" not in seen.replace("u001b]0;THEIRS", "")
    assert "cannot be used" in shown
    assert not {"\x1b", "\x07"} & set(shown)
    assert r"\\u001b]0;THEIRS\\u0007" in shown
    assert "CUSTOM STATS" not in shown


def test_templates_in_an_answer_stay_text(folder: Path) -> None:
    marker = "{{ lookup('ansible.builtin.pipe', 'touch " + str(folder / "ran") + "') }}"
    current = {"version": "{{ 1 + 1 }}", "state": "good", "deployed_by": marker}
    answer = {"current": current, "releases": [], "pending": None, "changed": False, "msg": marker}
    (folder / "answer.json").write_text(json.dumps(answer))
    tasks = [
        {"strata.deploy.release_info": {"path": "/srv"}, "register": "result"},
        {
            "ansible.builtin.debug": {
                "msg": "{{ result.msg }} {{ result.current.version }} {{ result.current.deployed_by }}"
            }
        },
    ]
    _shown, seen = play(folder, tasks)
    assert json.loads(seen)[-1][0]["current"]["version"] == "{{ 1 + 1 }}"
    assert not (folder / "ran").exists()


class Watch(threading.Thread):
    """Looks through the process list for a text until it is told to end."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text.encode()
        self._ended = threading.Event()
        self.found: set[bytes] = set()
        self.looks = 0

    def run(self) -> None:
        while not self._ended.is_set():
            self.looks += 1
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    line = path.read_bytes()
                    if self._text in line:
                        self.found.add(line)

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self.join()

    def __enter__(self) -> Watch:
        self.start()
        return self


@pytest.mark.parametrize("module", ["migration", "migration_info", "database_backup"])
def test_a_password_in_the_environment_of_the_task_is_in_no_process_list_and_no_output(
    folder: Path, module: str
) -> None:
    secret = "pl4nted s%cret"
    (folder / "hosts").write_text(
        f"app1 ansible_connection=local ansible_python_interpreter={sys.executable}\n[all:vars]\n"
        + "".join(f"{name}=OURS\n" for name in VARIABLES)
    )
    arguments: dict[str, Any] = {"url": "postgresql://anna@127.0.0.1:1/shop"}
    if module == "database_backup":
        arguments["folder"] = str(folder / "backups")
    task = {
        f"strata.deploy.{module}": arguments,
        "environment": {"STRATA_DATABASE_PASSWORD": secret, "OTHER": "kept"},
        "register": "result",
        "ignore_errors": True,
    }
    with Watch(secret) as watch:
        shown, seen = play(folder, [task])
    assert json.loads(seen)[-1][0]["failed"]
    assert "OTHER=kept" in shown
    assert watch.looks > 1
    assert not watch.found
    for form in (secret, "pl4nted%20s%25cret", "pl4nted"):
        assert form not in shown + seen
