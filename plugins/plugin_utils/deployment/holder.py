# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which process runs a deployment, so that a later run can tell one that is at work from one that died."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import socket
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import processes


def holder(version: str, identifier: str) -> dict[str, Any]:
    """The holder as the module `deploy_lock` takes it.

    It describes the ``ansible-playbook`` process itself, not the worker that runs a task.
    """
    parent = multiprocessing.parent_process()
    pid = os.getpid() if parent is None or parent.pid is None else parent.pid
    return {
        "id": identifier,
        "version": version,
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "machine_id": processes.machine_id(),
        "boot_id": processes.boot_id(),
        "pid_ns": processes.pid_namespace(),
        "pid": pid,
        "started": processes.started(pid),
    }
