#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrate a database's schema, or roll it back."""

from __future__ import annotations

DOCUMENTATION = r"""
module: migration
short_description: Migrate a database's schema, or roll it back
version_added: 0.1.0
description:
  - Applies the migrations of a release that are not applied yet, or takes the last ones back.
  - The expand phase is before the new code is switched to, the contract phase after the old code is gone.
  - With O(engine=command) the release's own tool migrates. What is pending is what the command O(commands.plan) prints, and after
    O(commands.apply) it must print nothing more of O(phase). How a migration is applied, locked against a second run and put
    right after a failure is then that tool's own, and no linter looks at it. If this module is killed, the kernel
    ends the command, though not what that has started itself.
  - What follows is of O(engine=sql).
  - One migrator works at a time; a second one waits for it, and then finds nothing to do. The lock is the database's
    own (an advisory lock of the session in PostgreSQL, the write lock in SQLite), so that it goes with a killed process.
  - Each migration is a transaction of its own, with a record of it in the same transaction. A migration that fails, or
    whose process is killed, leaves nothing, and the ones before it stay. In SQLite the whole run is one transaction, with
    a savepoint for each migration, so that a killed process leaves nothing of the run.
  - A linter refuses in an expand migration what breaks code that still runs. Its rules are C(add-not-null) (a new NOT NULL column
    without a default), C(change-type), C(delete), C(drop-column), C(drop-default), C(drop-object), C(drop-table),
    C(rename), C(revoke), C(set-not-null), C(truncate) and, in either phase, C(transaction-control). It does not look into
    strings, parentheses or DO blocks.
  - It is an error, before anything changes, if the file of an applied migration has changed or is missing in between
    others, or if a new file sorts before an applied one of its phase. That an older release's files end earlier is none.
  - What is applied is kept in the database in the tables C(schema_migrations), which is that of dbmate, and
    C(strata_migrations), which also keeps the SQL that takes a migration back. They are created with the first migration.
extends_documentation_fragment:
  - strata.deploy.migration
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
    details:
      - With O(engine=sql), the database is read in a session that cannot write, without the lock.
      - With O(engine=command), the command O(commands.plan) is run, and it alone, without the lock.
      - That the SQL itself succeeds is not known before it runs.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
    details:
      - The diff has the schema version and the SQL of the migrations; with O(engine=command) what is pending, and the SQL
        that the plan tells.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: partial
    details:
      - O(state=rolled_back) without O(version) takes one more migration back with each run.
      - With O(engine=command) it is the tool's commands that have to be idempotent.
options:
  state:
    description:
      - V(latest) applies the pending migrations of O(phase). With O(engine=sql), O(folder) is required.
      - V(rolled_back) takes expand migrations back, with the SQL that was recorded when they were applied; no file is read.
        It is refused where there is none, where another tool applied the migration, or where a later contract
        migration has been applied.
      - V(rolled_back) with O(engine=command) runs O(commands.rollback), and is refused without it. Which migrations it is going to take
        back cannot be known beforehand, so O(version) and O(release), the one whose migrations these are, are required.
    type: str
    choices: [latest, rolled_back]
    default: latest
  phase:
    description:
      - The phase whose migrations are applied. Rolling back is for V(expand) only.
    type: str
    choices: [expand, contract]
    default: expand
  version:
    description:
      - For O(state=rolled_back), the version to go back to, which stays applied. V(0) goes back before the first.
      - By default the last expand migration alone is taken back.
      - With O(engine=command), it is handed to the command O(commands.rollback), and means what that takes it for.
    type: str
  running:
    description:
      - For O(state=rolled_back), the releases that run now. It is refused to take back what one of them came with, be it
        by its files or by the O(release) that was recorded.
      - With O(engine=command), it is refused while O(release) itself runs somewhere. Whether another one needs what is taken
        back is for the operator to know.
    type: list
    elements: dict
    default: []
    suboptions:
      host:
        description: Where it runs.
        type: str
        required: true
      version:
        description: Which release it is.
        type: str
        required: true
      migrations:
        description:
          - Names of its migration files, as RV(strata.deploy.release_info#module:migrations) has them.
          - Where they are not known, null or left out, nothing is taken back.
        type: list
        elements: str
  lock_wait:
    description:
      - Seconds to wait for another migrator to end; with O(engine=command), for one of the same O(path) on the same host.
    type: float
    default: 30
  lock_timeout:
    description:
      - Seconds that a statement may wait for a lock on a table. The queries of the application queue up behind it for as long.
      - For O(engine=sql), as is O(retries).
    type: float
    default: 3
  retries:
    description:
      - How many more times a migration is tried that ran into O(lock_timeout), each after a pause of the same length, in
        which the queue of the application's queries runs off.
    type: int
    default: 5
seealso:
  - module: strata.deploy.migration_info
author: The Strata authors (@strata)
"""

