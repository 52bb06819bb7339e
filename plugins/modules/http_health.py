#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: http_health
short_description: Wait until an HTTP endpoint is healthy
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Polls a URL from the host until it has been healthy a number of times in a row.
  - All polling is done in one execution on the host, with a short interval, unlike a task with C(until).
options:
  url:
    description:
      - The http(s) URL to get. Redirects are not followed. A user and password in it are sent as basic authentication and not shown.
    type: str
    required: true
  status:
    description:
      - The status that counts as healthy.
    type: int
    default: 200
  successes:
    description:
      - How many healthy answers in a row are needed.
    type: int
    default: 2
  interval:
    description:
      - Seconds between two probes.
    type: float
    default: 0.1
  timeout:
    description:
      - Seconds within which the endpoint must become healthy. A single probe is given up after at most 5.
    type: float
    default: 30.0
  version_header:
    description:
      - A response header which must be equal to O(version).
    type: str
  version:
    description:
      - The version that must be served. Required with O(version_header).
    type: str
  validate_certs:
    description:
      - Whether the certificate of an https URL is verified.
    type: bool
    default: true
attributes:
  check_mode:
    support: full
    description: Reads only, so it does the same in check mode.
  diff_mode:
    support: none
    description: Changes nothing.
  idempotent:
    support: full
    description: Changes nothing.
seealso:
  - module: strata.deploy.release
"""

EXAMPLES = r"""
- name: Wait until version 2.0 is served through the balancer
  strata.deploy.http_health:
    url: https://shop.example.com/health
    successes: 3
    timeout: 10
    version_header: X-Version
    version: "2.0"
"""

RETURN = r"""
attempts:
  description: How many probes were made.
  returned: always, unless the options are wrong
  type: int
  sample: 3
seconds:
  description: How long it took, in seconds.
  returned: always, unless the options are wrong
  type: float
  sample: 0.214
last:
  description: The last answer, in words.
  returned: always, unless the options are wrong
  type: str
  sample: status 200
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import OPTIONS, HealthCheck, wait
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def main() -> None:
    module = AnsibleModule(
        argument_spec={**OPTIONS, "version": {"type": "str"}},
        required_by={"version_header": "version"},
        supports_check_mode=True,
    )
    urls.conceal(module.no_log_values, module.params["url"])
    try:
        health = wait(HealthCheck(**module.params))
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(changed=False, attempts=health.attempts, seconds=health.seconds, last=health.last.detail)


if __name__ == "__main__":
    main()
