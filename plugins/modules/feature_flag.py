#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: feature_flag
short_description: Switch a feature on, on for some users, or off, and put it back as it was
version_added: 0.1.0
description:
  - Switches a feature flag on for all users or a percentage of them, or off.
  - Records what the flag was before a rollout first changed it, and restores exactly that, be it another percentage,
    rules of its owner, or no flag at all.
  - A user who has a feature at one percentage has it at every higher one.
author:
  - The Strata authors (@strata)
extends_documentation_fragment:
  - strata.deploy.feature_flag
attributes:
  check_mode:
    description: Can run in check mode and tells the flags as they would be; what would fail for a file or a flag, fails.
    support: full
  diff_mode:
    description: Shows the definitions of the flags as the provider stores them, before and after.
    support: full
  idempotent:
    description: Changes nothing where the flag is defined as wanted, or where nothing is recorded to be restored.
    support: full
options:
  name:
    description:
      - The flag.
      - Required if O(state=on) or O(state=off). If O(state=restored), only this flag is restored, and without it all that are recorded.
    type: str
  state:
    description:
      - V(on) switches the flag on for O(percentage) of the users. Rules that its owner had given it are replaced, in the same way.
      - V(off) switches the flag off for everyone. Rules that its owner had given it are removed, for good unless O(rollout) is
        given. With it they are recorded, and V(restored) puts them back.
      - V(restored) puts back what is in O(record) and takes it out of the record.
      - Quote V(on) and V(off), which are truth values to YAML.
    type: str
    choices: ['on', 'off', restored]
    required: true
  percentage:
    description:
      - For how many percent of the users the flag is on if O(state=on), from 0 to 100, with 3 decimals at most.
      - Which users these are, and how fine a percentage can be, depends on the provider.
    type: float
    default: 100
  record:
    description:
      - The folder, of an app, on the host, where former definitions are kept. It is made where it is missing.
      - Required if O(state=restored), or with O(rollout).
    type: path
  rollout:
    description:
      - The identifier of the rollout, for example of the deployment. A flag is recorded before the first change that
        a rollout makes to it, in place of what an earlier rollout had recorded. Without it, nothing is recorded.
      - The former state that an unfinished rollout has recorded is kept, and belongs to this rollout from then on. A rollout is unfinished
        if it set a step that was not the O(last) one, and was not restored, for example because its run died.
      - If somebody else has changed the flag since the unfinished rollout left it, the flag is recorded as it is now instead.
      - If O(state=restored), only flags that this rollout recorded are restored.
    type: str
  last:
    description:
      - Whether this is the last step of O(rollout), which is finished then.
      - Used with O(state=on) and O(state=off), and O(rollout).
    type: bool
    default: true
seealso:
  - module: strata.deploy.feature_flag_info
"""

EXAMPLES = r"""
- name: Switch billing on for a twentieth of the users
  strata.deploy.feature_flag:
    service: {provider: flagd, path: /etc/flagd/shop.json}
    name: billing-integration
    state: "on"
    percentage: 5
    record: /var/lib/strata/shop
    rollout: shop-2.0-20260301T101500
    last: false

- name: Kill it, now, and keep what it was
  strata.deploy.feature_flag:
    service: {provider: flagd, path: /etc/flagd/shop.json}
    name: billing-integration
    state: "off"
    record: /var/lib/strata/shop
    rollout: shop-2.0-20260301T101500

- name: Put all flags back to what they were before the last rollouts
  strata.deploy.feature_flag:
    service: {provider: flagd, path: /etc/flagd/shop.json}
    state: restored
    record: /var/lib/strata/shop
"""

RETURN = r"""
flags:
  description: The flags in hand, by name, as they are now.
  returned: success
  type: dict
  sample: {"billing-integration": {"state": "partial", "percentage": 5.0}}
  contains:
    state:
      description:
        - V(on), V(off), V(partial) (on for a percentage), V(absent), or V(custom) where rules of the flag's owner decide.
      returned: in each value
      type: str
    percentage:
      description: For how many percent of the users it is on; null if RV(flags.state=custom).
      returned: in each value
      type: float
former:
  description: The same flags as they were before, in the form of RV(flags).
  returned: success
  type: dict
  sample: {"billing-integration": {"state": "absent", "percentage": 0.0}}
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import PROVIDERS, connect
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import FlagProvider
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.rollout import (
    FlagResult,
    ensure_restored,
    ensure_switched,
)


def ensure(provider: FlagProvider, params: dict[str, Any], check_mode: bool) -> FlagResult:
    if params["state"] == "restored":
        return ensure_restored(
            provider,
            Path(params["record"]),
            names=[params["name"]] if params["name"] else None,
            rollout=params["rollout"],
            check_mode=check_mode,
        )
    return ensure_switched(
        provider,
        params["name"],
        params["percentage"] if params["state"] == "on" else 0,
        record=Path(params["record"]) if params["record"] else None,
        rollout=params["rollout"],
        last=params["last"],
        check_mode=check_mode,
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "dict", "required": True, "no_log": True},
            "name": {"type": "str"},
            "state": {"type": "str", "choices": ["on", "off", "restored"], "required": True},
            "percentage": {"type": "float", "default": 100},
            "record": {"type": "path"},
            "rollout": {"type": "str"},
            "last": {"type": "bool", "default": True},
        },
        required_if=[
            ("state", "on", ["name"]),
            ("state", "off", ["name"]),
            ("state", "restored", ["record"]),
        ],
        required_by={"rollout": ["record"]},
        supports_check_mode=True,
    )
    service = conceal(module.no_log_values, module.params, "service", PROVIDERS)
    try:
        result = ensure(connect(service), module.params, module.check_mode)
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=result.changed,
        diff={"before": result.before, "after": result.after},
        flags={name: asdict(state) for name, state in result.flags.items()},
        former={name: asdict(state) for name, state in result.former.items()},
    )


if __name__ == "__main__":
    main()
