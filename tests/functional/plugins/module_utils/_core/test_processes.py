# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core import processes


def test_a_process_that_ended_does_not_run_even_before_it_is_reaped() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        since = processes.started(process.pid)
        assert not processes.is_running(process.pid, since)
    assert not processes.is_running(process.pid, since)


def test_a_name_with_spaces_and_brackets_does_not_shift_the_fields(tmp_path: Path) -> None:
    program = tmp_path / "a) Z (b"
    shutil.copy("/bin/sleep", program)
    process = subprocess.Popen([program, "60"])
    try:
        assert processes.is_running(process.pid, processes.started(process.pid))
        assert abs(processes.started(process.pid) - processes.started(os.getpid())) < 1_000_000
    finally:
        process.kill()
        process.wait()
