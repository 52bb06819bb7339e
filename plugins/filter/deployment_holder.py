# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter by which a playbook says who deploys."""

from __future__ import annotations

import getpass
import multiprocessing
import os
import socket
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

from ansible_collections.strata.deploy.plugins.module_utils._core import processes

DOCUMENTATION = r"""
name: deployment_holder
short_description: The facts by which a deploy lock knows its holder
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Says which deployment of which version runs, and in which process of which machine,
    so that a later run can tell a deployment that is at work from one that died.
  - It describes the C(ansible-playbook) process itself, not the worker that templates a task.
positional: id
options:
  _input:
    description: The version that is deployed.
    type: str
    required: true
  id:
    description: The identifier of the deployment.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Take the deploy lock
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    state: held
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
"""

RETURN = r"""
_value:
  description:
    - The holder as O(strata.deploy.deploy_lock#module:holder) wants it, with the keys V(id), V(version), V(user) (login name),
      V(host) (host name), V(machine_id), V(boot_id), V(pid_ns) (the namespace in which process numbers count), V(pid) and V(started) (clock ticks
      since boot).
    - On a controller without C(/proc), V(boot_id) and V(pid_ns) are empty and V(started) is 0, and the lock cannot be taken
      over without being broken by name.
    - On a controller without a machine ID, V(machine_id) is empty, and the same is true after a reboot.
  type: dict
"""


def deployment_holder(version: Any, id: Any) -> dict[str, Any]:
    """The identity of this run; see DOCUMENTATION."""
    for name, value in (("version", version), ("id", id)):
        if value is None or not str(value).strip():
            raise AnsibleFilterError(f"deployment_holder: the {name} is empty; give the deployment one.")
    parent = multiprocessing.parent_process()
    pid = os.getpid() if parent is None or parent.pid is None else parent.pid
    return {
        "id": str(id),
        "version": str(version),
        "user": getpass.getuser(),
        "host": socket.gethostname(),
        "machine_id": processes.machine_id(),
        "boot_id": processes.boot_id(),
        "pid_ns": processes.pid_namespace(),
        "pid": pid,
        "started": processes.started(pid),
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"deployment_holder": deployment_holder}
