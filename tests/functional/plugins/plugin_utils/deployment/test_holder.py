# SPDX-License-Identifier: GPL-3.0-or-later
"""The holder as a worker of Ansible sees it."""

from __future__ import annotations

import multiprocessing
import os

from ansible_collections.strata.deploy.plugins.module_utils._core import processes
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import holder


def test_a_worker_describes_the_process_that_started_it() -> None:
    with multiprocessing.get_context("fork").Pool(1) as workers:
        found = workers.apply(holder, ("2.0", "shop-1"))
    assert found == holder("2.0", "shop-1")
    assert (found["pid"], found["started"]) == (os.getpid(), processes.started(os.getpid()))
