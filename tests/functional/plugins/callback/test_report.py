# SPDX-License-Identifier: GPL-3.0-or-later
"""The report below the recap, on real playbooks whose role names its tasks as the callback wants them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.callback.report import REPORTS

ROOT = Path(__file__).resolve().parents[4]


def played(folder: Path, *tasks: str) -> tuple[int, str]:
    """The exit code, and what comes below the recap's own lines."""
    (folder / "site.yml").write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n" + "".join(tasks))
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


def task(name: str, passes: bool = True) -> str:
    return f"""\
    - name: "{name}"
      ansible.builtin.assert:
        that: {str(passes).lower()}
        success_msg: |-
          the last
          lines
        fail_msg: what failed
"""


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_comes_below_the_recap(tmp_path: Path, name: str) -> None:
    code, below = played(tmp_path, task(name))
    assert code == 0
    assert "the last\nlines" in below


def test_the_report_of_a_failure_comes_there_too(tmp_path: Path) -> None:
    code, below = played(tmp_path, task(REPORTS[0], passes=False))
    assert code == 2
    assert below.rstrip().endswith("what failed")


def test_the_message_of_another_task_does_not(tmp_path: Path) -> None:
    _code, below = played(tmp_path, task("shop : Report"))
    assert "the last" not in below
