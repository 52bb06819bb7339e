# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The counting of executions, on a real playbook with two hosts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]

PLAYBOOK = """
- name: First
  hosts: web1,web2
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
    - ansible.builtin.ping:
      when: inventory_hostname == 'web1'
    - ansible.builtin.ping:
      delegate_to: "{{ item }}"
      loop: [web2, localhost]
      run_once: true
    - ansible.builtin.ping:
      loop: []
      run_once: true
    - ansible.builtin.meta: end_batch
      when: false

- name: Second
  hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_tasks: more.yml
      loop: [1, 2]
    - ansible.builtin.command: /bin/false
      ignore_errors: true
    - ansible.builtin.debug:
"""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, object]]]:
    folder = tmp_path_factory.mktemp("callbacks")
    (folder / "site.yml").write_text(PLAYBOOK)
    (folder / "more.yml").write_text("- ansible.builtin.ping:\n")
    inventory = "web1 ansible_connection=local\nweb2 ansible_connection=local\n"
    (folder / "hosts").write_text(inventory + f"[all:vars]\nansible_python_interpreter={sys.executable}\n")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CALLBACKS_ENABLED": "strata.deploy.executions",
        "STRATA_EXECUTIONS_FILE": str(folder / "executions.json"),
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-v", "-i", "hosts", "site.yml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout, json.loads((folder / "executions.json").read_text())["plays"]


def test_executions_are_counted_by_play_where_they_ran(played: tuple[str, list[dict[str, object]]]) -> None:
    counts = [{key: play[key] for key in ("name", "remote", "local", "skipped")} for play in played[1]]
    assert counts == [
        {"name": "First", "remote": 2 + 1 + 1, "local": 1, "skipped": 1 + 1},
        {"name": "Second", "remote": 0, "local": 1 + 2 + 1 + 1, "skipped": 0},
    ]


def test_each_play_has_its_seconds(played: tuple[str, list[dict[str, object]]]) -> None:
    assert all(isinstance(play["seconds"], float) and play["seconds"] > 0 for play in played[1])


def test_the_table_is_shown_with_v(played: tuple[str, list[dict[str, object]]]) -> None:
    assert "EXECUTIONS" in played[0]
