# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done in a child process before its program runs."""

from __future__ import annotations

import threading

from ansible_collections.strata.deploy.plugins.module_utils._core import child_process


def test_no_code_runs_in_the_child_of_a_process_with_threads() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert child_process._end_with_parent() is None
    finally:
        stop.set()
        thread.join()
