# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import os
import socket

from ansible_collections.strata.deploy.plugins.module_utils._core import processes
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.holder import holder


def test_it_tells_who_and_where() -> None:
    assert holder("2.0", "shop-1") == {
        "id": "shop-1",
        "version": "2.0",
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "machine_id": processes.machine_id(),
        "boot_id": processes.boot_id(),
        "pid_ns": os.readlink("/proc/self/ns/pid"),
        "pid": os.getpid(),
        "started": processes.started(os.getpid()),
    }
