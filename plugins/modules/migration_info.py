#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read which migrations a database has."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_info
short_description: Read which migrations a database has
version_added: 0.1.0
description:
  - Reads what is applied to a database and compares it with the migrations of a release, with O(engine=sql) where O(folder) is given.
  - Nothing is written, and no lock is taken. Disagreement is returned as RV(drift), and is no error here.
  - With O(engine=command) only what is pending is known, for a release's own tool keeps its own history.
extends_documentation_fragment:
  - strata.deploy.database
  - strata.deploy.migration
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
    details:
      - It only reads.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
    details:
      - It changes nothing.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: full
    details:
      - It changes nothing.
seealso:
  - module: strata.deploy.migration
author: The Strata authors (@strata)
"""

EXAMPLES = r"""
- name: Read the schema version
  strata.deploy.migration_info:
    url: "{{ shop_database_url }}"
  register: schema

- name: Compare the database with a release
  strata.deploy.migration_info:
    url: "{{ shop_database_url }}"
    archive: https://artifacts.example.com/shop/shop-2.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    folder: migrations
  register: schema
"""

RETURN = r"""
engine:
  description: The engine, as O(engine) says.
  returned: success
  type: str
  sample: sql
version:
  description: The last version that is applied, or null where none is, and with O(engine=command).
  returned: success
  type: str
  sample: "20260201000000"
applied:
  description: What is applied, in the order of versions. Empty with O(engine=command).
  returned: success
  type: list
  elements: dict
  contains:
    version:
      description: The version.
      type: str
    name:
      description: Name of the migration, or the version where another tool applied it.
      type: str
    phase:
      description: Its phase, V(expand) or V(contract); null where another tool applied it.
      type: str
    release:
      description: The release that brought it; null where that is not known.
      type: str
    applied_at:
      description: When it was applied, in UTC (ISO 8601); null where another tool applied it.
      type: str
    reversible:
      description: Whether it can be taken back.
      type: bool
    unfinished:
      description: What a run that failed or was killed has left of it, in words; null for one that is whole.
      type: str
  sample:
    - version: "20260101000000"
      name: 20260101000000_create_orders.sql
      phase: expand
      release: "1.0"
      applied_at: "2026-01-05T09:30:00+00:00"
      reversible: true
      unfinished: null
pending:
  description:
    - The release's migrations, of either phase, that are not applied, in order.
    - Null where there is no release to compare with, with O(engine=sql) where O(folder) is not given, or is relative without O(archive).
  returned: success
  type: list
  elements: dict
  contains:
    version:
      description: The version; null with O(engine=command).
      type: str
    name:
      description: Name of the file, or what the command calls it.
      type: str
    phase:
      description: Its phase, V(expand) or V(contract).
      type: str
  sample:
    - version: "20260201000000"
      name: 20260201000000_add_invoiced.sql
      phase: expand
drift:
  description: Where files and database disagree, each with C(name) and C(problem), which is changed, missing or out_of_order.
  returned: success
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.arguments import (
    COMMON,
    connect,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec=COMMON,
        required_by={"archive": ["checksum"]},
        supports_check_mode=True,
    )
    options = module.params
    try:
        migrator = connect(options, module.no_log_values)
        migrator.validate()
        status = migrator.status()
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=False,
        engine=options["engine"],
        version=status.version,
        applied=[
            {
                "version": item.version,
                "name": item.name,
                "phase": item.phase or None,
                "release": item.release or None,
                "applied_at": item.applied_at or None,
                "reversible": not item.irreversible and (not item.unfinished or item.backwards),
                "unfinished": item.unfinished or None,
            }
            for item in status.applied or ()
        ],
        pending=None
        if status.pending is None
        else [{"version": item.version, "name": item.name, "phase": item.phase} for item in status.pending],
        drift=[{"name": item.name, "problem": item.problem} for item in status.drift],
    )


if __name__ == "__main__":
    main()
