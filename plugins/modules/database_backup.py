#!/usr/bin/python
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Back a database up to a file."""

from __future__ import annotations

DOCUMENTATION = r"""
module: database_backup
short_description: Back a database up to a file
version_added: 0.1.0
author: The Strata authors (@strata)
description:
  - Makes a backup of one whole database, as a file on the host that the module runs on, before something is done to it.
  - PostgreSQL is backed up by C(pg_dump) in its custom format, which is compressed and which C(pg_restore) reads; MySQL and MariaDB by
    C(mysqldump) or C(mariadb-dump) in one transaction, with routines, triggers and events, compressed with gzip; SQLite by
    its own online backup, as a database file. Each is of one moment, but for MySQL's tables without transactions (MyISAM,
    Aria), and work goes on meanwhile. Only who writes to a SQLite database that is not in WAL mode waits for the end of it.
  - A backup is read back before it counts. A PostgreSQL one must have a table of contents that C(pg_restore) understands, a MySQL one must
    unpack and end as a whole one does, and a SQLite one must pass C(PRAGMA quick_check). That shows that it is whole, and
    not that your way of restoring works.
  - It gets its name when it is whole and on disk. One that fails is removed, and one whose process was killed by the next run.
  - It has the database alone. Roles, and what else belongs to the whole server, are not in it.
  - What was made when, of what, for which release and with which checksum is written down in C(journal.jsonl) in O(folder), one JSON
    object a line, before the module returns.
extends_documentation_fragment:
  - strata.deploy.database
attributes:
  check_mode:
    description: Can run in check_mode and return changed status prediction without modifying target.
    support: full
    details:
      - The programs, the folder and the free space are checked, too.
  diff_mode:
    description: Will return details on what has changed (or possibly needs changing in check_mode), when in diff mode.
    support: none
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second invocation indicates no change.
    support: none
    details:
      - Each run makes a backup.
options:
  folder:
    description:
      - The absolute path of the folder for backups. It is made, with mode 0700, where it is missing. Nobody but its owner, this user
        or root, may be allowed to write there. Backups have mode 0600.
      - It should be on another disk than the database. Copy from there what is to survive the host.
    type: path
    required: true
  name:
    description:
      - What the backups are called, before the time and the suffix C(.dump), C(.sql.gz) or C(.sqlite).
      - By default the database's name and its host's, as in V(shop-db1), for SQLite the file's name without its suffix.
    type: str
  keep:
    description:
      - How many backups of that name and kind are kept in O(folder), the new one among them. Older ones are removed once it is made.
      - V(0) keeps all.
    type: int
    default: 0
  min_free:
    description:
      - How much must stay free on the file system of O(folder), for example V(5G), should the backup become as large as the database.
      - It is refused to begin without room for that, though a compressed backup is most often smaller.
    type: bytes
    default: 0
  release:
    description: The release that the backup is made before, for the journal in O(folder).
    type: str
    default: ""
  timeout:
    description: Seconds that writing the backup and reading it back may take.
    type: float
    default: 3600
requirements:
  - For PostgreSQL, C(pg_dump) and C(pg_restore) on the C(PATH), no older than the server; Debian's package is postgresql-client.
  - For MySQL and MariaDB, C(mysqldump) or C(mariadb-dump); Debian's package is mariadb-client.
seealso:
  - module: strata.deploy.migration
"""

EXAMPLES = r"""
- name: Back the shop's database up
  strata.deploy.database_backup:
    url: "{{ shop_database_url }}"
    folder: /var/backups/strata/shop
    keep: 5
    min_free: 5G
    release: "2.0"
  register: backup

# To restore it: pg_restore --clean --if-exists --dbname=shop {{ backup.path }}

- name: Back it up by the socket, as the database's own superuser
  strata.deploy.database_backup:
    connection:
      system: postgresql
      socket: /run/postgresql
      database: shop
    folder: /var/backups/postgresql
  become: true
  become_user: postgres
"""

RETURN = r"""
path:
  description: The backup; null in check mode, and where there is no SQLite database yet.
  returned: success
  type: str
  sample: /var/backups/strata/shop/shop-db1-20260301T101500.123Z.dump
size:
  description: Its bytes, or null where there is no file.
  returned: success
  type: int
  sample: 1048576
checksum:
  description: The SHA-256 sum of its content, or null where there is no file.
  returned: success
  type: str
  sample: sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
seconds:
  description: How long it took, or null where there is no file.
  returned: success
  type: float
  sample: 12.5
removed:
  description: Older backups that were removed for O(keep) or, in check mode, would be.
  returned: success
  type: list
  elements: str
  sample: [/var/backups/strata/shop/shop-db1-20260101T101500.123Z.dump]
driver:
  description: The package of the system's distribution that has the missing driver for the database.
  returned: when it is missing, and the package would serve the Python that runs the module
  type: str
  sample: python3-psycopg2
"""

import os

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import take_password
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.backup import back_up
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "no_log": True},
            "connection": {"type": "dict", "no_log": True},
            "password": {"type": "str", "no_log": True},
            "folder": {"type": "path", "required": True},
            "name": {"type": "str"},
            "keep": {"type": "int", "default": 0},
            "min_free": {"type": "bytes", "default": 0},
            "release": {"type": "str", "default": ""},
            "timeout": {"type": "float", "default": 3600},
        },
        supports_check_mode=True,
    )
    options = module.params
    connection = conceal(module.no_log_values, options, "connection", PROVIDERS, key="system")
    take_password(options, module.no_log_values)
    try:
        made = back_up(
            resolve(options["url"], connection, os.environ),
            folder=options["folder"],
            name=options["name"],
            keep=options["keep"],
            min_free=options["min_free"],
            timeout=options["timeout"],
            release=options["release"],
            check_mode=module.check_mode,
        )
    except StrataError as error:
        module.fail_json(msg=str(error), **error.details)
    module.exit_json(
        changed=not made.absent,
        path=made.path,
        size=made.size,
        checksum=made.checksum,
        seconds=made.seconds,
        removed=made.removed,
    )


if __name__ == "__main__":
    main()
