#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: feature_flag_info
short_description: Read feature flags and what is recorded of them
version_added: 0.1.0
description:
  - Tells for whom feature flags are on, and to what M(strata.deploy.feature_flag) would restore them.
author:
  - The Strata authors (@strata)
extends_documentation_fragment:
  - strata.deploy.feature_flag
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
  names:
    description: The flags to read, of which some may not exist. Without it, all are read.
    type: list
    elements: str
  record:
    description: The folder, on the host, where former definitions are kept.
    type: path
seealso:
  - module: strata.deploy.feature_flag
"""

EXAMPLES = r"""
- name: Read all flags and what a rollback would restore
  strata.deploy.feature_flag_info:
    service: {provider: flagd, path: /etc/flagd/shop.json}
    record: /var/lib/strata/shop
"""

RETURN = r"""
flags:
  description: The flags by name.
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
recorded:
  description: What would be restored, by flag; empty without O(record).
  returned: success
  type: dict
  sample:
    billing-integration:
      rollout: shop-2.0-20260301T101500
      at: "2026-03-01T10:15:00Z"
      former: {"state": "absent", "percentage": 0.0}
  contains:
    rollout:
      description: The rollout that recorded it, or that took over from an unfinished one which did.
      returned: in each value
      type: str
    at:
      description: When, in UTC, as of ISO 8601.
      returned: in each value
      type: str
    former:
      description: What the flag was, in the form of RV(flags).
      returned: in each value
      type: dict
"""

from dataclasses import asdict
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import PROVIDERS, connect
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.rollout import read_flags


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "service": {"type": "dict", "required": True, "no_log": True},
            "names": {"type": "list", "elements": "str"},
            "record": {"type": "path"},
        },
        supports_check_mode=True,
    )
    params = module.params
    service = conceal(module.no_log_values, params, "service", PROVIDERS)
    try:
        found = read_flags(
            connect(service),
            names=params["names"],
            record=Path(params["record"]) if params["record"] else None,
        )
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=False,
        flags={name: asdict(state) for name, state in found.flags.items()},
        recorded={name: asdict(recorded) for name, recorded in found.recorded.items()},
    )


if __name__ == "__main__":
    main()
