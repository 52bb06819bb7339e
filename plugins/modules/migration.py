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
  - One migrator works at a time, whatever the engine; a second one waits for it, is told who it is where it waits too long, and then finds
    nothing to do. The lock is the database's own, so that it goes with a killed process. See O(lock).
  - Before the first change it is checked that the release's migrations and the database agree, and that the linter lets the
    pending ones pass; free space and the lag of replicas, where O(free_space) and O(max_replica_lag) ask for that.
  - A linter reads the SQL of every engine that tells it. What it refuses is let through by waivers, in the files of O(folder), in the
    docstrings of Alembic's revisions and of Django's migrations, and in the SQL that a plan command prints.
  - In an expand migration it refuses what breaks code that still runs. Its rules are C(add-not-null) (a new NOT NULL column without
    a default), C(change-object) (another change of something that is there, such as a role, a sequence or a policy), C(change-type),
    C(delete), C(drop-column), C(drop-constraint) (a constraint or a unique index), C(drop-default) (dropped, or changed where there
    was one), C(drop-object), C(drop-table), C(rebuild-table) (a table that is dropped, and another that gets its name), C(rename),
    C(revoke) (also a new owner and row-level security), C(set-not-null) and C(truncate).
  - A routine, a trigger or a view that a transaction drops and creates again is not lost, as long as a routine takes the same arguments,
    a view has all its columns, and what was granted is granted again. A CHECK may be replaced by one of the same name.
  - The linter asks the database for what a statement does not say, which is whether an index is unique, which kind a constraint is, whether a
    column has a default, which columns a view has, and, on PostgreSQL, whether a function or a type gives each row a value of
    its own. What the database cannot tell is refused.
  - On PostgreSQL and MySQL it refuses in either phase what holds up the queries of a table for as long as that is large.
    C(add-constraint) is a constraint that checks all rows at once, C(add-index) an index that lets nobody write meanwhile, C(lock-table) a
    statement that locks a table, C(long-lock) one that goes over the rows of a table which the same transaction has altered,
    C(rewrite-table) one that writes a table anew. C(change-type) and, on PostgreSQL, C(set-not-null) are for the contract phase, too.
  - It refuses in either phase, and in the way back of a file, what does not work. C(transaction-control) is COMMIT and the like,
    C(needs-no-transaction) what the database refuses in a transaction, C(delimiter) and C(client-command) commands of a client program
    such as psql or mysql, C(unnamed-index) an index built concurrently that could not be named if it failed. These are not waived.
  - In either phase, and in the way back of a file, C(unreadable) is SQL in which it is not certain where the statements end, as where a
    string, a comment or a body is not closed. It can be waived, and nothing of that migration is checked then.
  - Where no migration is applied and the database has no table or view of its own, no release uses it, and these rules let everything
    pass but what reaches beyond the database.
  - What a migration of the same run creates may be changed and dropped in any way; not what it creates C(IF NOT EXISTS), which may
    have been there, nor what it creates again in place of what was in use, and a temporary table in its own
    migration alone. A name without a schema counts as the same only where it is
    looked up in the same place, which C(SET search_path), C(SET ROLE), C(USE) and others change.
  - On PostgreSQL C(squawk) (version 2, U(https://squawkhq.com)) is asked, too, where it is on the C(PATH) of the module. Its rules about
    traffic and compatibility refuse, as C(squawk/RULE); those about style do not. Its comments C(-- squawk-ignore) hold for them.
  - The linter does not look into strings or DO blocks, nor into functions that are called.
  - With O(engine=sql), each migration is a transaction of its own, with a record of it in the same transaction. A migration that
    fails, or whose process is killed, leaves nothing, and the ones before it stay. In SQLite the whole run is one transaction, with
    a savepoint for each migration.
  - What the database does not take back, which is C(no-transaction) migrations, and those of MySQL and MariaDB that change the schema,
    runs statement by statement, each written down before it runs. After a failure the next run goes on with the statement that failed.
    After a kill it looks whether the statement was carried out, runs it again where that does no harm, or asks for O(resume).
  - With O(engine=sql), it is an error, before anything changes, if the file of an applied migration has changed or is missing in between
    others, or if a new file sorts before an applied one of its phase. It is not an error for an older release to have fewer files.
  - What is applied is kept in the database in the tables C(schema_migrations), which is that of dbmate, and
    C(strata_migrations), which also keeps the SQL that takes a migration back. They are created with the first migration. A migration
    that is under way in steps has a row in C(strata_progress).
  - With the other engines a tool of the release migrates, and keeps its own history; the migrators' lock, the linter, the timeouts, the tries
    and the rules of a rollback are as for O(engine=sql). Alembic and Django are asked by Python code that their own
    interpreter runs, and dbmate by C(dbmate status) and its files. With O(engine=command), what is pending is what the command
    C(plan) prints, and after C(apply) it must print nothing more of O(phase).
  - If this module is killed, the kernel ends the tool, though not what that has started itself.
extends_documentation_fragment:
  - strata.deploy.database
  - strata.deploy.migration
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
    details:
      - The database is read in a session that cannot write, without the lock.
      - A tool is asked for its plan, and does nothing else; with O(engine=command) the command C(plan) is run, and it alone.
      - That the SQL itself succeeds is not known before it runs.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: full
    details:
      - The diff has the schema version and the SQL of the migrations, for Alembic and Django what they print of it; with
        O(engine=command) what is pending, and the SQL that the plan tells.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: partial
    details:
      - O(state=rolled_back) without O(version) takes one more migration back with each run.
      - With O(engine=command) it is the tool's commands that have to be idempotent.
options:
  state:
    description:
      - V(latest) applies the pending migrations of O(phase). With O(engine=sql) and O(engine=dbmate), O(folder) is required.
      - V(rolled_back) takes expand migrations back, the last one first. It is refused where one of them cannot be taken back, or where a
        later contract migration has been applied.
      - V(rolled_back) with O(engine=sql) uses the SQL that was recorded when they were applied, and reads no file. What another tool
        applied is not taken back.
      - V(rolled_back) with the engines that run a tool needs O(version) and O(release), the one whose migrations these are, for its
        history does not tell which release brought what.
      - V(rolled_back) with O(engine=command) runs its command C(rollback), and is refused without it.
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
      - It is a revision with O(engine=alembic) (V(base) goes back before the first), and C(app.NAME) with O(engine=django) (C(app.zero)).
        With O(engine=command) it is handed to the command C(rollback), and means what that takes it for.
    type: str
  running:
    description:
      - For O(state=rolled_back), the releases that run now. It is refused to take back what one of them came with, be it
        by its files or by the O(release) that was recorded.
      - With the engines that run a tool, it is refused while O(release) itself runs somewhere. Whether another one needs what is
        taken back is for the operator to know.
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
  allow_data_loss:
    description:
      - For O(state=rolled_back), whether to take back what holds rows, that is a table with rows or a column with values that would be
        dropped. It is asked for, too, where that cannot be seen, as with O(engine=command).
      - A change of a column's type counts where the column has values; an UPDATE does not count.
      - On SQLite the SQL is also tried on a copy of the database, in a temporary folder, and the rows are compared.
    type: bool
    default: false
  accept_drift:
    description:
      - Names of migrations that may disagree with what was applied. One that has changed is recorded as it is now, one that sorts before an
        applied one is applied, and one that is missing has to be accepted again each time.
    type: list
    elements: str
    default: []
  resume:
    description:
      - What became of the statement at which a run outside a transaction was killed, where the module cannot find out and
        asks for it. V(done) goes on with the next one, V(again) runs it again.
      - V(done) also passes over a statement that failed and was carried out by hand. It answers for the one
        statement that an earlier run has left. A CALL or DO that failed is asked for, too, as it may have committed a part.
      - It is also asked for where earlier statements of the migration left something in their session that cannot be set again, as a
        variable that was computed, or a temporary table. V(again) then goes on without it.
    type: str
    choices: [again, done]
  lock_wait:
    description:
      - Seconds to wait for another migrator to end, and for replicas to catch up.
    type: float
    default: 30
  lock_timeout:
    description:
      - Seconds that a statement may wait for a lock on a table. The queries of the application queue up behind it for as long.
      - Tools are given it, too, PostgreSQL's in C(PGOPTIONS) of their environment, where their driver heeds that.
    type: float
    default: 3
  statement_timeout:
    description:
      - Seconds that a statement may take in all; V(0) is without limit. A statement with C(CONCURRENTLY) has no limit of either kind,
        as it holds nobody up.
      - MySQL has no such limit but for queries; MariaDB has. Both count O(lock_timeout) in whole seconds.
    type: float
    default: 300
  retries:
    description:
      - How many more times a migration is tried that ran into O(lock_timeout), each after a pause of once to twice that length, in
        which the queue of the application's queries runs off.
    type: int
    default: 5
  free_space:
    description:
      - What must be free before anything is changed. For SQLite it is always asked that the file fits once more beside itself.
    type: dict
    suboptions:
      path:
        description: A folder of the file system on the host that runs the module, for example where the database's files lie.
        type: path
        required: true
      min:
        description: How much, as V(20G); the units are K, M, G and T, of 1024 each.
        type: bytes
        required: true
  max_replica_lag:
    description:
      - Seconds that replicas may lag behind for a migration to begin. Without it nobody looks.
      - To see that the user needs C(pg_monitor) on PostgreSQL, SLAVE MONITOR on MariaDB, and REPLICATION CLIENT on MySQL.
    type: float
  replicas:
    description:
      - URLs of the replicas to ask. PostgreSQL's primary tells of its own; that of MySQL and MariaDB does not.
    type: list
    elements: str
    default: []
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
    options:
      plan: bin/pending-migrations
      apply: [bin/migrate, --config, /etc/kinto/kinto.ini]
    user: kinto
    environment:
      DATABASE_URL: "{{ kinto_database_url }}"
    path: /srv/kinto
    release: "2.0"
    archive: https://artifacts.example.com/kinto/kinto-2.0.tar.gz
    checksum: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08

- name: Have Alembic migrate, with the database's password in the module's process alone
  strata.deploy.migration:
    engine: alembic
    options:
      python: venv/bin/python
    connection:
      system: postgresql
      host: db1
      database: shop
      user: shop
      tls: verify-full
      tls_ca: /etc/ssl/certs/internal.pem
    password: "{{ shop_database_password }}"
    user: shop
    path: /srv/shop
    release: "2.0"

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
accepted:
  description: Names of applied migrations whose files have changed, and are from now on taken for what was applied, by O(accept_drift).
  returned: success
  type: list
  elements: str
  sample: []
version:
  description: The last version that is applied at the end, or null where none is, and with O(engine=command).
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
data_loss:
  description: What a rollback would lose, each with the C(name) of the migration and the C(loss) in words.
  returned: when a rollback was refused for it
  type: list
  elements: dict
  sample: [{"name": "20260201000000_add_invoiced.sql", "loss": "drops the column invoiced of orders, which holds values"}]
running:
  description: The hosts that run a release which needs a migration, or of which that is not known, each with C(host) and C(version).
  returned: when a rollback was refused for them
  type: list
  elements: dict
  sample: [{"host": "web1", "version": "2.0"}]
drift:
  description: Where files and database disagree, each with C(name) and C(problem), which is changed, missing or out_of_order.
  returned: when they disagree
  type: list
  elements: dict
  sample: [{"name": "20260201000000_add_invoiced.sql", "problem": "changed"}]
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.arguments import (
    COMMON,
    connect,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import RunningRelease

RUNNING = {
    "host": {"type": "str", "required": True},
    "version": {"type": "str", "required": True},
    "migrations": {"type": "list", "elements": "str"},
}
FREE_SPACE = {
    "path": {"type": "path", "required": True},
    "min": {"type": "bytes", "required": True},
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
            "free_space": {"type": "dict", "options": FREE_SPACE},
            "max_replica_lag": {"type": "float"},
            "replicas": {"type": "list", "elements": "str", "default": [], "no_log": True},
        },
        required_by={"archive": ["checksum"]},
        supports_check_mode=True,
    )
    options = module.params
    try:
        migrator = connect(options, module.no_log_values)
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
        accepted=outcome.accepted,
        version=outcome.version,
        diff={"before": outcome.before, "after": outcome.after},
    )


if __name__ == "__main__":
    main()