EXAMPLES = r"""
- name: Apply the expand migrations of a release, from its verified archive
  strata.deploy.migration:
    url: "{{ shop_database_url }}"
    archive: https://artifacts.example.com/shop/shop-2.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    folder: migrations
    release: "2.0"

- name: Apply its contract migrations, when the old code is gone
  strata.deploy.migration:
    url: "{{ shop_database_url }}"
    folder: /srv/shop/current/migrations
    phase: contract
    release: "2.0"

- name: Have the release's own tool migrate, as the application's user
  strata.deploy.migration:
    engine: command
    commands:
      plan: bin/pending-migrations
      apply: [bin/migrate, --config, /etc/kinto/kinto.ini]
    user: kinto
    environment:
      DATABASE_URL: "{{ kinto_database_url }}"
    path: /srv/kinto
    release: "2.0"
    archive: https://artifacts.example.com/kinto/kinto-2.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Take the last expand migration back, unless a running release needs it
  strata.deploy.migration:
    url: "{{ shop_database_url }}"
    state: rolled_back
    running:
      - host: web1
        version: "1.0"
        migrations: [20260101000000_create_orders.sql]
"""

RETURN = r"""
engine:
  description: The engine, as O(engine) says.
  returned: success
  type: str
  sample: sql
applied:
  description: Names of the migrations that were applied, in order. In check mode, of those that would be.
  returned: success
  type: list
  elements: str
  sample: [20260201000000_add_invoiced.sql]
rolled_back:
  description:
    - Names of the migrations that were taken back, the newest first. In check mode, of those that would be.
    - With O(engine=command) those that the command printed or, where it printed none, those that are pending since. In check mode none.
  returned: success
  type: list
  elements: str
  sample: []
pending:
  description:
    - Names of the migrations of O(phase) that are not applied at the end, so all of them in check mode, else none.
    - Empty with O(state=rolled_back).
  returned: success, and when a command failed to apply them
  type: list
  elements: str
  sample: []
version:
  description: The highest version that is applied at the end, or null where none is, and with O(engine=command).
  returned: success
  type: str
  sample: "20260201000000"
migration:
  description: Name of the migration that failed.
  returned: when a migration failed
  type: str
  sample: 20260201000000_add_invoiced.sql
done:
  description: Names of the migrations that this run applied or took back before that one. They stay so.
  returned: when a migration or a command failed, and what it had done is known
  type: list
  elements: str
  sample: []
driver:
  description: The package of the system's distribution that has the missing driver for the database.
  returned: when it is missing, and the package would serve the Python that runs the module
  type: str
  sample: python3-psycopg2
findings:
  description: What the linter refused, each with C(rule), C(name) of the file and C(line) in it, counted from 1.
  returned: when the linter refused something
  type: list
  elements: dict
  sample: [{"rule": "drop-column", "name": "20260201000000_add_invoiced.sql", "line": 3}]
drift:
  description: Where files and database disagree, each with C(name) and C(problem), which is changed, missing or out_of_order.
  returned: when they disagree
  type: list
  elements: dict
  sample: [{"name": "20260201000000_add_invoiced.sql", "problem": "changed"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.arguments import (
    COMMON,
    REQUIRED_IF,
    connect,
)
from ansible_collections.strata.deploy.plugins.module_utils._migration.model import RunningRelease

RUNNING = {
    "host": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "migrations": {"type": "list", "elements": "str"},
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **COMMON,
            "state": {"type": "str", "choices": ["latest", "rolled_back"], "default": "latest"},
            "phase": {"type": "str", "choices": ["expand", "contract"], "default": "expand"},
            "version": {"type": "str"},
            "running": {"type": "list", "elements": "dict", "options": RUNNING, "default": []},
            "lock_wait": {"type": "float", "default": 30},
            "lock_timeout": {"type": "float", "default": 3},
            "statement_timeout": {"type": "float", "default": 300},
            "retries": {"type": "int", "default": 5},
            "accept_drift": {"type": "list", "elements": "str", "default": []},
            "allow_data_loss": {"type": "bool", "default": False},
            "resume": {"type": "str", "choices": ["again", "done"]},
        },
        required_if=REQUIRED_IF,
        required_by={"archive": ["checksum"]},
        supports_check_mode=True,
    )
    options = module.params
    migrator = connect(options, module.no_log_values)
    try:
        migrator.validate()
        if options["state"] == "latest":
            outcome = migrator.ensure_latest(phase=options["phase"], check_mode=module.check_mode)
        else:
            outcome = migrator.ensure_rolled_back(
                phase=options["phase"],
                version=options["version"],
                running=[RunningRelease(**release) for release in options["running"]],
                allow_data_loss=options["allow_data_loss"],
                check_mode=module.check_mode,
            )
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    for warning in outcome.warnings:
        module.warn(warning)
    module.exit_json(
        changed=outcome.changed,
        engine=options["engine"],
        applied=outcome.applied,
        rolled_back=outcome.rolled_back,
        pending=outcome.pending,
        version=outcome.version,
        diff={"before": outcome.before, "after": outcome.after},
    )


if __name__ == "__main__":
    main()
