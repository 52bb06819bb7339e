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
  - A run takes the lock with O(state=held), confirms it with O(state=confirmed) before everything that it changes, and releases it
    with O(state=absent).
  - The lock of a deployment that died on this machine is taken over, and returned as RV(unfinished), so that what it left can be healed.
    A lock whose holder cannot be checked from here counts as held until it is broken by name. That is one from another machine or container,
    or from a machine without a machine ID after a reboot.
  - Beside the lock it keeps a record of the members that a deployment took out of rotation. The record outlives the lock. A member
    leaves it only by being named in O(restored).
  - Appends to the app's journal when the lock is released, broken, or found to be lost at the end of a run.
author:
  - The Strata authors (@strata)
attributes:
  check_mode:
    description:
      - Can run in check mode, where O(state=held) fails for a lock that is held by another, too.
      - No lock is taken in check mode, so O(state=confirmed) and O(state=absent) do not fail where the holder does not have it.
    support: full
  diff_mode:
    description: Shows the lock and the drained record.
    support: full
  idempotent:
    description:
      - O(state=held) and O(state=confirmed) change nothing where the holder has the lock and gives nothing new.
      - O(state=absent) fails the second time, because the lock is no longer there to be released.
    support: partial
options:
  path:
    description:
      - The absolute path of the app's folder on the host. It is created, with mode 0700, where it is missing, but not with O(state=confirmed).
      - It should be on a disk of that host; on a network file system, only taking a free lock is safe against other clients.
    type: path
    required: true
  state:
    description:
      - V(held) takes the lock, and fails if another run holds it. For the run that holds it already nothing changes.
      - V(confirmed) fails unless exactly this run holds the lock. It never takes the lock. It can update the note, the record and
        O(contracted) in the same step, and all of that is on disk when it returns.
      - V(absent) releases the lock of the deployment with this identifier, even in another process.
      - With V(confirmed) and V(absent), a run that has lost its lock fails with who holds it now, or why it is gone, and changes neither the
        lock nor the record. With V(absent), its O(journal) entry is still written, with C(lock) being V(lost).
    type: str
    choices: [absent, confirmed, held]
    default: held
  holder:
    description:
      - The deployment that takes, confirms or releases the lock, from P(strata.deploy.deployment_holder#filter).
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
      machine_id:
        description:
          - The machine ID of the controller, from C(/etc/machine-id) or C(/var/lib/dbus/machine-id), or empty if it has none.
          - Another boot of the same machine means that the holder died in a reboot. A host name does not tell that, because machines share it.
        type: str
        required: true
      boot_id:
        description: The boot of the controller, from C(/proc/sys/kernel/random/boot_id), or empty if it is not known.
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
    description:
      - What the deployment is about to do, shown to whoever finds the lock. Without it, the note stays.
      - Used with O(state=held) and O(state=confirmed).
    type: str
  drained:
    description:
      - Members that are about to be taken out of rotation, by balancer host and member, each with the definition that puts it back.
      - They are added to the record. A member that is recorded already keeps the definition that was recorded first.
      - Used with O(state=confirmed).
    type: dict
  restored:
    description:
      - Members that are known to be back in rotation, as a list for each balancer host. They are removed from the record.
      - A member that is in O(drained), too, stays in the record.
      - Used with O(state=confirmed) and O(state=absent).
    type: dict
  journal:
    description:
      - What the journal keeps of the deployment. The identifier, version, user and host are added, and when the lock was taken (C(opened)) and
        released (C(closed)).
      - If the run has lost its lock, C(lock) is V(lost), C(held_by) is the identifier of the current holder or null, and C(opened) may be null.
      - Used with O(state=absent).
    type: dict
  contracted:
    description:
      - Writes down that releases before this version may lack what they need in the schema, because a deployment is about to contract it.
      - Used with O(state=confirmed).
    type: str
  break_id:
    description:
      - The identifier of a lock that is taken over even if its holder is alive. The lock of another deployment is not.
      - The journal gets an entry for the deployment that loses its lock, with C(lock) being V(broken) and C(broken_by) the C(id), C(user) and
        C(host) of who broke it.
      - Used with O(state=held).
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

- name: Confirm the lock, and record what is taken out before it is
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    state: confirmed
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
    drained:
      lb1:
        "127.0.0.1:8001": {"dial": "127.0.0.1:8001"}

- name: Write the journal and release the lock
  strata.deploy.deploy_lock:
    path: /var/lib/strata/shop
    state: absent
    holder: "{{ '2.0' | strata.deploy.deployment_holder('shop-2.0-20260301T101500') }}"
    restored:
      lb1: ["127.0.0.1:8001"]
    journal:
      outcome: succeeded
"""

RETURN = r"""
lock:
  description: The lock as it is now, which is that of another run where it is held by another; null if there is none.
  returned: success, and where another run holds the lock or it is gone
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
    machine_id:
      description: The machine ID of the controller, or empty.
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
  description: The lock that was taken over from a deployment that did not end, in the form of RV(lock); else null.
  returned: success
  type: dict
drained:
  description: The members that are recorded as drained now, by balancer host and member.
  returned: success
  type: dict
  sample: {"lb1": {"127.0.0.1:8001": {"dial": "127.0.0.1:8001"}}}
contracted:
  description: The version from which on releases work with the schema as it is; null where it was never contracted.
  returned: success, with O(state=held) and O(state=confirmed)
  type: str
  sample: "2.0"
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._deployment.lock import STATES, ensure_lock

HOLDER_SPEC = {
    name: {"type": "int" if name in ("pid", "started") else "str", "required": True}
    for name in ("id", "version", "user", "host", "machine_id", "boot_id", "pid_ns", "pid", "started")
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": sorted(STATES), "default": "held"},
            "holder": {"type": "dict", "required": True, "options": HOLDER_SPEC},
            "note": {"type": "str"},
            "drained": {"type": "dict"},
            "restored": {"type": "dict"},
            "journal": {"type": "dict"},
            "break_id": {"type": "str"},
            "contracted": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        result = ensure_lock(module.params, module.check_mode)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
