#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_info
short_description: Read who deploys an app, what is drained, and the last deployments
version_added: 0.1.0
description:
  - Reads an app's folder as M(strata.deploy.deploy_lock) writes it. It waits for nobody.
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description: Can run in check mode; it only reads.
    support: full
  diff_mode:
    description: Has nothing to show, as it changes nothing.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
options:
  path:
    description: The absolute path of the app's folder on the host. There need be none yet.
    type: path
    required: true
  entries:
    description: How many entries of the journal are returned, 0 for none.
    type: int
    default: 10
seealso:
  - module: strata.deploy.deploy_lock
"""

EXAMPLES = r"""
- name: See who deploys the shop, and how the last 5 deployments ended
  strata.deploy.deploy_info:
    path: /var/lib/strata/shop
    entries: 5
"""

RETURN = r"""
lock:
  description: The lock, in the form that M(strata.deploy.deploy_lock) returns, and C(alive); null if nobody deploys.
  returned: success
  type: dict
  sample:
    id: shop-2.0-20260301T101500
    version: "2.0"
    user: deploy
    host: bastion
    machine_id: 0123456789abcdef0123456789abcdef
    boot_id: 1b4e28ba-2fa1-11d2-883f-0016d3cca427
    pid_ns: "pid:[4026531836]"
    pid: 4711
    started: 8512033
    since: "2026-03-01T10:15:00Z"
    note: Fleet
    alive: true
  contains:
    alive:
      description: Whether the process that deploys runs; null where that cannot be checked from here, because it is on another machine
        or in another container, or because a machine without a machine ID was booted since.
      returned: if there is a lock
      type: bool
drained:
  description: The members that are recorded as drained, by balancer host and member, with the definitions that put them back.
  returned: success
  type: dict
  sample: {"lb1": {"127.0.0.1:8001": {"dial": "127.0.0.1:8001"}}}
journal:
  description:
    - The last entries of the journal, the newest first.
    - An entry has C(lock) where a deployment did not keep its lock to the end. It is V(broken) in the entry of who was deprived of it, which is
      written at that moment, and V(lost) in the entry that such a deployment writes itself at its end.
  returned: success
  type: list
  elements: dict
  sample:
    - id: shop-2.0-20260301T101500
      version: "2.0"
      user: deploy
      host: bastion
      opened: "2026-03-01T10:15:00Z"
      closed: "2026-03-01T10:15:09Z"
      verdict: passed
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import read_deployment


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "entries": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    try:
        found = read_deployment(Path(module.params["path"]), module.params["entries"])
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=False,
        lock=None if found.lock is None else {**asdict(found.lock), "alive": found.lock.is_alive()},
        drained=found.drained,
        journal=found.journal,
    )


if __name__ == "__main__":
    main()
