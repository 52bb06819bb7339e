# SPDX-License-Identifier: GPL-3.0-or-later
"""The report below the recap, on real playbooks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
STATUS = """\
    - strata.deploy.deployment:
        phase: status
"""
OTHER = """\
    - ansible.builtin.debug:
        msg: "last      deploy 2.0: succeeded"
"""
REPORT = "last      deploy 2.0: succeeded"


def played(folder: Path, tasks: str, info: str = "") -> tuple[int, str]:
    """The exit code, and what comes below the recap's own lines; ``info`` is what was read of the deployment."""
    (folder / "site.yml").write_text(
        f"""\
- hosts: localhost
  gather_facts: false
  vars:
    deployment_app: shop
    __deployment_info:
      {{{info}journal: [{{occasion: deploy, version: "2.0", outcome: succeeded}}]}}
  tasks:
    - ansible.builtin.set_fact:
        __deployment_info: "{{{{ __deployment_info }}}}"
{tasks}"""
    )
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CALLBACKS_ENABLED": "strata.deploy.report",
        "ANSIBLE_NOCOLOR": "1",
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "site.yml"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert "PLAY RECAP" in done.stdout, done.stdout + done.stderr
    return done.returncode, done.stdout[done.stdout.index("PLAY RECAP") :]


def test_the_report_comes_below_the_recap(tmp_path: Path) -> None:
    code, below = played(tmp_path, STATUS)
    assert code == 0, below
    assert below.rstrip().endswith(REPORT)


def test_the_report_of_a_failure_comes_there_too(tmp_path: Path) -> None:
    code, below = played(tmp_path, STATUS, info="failed: true, msg: gone, ")
    assert code == 2, below
    assert below.rstrip().endswith(REPORT)


def test_the_message_of_another_task_does_not(tmp_path: Path) -> None:
    code, below = played(tmp_path, OTHER)
    assert code == 0, below
    assert REPORT not in below
