#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy_lock
short_description: Hold the deploy lock of an app, with the record of what is drained
version_added: 0.1.0
description:
  - Lets one deployment of an app run at a time. The lock is a file in a folder on a host that all controllers reach.
  - The lock of a deployment that died on this host is taken over, and returned as RV(unfinished), so that what it left can be healed.
    A lock from another machine or container, or one that cannot be judged, counts as held until it is broken by name.
  - Keeps beside the lock which members a deployment took out of rotation. The record outlives the lock until it is emptied.
  - Appends to the app's journal when the lock is released.
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description: Can run in check mode, where a lock held by another is an error too.
    support: full
  diff_mode:
    description: Shows the lock and the drained record.
    support: full
  idempotent:
    description: Changes nothing where the holder has the lock and gives nothing new, or where there is no lock to release.
    support: full
options:
  path:
    description:
      - The absolute path of the app's folder on the host. If O(state=held), it is made, with mode 0700, where it is missing.
      - It should be on a disk of that host; on a network file system, only taking a free lock is safe against other clients.
    type: path
    required: true
  state:
    description:
      - V(held) takes the lock, or updates it for the one who has it.
      - V(absent) releases it for the one who has it, be it in another process with the same identifier.
    type: str
    choices: [absent, held]
    default: held
  holder:
    description:
      - The deployment that takes or releases the lock, from P(strata.deploy.deployment_holder#filter).
      - Who has the lock is the same deployment in the same controller process; another run with the same V(id) is another holder.
    type: dict
    required: true
    suboptions:
      id:
        description: The identifier of the deployment.
        type: str
        required: true
      version:
        description: The version that is deployed.
        type: str
        required: true
      user:
        description: Who deploys.
        type: str
        required: true
      host:
        description: The name of the controller.
        type: str
        required: true
      boot_id:
        description: The boot of the controller, of C(/proc/sys/kernel/random/boot_id), or empty if it cannot be told.
        type: str
        required: true
      pid_ns:
        description:
          - The namespace in which O(holder.pid) counts, of C(/proc/self/ns/pid), or empty if it cannot be told.
            Whether the holder lives can only be told from the same one, not from another container.
        type: str
        required: true
      pid:
        description: The number of the controller's process.
        type: int
        required: true
      started:
        description: When that process began, in clock ticks since boot, or 0 if it cannot be told.
        type: int
        required: true
  note:
    description: What the deployment is about to do, shown to whoever finds the lock. Without it, the note stays.
    type: str
  drained:
    description:
      - The members that are, or are about to be, out of rotation by the deployment, by balancer host and member,
        each with the definition that puts it back.
      - Replaces the record; an empty one clears it, and without it the record stays.
        While the lock is being taken, it is added to the record instead, which then is that of an earlier deployment.
    type: dict
  journal:
    description:
      - What is told of the deployment in the journal if O(state=absent). It is written only if the lock is released.
      - The identifier, version, user and host, and when the lock was taken (C(opened)) and released (C(closed)), are added.
    type: dict
  contracted:
    description:
      - With O(state=held), writes down that releases before this version may lack what they need in the schema, as a
        deployment is about to contract it.
    type: str
  break_id:
    description: The identifier of a lock that is taken over, whether its holder lives or not. Another's lock is not.
    type: str
seealso:
  - module: strata.deploy.deploy_info
  - plugin: strata.deploy.deployment_holder
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Take the lock, or fail with who holds it
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
  register: lock

- name: Record what is taken out, before it is
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
    drained:
      lb1:
        "127.0.0.1:8001": {"dial": "127.0.0.1:8001"}

- name: Write the journal and release the lock
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    state: absent
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
    drained: {}
    journal:
      verdict: passed
"""

RETURN = r"""
lock:
  description: The lock as it is now, or, where it is held by another, theirs; null if there is none.
  returned: success, or failure as it is held by another
  type: dict
  sample:
    id: shop-2.0-20260301T101500
    version: "2.0"
    user: deploy
    host: bastion
    boot_id: 1b4e28ba-2fa1-11d2-883f-0016d3cca427
    pid_ns: "pid:[4026531836]"
    pid: 4711
    started: 8512033
    since: "2026-03-01T10:15:00Z"
    note: Fleet
  contains:
    id:
      description: The identifier of the deployment.
      returned: always
      type: str
    version:
      description: The version that is deployed.
      returned: always
      type: str
    user:
      description: Who deploys.
      returned: always
      type: str
    host:
      description: The name of the controller.
      returned: always
      type: str
    boot_id:
      description: The boot of the controller.
      returned: always
      type: str
    pid_ns:
      description: The namespace in which RV(lock.pid) counts.
      returned: always
      type: str
    pid:
      description: The number of the controller's process.
      returned: always
      type: int
    started:
      description: When that process began, in clock ticks since boot.
      returned: always
      type: int
    since:
      description: When the lock was taken, in UTC, as of ISO 8601.
      returned: always
      type: str
    note:
      description: What the deployment was about to do, or empty.
      returned: always
      type: str
unfinished:
  description: The lock that was taken over, of a deployment that did not end, in the form of RV(lock); else null.
  returned: success
  type: dict
drained:
  description: The members that are recorded as drained now, by balancer host and member.
  returned: success
  type: dict
  sample: {"lb1": {"127.0.0.1:8001": {"dial": "127.0.0.1:8001"}}}
contracted:
  description: The version from which on releases do with the schema as it is; null where it was never contracted.
  returned: success, with O(state=held)
  type: str
  sample: "2.0"
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import (
    Lock,
    ensure_absent,
    ensure_held,
)

HOLDER_SPEC = {
    name: {"type": "int" if name in ("pid", "started") else "str", "required": True}
    for name in ("id", "version", "user", "host", "boot_id", "pid_ns", "pid", "started")
}


def as_dict(lock: Lock | None) -> dict[str, Any] | None:
    return None if lock is None else asdict(lock)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["absent", "held"], "default": "held"},
            "holder": {"type": "dict", "required": True, "options": HOLDER_SPEC},
            "note": {"type": "str"},
            "drained": {"type": "dict"},
            "journal": {"type": "dict"},
            "break_id": {"type": "str"},
            "contracted": {"type": "str"},
        },
        supports_check_mode=True,
    )
    params = module.params
    folder, holder = Path(params["path"]), Lock(**params["holder"])
    try:
        if params["state"] == "held":
            result = ensure_held(
                folder,
                holder,
                drained=params["drained"],
                note=params["note"],
                break_id=params["break_id"],
                contracted=params["contracted"],
                check_mode=module.check_mode,
            )
        else:
            result = ensure_absent(
                folder,
                holder.id,
                drained=params["drained"],
                journal=params["journal"],
                check_mode=module.check_mode,
            )
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=result.changed,
        diff={
            "before": {"lock": as_dict(result.before), "drained": result.drained_before},
            "after": {"lock": as_dict(result.lock), "drained": result.drained},
        },
        lock=as_dict(result.lock),
        unfinished=as_dict(result.unfinished),
        drained=result.drained,
        contracted=result.contracted,
    )


if __name__ == "__main__":
    main()
