# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes the demo takes for its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo import processes


@contextmanager
def running(directory: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for its end, and has started."""
    program = "import sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=directory,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_mark_with_this_directory_is_ours(tmp_path: Path) -> None:
    with running(Path("/"), STRATA_DEMO=str(tmp_path)) as process:
        assert [found.pid for found in processes.marked("STRATA_DEMO", tmp_path)] == [process.pid]


def test_a_moved_checkout_still_finds_its_processes(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with running(tmp_path / "before", STRATA_DEMO=str(tmp_path / "before")) as process:
        (tmp_path / "before").rename(tmp_path / "after")
        assert [found.pid for found in processes.marked("STRATA_DEMO", tmp_path / "after")] == [process.pid]


def test_another_checkout_s_processes_and_unmarked_ones_are_not_ours(tmp_path: Path) -> None:
    with running(Path("/"), STRATA_DEMO=str(tmp_path / "other")), running(tmp_path):
        assert processes.marked("STRATA_DEMO", tmp_path) == []


def test_the_server_of_another_data_directory_is_not_ours(tmp_path: Path) -> None:
    with running(tmp_path):
        assert processes.postgres(tmp_path) == []


def test_end_waits_until_a_process_is_gone(tmp_path: Path) -> None:
    with running(tmp_path, STRATA_DEMO=str(tmp_path)) as process:
        processes.end(processes.marked("STRATA_DEMO", tmp_path))
        assert process.poll() is not None
