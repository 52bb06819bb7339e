# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import getpass
import os
import socket

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.strata.deploy.plugins.filter.deployment_holder import FilterModule
from ansible_collections.strata.deploy.plugins.module_utils._core import processes

deployment_holder = FilterModule().filters()["deployment_holder"]


def test_it_tells_who_and_where() -> None:
    assert deployment_holder(2.0, "shop-1") == {
        "id": "shop-1",
        "version": "2.0",
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "boot_id": processes.boot_id(),
        "pid_ns": os.readlink("/proc/self/ns/pid"),
        "pid": os.getpid(),
        "started": processes.started(os.getpid()),
    }


@pytest.mark.parametrize(("version", "identifier"), [(None, "x"), ("", "x"), ("2.0", " "), ("2.0", None)])
def test_an_empty_value_is_an_error(version: object, identifier: object) -> None:
    with pytest.raises(AnsibleFilterError, match="is empty"):
        deployment_holder(version, identifier)
