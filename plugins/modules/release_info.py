#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: release_info
short_description: Tell which releases of an app are on a host
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Reads which release is current, which others are there, where a rollback would lead, and whether something was left unfinished.
  - With O(service) and O(health) it also asks the process supervisor and the health URL, once and without waiting. That they do not
    answer, or badly, is reported and is not a failure.
  - Releases that another tool left, and that M(strata.deploy.release) would take over, are told of before they are.
extends_documentation_fragment:
  - strata.deploy.release
options:
  migrations:
    description:
      - A folder within the release, a relative path. The names of its SQL files in the current release are returned.
    type: str
  version:
    description: A version. RV(needs_change) says whether activating it would change anything.
    type: str
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
- name: See what runs here
  strata.deploy.release_info:
    path: /srv/shop
    service:
      manager: systemd
      name: shop.service
    health:
      url: http://127.0.0.1:8001/health
    migrations: migrations
  register: shop
"""

RETURN = r"""
current:
  description: The release that the link C(current) points to, or null where there is none.
  returned: always
  type: dict
  contains:
    version:
      description: Its version.
      type: str
      sample: "2.0"
    state:
      description: Whether it is V(good), V(bad), V(staged) (an activation was not finished), or V(unknown) (nothing is recorded of it).
      type: str
      sample: good
    since:
      description: When it became current and healthy, in ISO 8601 and UTC, or null.
      type: str
      sample: "2026-02-03T10:11:12Z"
    checksum:
      description: The checksum that it was staged with.
      type: str
      sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    deployed_by:
      description: The deployment that activated it, or null.
      type: str
      sample: 20260203-101100-anna
releases:
  description: All releases on the host. Those that were activated come first, the last one foremost; then those that were not, the newest first.
  returned: always
  type: list
  elements: dict
  contains:
    version:
      description: Its version.
      type: str
      sample: "2.0"
    state:
      description: Whether it is V(staged), V(good) or V(bad).
      type: str
      sample: good
    reason:
      description: Why it is bad, or null.
      type: str
      sample: Rolled back.
    checksum:
      description:
        - The checksum that it was staged with, V(unverified), or V(unknown) of an adopted one. Of an image in a registry it is its digest;
          V(signed) where a package's repository vouches for it alone.
      type: str
      sample: unverified
    kind:
      description: What kind of artifact it was staged from, V(archive), V(container) or V(package).
      type: str
      sample: archive
    origin:
      description:
        - Where it came from, without credentials and query; of an adopted one, C(revision) and what C(REVISION) says, or V(adopted). A package
          is C(apt:NAME=VERSION).
      type: str
      sample: https://builds.example.com/shop-2.0.tar.gz
    size:
      description: The bytes of its files, as counted when it was staged; null where nobody counted them.
      type: int
      sample: 1048576
    age:
      description: Seconds since it was staged.
      type: int
      sample: 86400
    files:
      description: The paths of the files that were rendered for it.
      type: list
      elements: str
      sample: [.env]
    adopted:
      description: Whether another tool made it.
      type: bool
      sample: false
    staged_at:
      description: When it was staged, in ISO 8601 and UTC.
      type: str
      sample: "2026-02-03T10:11:02Z"
    activated_at:
      description: When it last became current and healthy, in ISO 8601 and UTC, or null.
      type: str
      sample: "2026-02-03T10:11:12Z"
    deployed_by:
      description: The deployment that staged or activated it, or null.
      type: str
      sample: 20260203-101100-anna
rollback_target:
  description: The release that a rollback would make current, or null.
  returned: always
  type: str
  sample: "1.0"
pending:
  description: An activation or rollback that was not finished, or null.
  returned: always
  type: dict
  contains:
    act:
      description: Either V(activate) or V(roll_back).
      type: str
      sample: activate
    version:
      description: The version that was to become current.
      type: str
      sample: "2.0"
    previous:
      description: The version that was current before, or null.
      type: str
      sample: "1.0"
    since:
      description: When it was begun, in ISO 8601 and UTC.
      type: str
      sample: "2026-02-03T10:11:12Z"
    deployment:
      description: The deployment that began it, or null.
      type: str
      sample: 20260203-101100-anna
    linked:
      description: Whether C(current) leads to the version already, and only its restart is left.
      type: bool
      sample: false
healthy:
  description: Whether the one probe was healthy, or null without O(health).
  returned: always
  type: bool
  sample: true
health_detail:
  description: What the probe answered, in words.
  returned: always
  type: str
  sample: status 200
service_state:
  description:
    - Either V(running), V(starting), V(stopped), V(failed), or V(unknown), as nobody is there to ask, or the supervisor does not answer or does not know it.
    - Null without O(service).
  returned: always
  type: str
  sample: running
service_detail:
  description: The supervisor's own words for it, or why it could not be asked.
  returned: always
  type: str
  sample: RUNNING
migrations:
  description:
    - The sorted names of the SQL files in O(migrations) of the current release.
    - Null if the current release has no such folder; empty without O(migrations) or a current release.
  returned: always
  type: list
  elements: str
  sample: [001_orders.sql, 002_billing.sql]
needs_change:
  description:
    - Whether M(strata.deploy.release) would change anything by activating O(version), a restart of a service that is not well included.
    - Null without O(version).
  returned: always
  type: bool
  sample: false
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.arguments import (
    ON_HOST,
    conceal,
    health_check,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import (
    describe,
    needs_change,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def main() -> None:
    module = AnsibleModule(
        argument_spec={**ON_HOST, "migrations": {"type": "str"}, "version": {"type": "str"}},
        supports_check_mode=True,
    )
    options = dict(module.params)
    conceal(module.no_log_values, module.params)
    try:
        report = describe(
            options["path"],
            service=service_options(options["service"]),
            health=health_check(options["health"]),
            migrations=options["migrations"],
        )
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    reading = asdict(report)
    version = options["version"]
    module.exit_json(
        changed=False, **reading, needs_change=needs_change(reading, version) if version else None
    )


if __name__ == "__main__":
    main()
