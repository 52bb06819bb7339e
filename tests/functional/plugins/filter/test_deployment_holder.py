# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_in_a_playbook_it_is_the_main_process_wherever_it_is_templated(tmp_path: Path) -> None:
    """Task arguments are templated in a worker, a play's name and serial in the main process."""
    (tmp_path / "play.yml").write_text(
        """
- hosts: a,b
  gather_facts: false
  serial: "{{ ('2.0' | strata.deploy.deployment_holder('x')).pid * 0 + 2 }}"
  vars:
    holder: "{{ '2.0' | strata.deploy.deployment_holder('x') }}"
  tasks:
    - ansible.builtin.copy:
        content: "{{ holder | to_json }}"
        dest: "{{ playbook_dir }}/{{ inventory_hostname }}.json"
        mode: "0600"
      delegate_to: localhost
      vars:
        ansible_connection: local
        ansible_python_interpreter: "{{ ansible_playbook_python }}"
"""
    )
    (tmp_path / "ansible.cfg").touch()
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(Path(__file__).resolve().parents[4] / "collections"),
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
    }
    with subprocess.Popen(
        [sys.executable, "-m", "ansible", "playbook", "-i", "a,b,", "play.yml"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as run:
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 0, output
    first, second = (json.loads((tmp_path / f"{host}.json").read_text()) for host in "ab")
    assert first == second
    assert first["pid"] == run.pid
    assert first["started"] > 0
