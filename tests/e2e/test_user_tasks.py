# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole deployments with hooks that do what Ansible lets them: whatever it is, the deployment settles, closes and tells."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ("web1", "web2", "web3")
WAIT = 120.0
GONE = {
    "ansible_host": "127.0.0.1",
    "ansible_port": 1,
    "ansible_connection": "ssh",
    "ansible_ssh_extra_args": "-o ConnectTimeout=1",
}
SAY = "- name: Say it\n  ansible.builtin.debug: {msg: here}\n"


@dataclass
class Run:
    code: int
    output: str

    @property
    def report(self) -> str:
        """What stands below the recap, on one line."""
        return " ".join(self.output[self.output.rindex("PLAY RECAP") :].split("\n\n", 1)[-1].split())


class Fleet:
    """Three hosts that are all this machine, in batches of two and one, without a balancer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hooks: dict[str, str] = {}
        self.own: dict[str, dict[str, Any]] = {name: {} for name in HOSTS}

    def hook(self, point: str, text: str | None) -> None:
        path = self.folder / f"{point}.yml"
        if text is not None:
            path.write_text(text)
        self.hooks[point] = str(path)

    def release(self, version: str) -> None:
        source = self.folder / f"source-{version}"
        source.mkdir()
        (source / "app.py").write_text(version)
        with tarfile.open(self.folder / f"shop-{version}.tar.gz", "w:gz") as tar:
            tar.add(source, ".")

    def command(self, playbook: str, version: str, *arguments: str) -> list[str]:
        local = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "artifact_root": str(self.folder / "srv" / "{{ inventory_hostname }}"),
            "artifact_hooks": self.hooks,
            "fleet_rolling_batches": [2, 1],
            "handed": "nothing",
        }
        hosts = {
            "fleet": {"vars": local, "hosts": self.own},
            "elsewhere": {"hosts": {"gone1": GONE}},
        }
        (self.folder / "hosts.yml").write_text(yaml.safe_dump(hosts))
        archive = self.folder / f"shop-{version}.tar.gz"
        given = {
            "deployment_app": "shop",
            "deployment_layers": ["artifact", "fleet"],
            "deployment_state_dir": str(self.folder / "state"),
            "artifact_version": version,
            "artifact_url": str(archive),
            "artifact_checksum": f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}",
        }
        tool = str(Path(sys.executable).parent / "ansible-playbook")
        return [tool, "-i", str(self.folder / "hosts.yml"), playbook, "-e", json.dumps(given), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}

    def play(self, playbook: str, version: str, *arguments: str) -> Run:
        done = subprocess.run(
            self.command(playbook, version, *arguments),
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def deploy(self, version: str, *arguments: str) -> Run:
        return self.play("deploy.yml", version, *arguments)

    def start(self, version: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command("deploy.yml", version),
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def current(self) -> dict[str, str]:
        return {
            host: os.readlink(self.folder / "srv" / host / "current").rpartition("/")[2] for host in HOSTS
        }

    @property
    def journal(self) -> dict[str, Any]:
        lines = (self.folder / "state/shop/journal.jsonl").read_text().splitlines()
        entry: dict[str, Any] = json.loads(lines[-1])
        return entry

    @property
    def locked(self) -> bool:
        return (self.folder / "state/shop/lock.json").exists()


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fleet that runs 1.0."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    fleet.release("1.0")
    run = fleet.deploy("1.0")
    assert run.code == 0, run.output
    return fleet.folder


@pytest.fixture
def fleet(deployed: Path, tmp_path: Path) -> Fleet:
    shutil.copytree(deployed, tmp_path, dirs_exist_ok=True, symlinks=True)
    fleet = Fleet(tmp_path)
    fleet.release("2.0")
    return fleet


FAILING = {
    "a task that fails": (
        "- name: Warm up\n  ansible.builtin.fail: {msg: too cold}\n",
        "Warm up: too cold",
    ),
    "a task that fails on one host of the batch": (
        "- name: Warm up\n  ansible.builtin.fail: {msg: too cold}\n  when: inventory_hostname == 'web2'\n",
        "Warm up: too cold",
    ),
    "a task that fails and runs once": (
        "- name: Warm up\n  ansible.builtin.fail: {msg: too cold}\n  run_once: true\n",
        "Warm up: too cold",
    ),
    "a task that is unreachable": (
        "- name: Tell the bus\n  ansible.builtin.command: id\n  delegate_to: gone1\n" + SAY,
        "Tell the bus: unreachable",
    ),
    "a task that is unreachable and runs once": (
        "- name: Tell the bus\n  ansible.builtin.command: id\n  delegate_to: gone1\n  run_once: true\n" + SAY,
        "Tell the bus: unreachable",
    ),
    "a block with any_errors_fatal": (
        "- name: Together\n  any_errors_fatal: true\n  block:\n"
        "    - name: Warm up\n      ansible.builtin.fail: {msg: too cold}\n      when: inventory_hostname == 'web2'\n"
        "    - name: Say it\n      ansible.builtin.debug: {msg: here}\n",
        "Warm up: too cold",
    ),
    "the end of the play": (
        "- ansible.builtin.meta: end_play\n" + SAY,
        "The file ended the play before its last task",
    ),
    "the end of the batch": (
        "- ansible.builtin.meta: end_batch\n" + SAY,
        "The file ended the play before its last task",
    ),
    "the end of the role": (
        "- ansible.builtin.meta: end_role\n" + SAY,
        "The file ended the play before its last task",
    ),
    "the end for one host": (
        "- ansible.builtin.meta: end_host\n  when: inventory_hostname == 'web2'\n" + SAY,
        "The file ended the play before its last task",
    ),
    "errors that are cleared": (
        "- name: Tell the bus\n  ansible.builtin.command: id\n  delegate_to: gone1\n"
        "  when: inventory_hostname == 'web2'\n- ansible.builtin.meta: clear_host_errors\n" + SAY,
        "Tell the bus: unreachable",
    ),
    "no YAML": ("- name: Warm up\n  ansible.builtin.debug: {msg: \"\n", "YAML parsing failed"),
    "no list of tasks": ("name: Warm up\n", "must contain a list of tasks"),
    "an unknown module": ("- name: Warm up\n  no.such.module: {}\n", "couldn't resolve module/action"),
    "an unknown variable": (
        "- name: Warm up\n  ansible.builtin.debug: {msg: '{{ nowhere }}'}\n",
        "Warm up: .*'nowhere' is undefined",
    ),
    "an include of a missing file": (
        "- name: Warm up\n  ansible.builtin.include_tasks: nowhere.yml\n",
        "Warm up: .*nowhere.yml",
    ),
    "a condition of a meta task that cannot be read": (
        "- ansible.builtin.meta: end_host\n  when: nowhere == 1\n",
        "'nowhere' is undefined",
    ),
    "a role that ends the play": (
        "- name: Do more\n  ansible.builtin.include_role: {name: '{{ inventory_dir }}/more', tasks_from: end}\n" + SAY,
        "The file ended the play before its last task",
    ),
    "a handler that fails": (
        "- name: Do more\n  ansible.builtin.include_role: {name: '{{ inventory_dir }}/more', tasks_from: notify}\n",
        "Ring: no bell",
    ),
    "a secret": (
        "- name: Log in\n  ansible.builtin.fail: {msg: hunter2}\n  no_log: true\n",
        r"Log in: its result is secret \(no_log\)",
    ),
}


def add_role(folder: Path) -> None:
    for name, text in {
        "tasks/end.yml": "- ansible.builtin.meta: end_play\n",
        "tasks/notify.yml": "- name: Change it\n  ansible.builtin.debug: {msg: x}\n  changed_when: true\n  notify: Ring\n",
        "handlers/main.yml": "- name: Ring\n  ansible.builtin.fail: {msg: no bell}\n",
    }.items():
        (folder / "more" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "more" / name).write_text(text)


@pytest.mark.parametrize("kind", FAILING)
def test_whatever_ends_a_hook_ends_no_deployment(fleet: Fleet, kind: str) -> None:
    text, reason = FAILING[kind]
    add_role(fleet.folder)
    fleet.hook("before_link", text)
    run = fleet.deploy("2.0")
    assert run.code == 2, run.output
    assert re_found(reason, run.report), run.report
    assert "hunter2" not in run.output
    assert_settled(fleet, run)


def re_found(pattern: str, text: str) -> bool:
    import re

    return re.search(pattern, text) is not None


def assert_settled(fleet: Fleet, run: Run) -> None:
    assert "PLAY [Settle]" in run.output, run.output
    assert (fleet.locked, fleet.journal["outcome"], fleet.journal["version"]) == (False, "failed", "2.0")
    assert [host for host in HOSTS if host not in run.report] == [], run.report
    assert fleet.current == dict.fromkeys(HOSTS, "1.0")
