#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: balancer
short_description: Take members of a load balancer's pool out of rotation, or put them back
version_added: 0.1.0
description:
  - Drains a whole batch of members in one call, and waits until their last request has ended.
  - Puts a whole batch back in one call, once the balancer's own health check passes for each, and waits until
    each gets requests again.
  - Refuses, before anything changes, to leave fewer ready members in the pool than O(min_ready).
  - Confirms after each change that the balancer has the members in the wanted state, and fails where it does not, for instance
    because an agent check puts a drained member back.
  - Never touches a member that an operator has put into maintenance.
    A member that an operator has drained is put back like any other, if it is named.
  - Runs on the balancer's host, or on any host that can reach the balancer's admin interface.
attributes:
  check_mode:
    description: Whether the module says what it would change without changing it.
    support: full
    details:
      - The pool is read, the guard O(min_ready) is applied, and nothing is waited for.
  diff_mode:
    description: Whether the module returns what changed in diff format.
    support: full
  idempotent:
    description: Whether a second run with the same options changes nothing.
    support: full
    details:
      - A member that is drained already is still waited for until its sessions have ended.
options:
  balancer:
    description:
      - The load balancer and the pool, as a dictionary. C(provider) names the kind of load balancer; the other keys are the
        options of that provider, for example C(address) and C(pool).
      - The collection's page C(docs/providers/balancer.md) lists the providers and their options.
      - The module checks the options before it contacts the balancer. An unknown option is an error.
    type: dict
    required: true
  members:
    description:
      - The members, by the names that the balancer has for them, for example the names of HAProxy's servers, or the dial addresses
        of Caddy's upstreams.
      - With an empty list the pool is only read.
    type: list
    elements: str
    required: true
  state:
    description:
      - V(drained) sends O(members) no new request and waits until the running ones have ended.
      - V(ready) puts O(members) back and waits until the balancer sees them healthy and in rotation.
    type: str
    required: true
    choices: [drained, ready]
  min_ready:
    description:
      - How many members must stay ready, as a count or as a percentage of the pool, rounded up.
      - Backups, which get requests only while no other member is ready, do not count, neither as ready nor as part of the pool.
        While no other member is ready, only they count.
      - Draining a member that is not ready is always allowed, because it costs nothing.
    type: str
    default: "1"
  owned:
    description:
      - Members that were drained earlier by this module, with the RV(members.definition) that it returned for each.
      - A balancer that forgets a member when it leaves the pool needs it to put the member back. Caddy is one, unless the
        member is switched by a file.
      - Save it before draining, from a run in check mode or with empty O(members).
    type: dict
    default: {}
  timeout:
    description:
      - Seconds to wait for sessions to end, or for the balancer to see the members healthy.
      - Putting members back is refused before any change if the balancer's own health check comes round less often.
      - Switching members that have an agent check takes 2.5 seconds at least, and is refused before any change if this is less.
    type: float
    default: 30
  interval:
    description: Seconds between two looks at the balancer while waiting, above 0.
    type: float
    default: 0.1
author:
  - The Strata authors (@strata)
"""

EXAMPLES = r"""
- name: Take two servers out of rotation and wait until they are idle
  strata.deploy.balancer:
    balancer: {provider: haproxy, address: /run/haproxy/admin.sock, pool: shop}
    members: [web1, web2]
    state: drained
    min_ready: 50%

- name: Put them back and wait until HAProxy sees them up
  strata.deploy.balancer:
    balancer: {provider: haproxy, address: /run/haproxy/admin.sock, pool: shop}
    members: [web1, web2]
    state: ready

- name: Read a pool
  strata.deploy.balancer:
    balancer: {provider: caddy, address: "http://127.0.0.1:2019", pool: shop}
    members: []
    state: ready
  register: shop_pool
"""

RETURN = r"""
members:
  description:
    - Every member of the pool by name, and those of O(owned) that the balancer has forgotten.
    - In check mode, as they would be.
  returned: success
  type: dict
  sample:
    web1: {state: drained, sessions: 0, health: "DRAIN, L7OK", definition: {}, backup: false}
    web2: {state: ready, sessions: 4, health: "UP, L7OK", definition: {}, backup: false}
  contains:
    state:
      description:
        - V(ready) for a member that gets requests.
        - V(drained) for one that is out of rotation in the way that this module takes it out. The balancer does not
          tell who did that; an operator's own drain is the same. Keep a record of which are yours.
        - V(maintenance) for one that an operator took out in another way, or whose weight is 0.
        - V(down) for one that is in the pool and gets no new request, because it fails its health check for instance.
      type: str
    sessions:
      description: The number of requests or connections that it is serving through this balancer.
      type: int
    health:
      description: The last result of its health check in the balancer's words, empty where it has none.
      type: str
    definition:
      description: What O(owned) needs of it. Its content belongs to the provider.
      type: dict
    backup:
      description: Whether it gets requests only while no other member is ready.
      type: bool
before:
  description: The state of each member before, by name.
  returned: success
  type: dict
  sample: {web1: ready, web2: ready}
ready:
  description:
    - The number of members that are V(ready) now, or in check mode would be. Backups are counted only where no other member
      is ready.
  returned: success
  type: int
  sample: 1
left_alone:
  description: Those of O(members) that an operator has in maintenance, and that were left alone.
  returned: success
  type: list
  elements: str
  sample: []
seconds:
  description: How long it took, in seconds.
  returned: success
  type: float
  sample: 0.312
sessions:
  description: The members that were still at work when the time was up, with the number of their sessions.
  returned: when a drain took longer than O(timeout)
  type: dict
  sample: {web1: 3}
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose, conceal
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.pool import ensure_members


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "balancer": {"type": "dict", "required": True, "no_log": True},
            "members": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["drained", "ready"]},
            "min_ready": {"type": "str", "default": "1"},
            "owned": {"type": "dict", "default": {}},
            "timeout": {"type": "float", "default": 30},
            "interval": {"type": "float", "default": 0.1},
        },
        supports_check_mode=True,
    )
    given = conceal(module.no_log_values, module.params, "balancer", PROVIDERS)
    wanted = {name: value for name, value in module.params.items() if name != "balancer"}
    try:
        provider, options = choose("load balancer", PROVIDERS, given)
        change = ensure_members(provider(options), check_mode=module.check_mode, **wanted)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=change.changed,
        diff={"before": change.before, "after": change.after},
        members={
            name: {
                "state": member.state,
                "sessions": member.sessions,
                "health": member.health,
                "definition": member.definition,
                "backup": member.backup,
            }
            for name, member in change.members.items()
        },
        before=change.before,
        ready=change.ready,
        left_alone=list(change.left_alone),
        seconds=change.seconds,
    )


if __name__ == "__main__":
    main()
