# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the migration modules share."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  engine:
    description:
      - What applies migrations.
      - V(sql) applies plain SQL files by itself, on PostgreSQL and SQLite.
    type: str
    choices: [sql]
    default: sql
  url:
    description:
      - The database. It is never shown, neither whole nor its password.
      - C(postgresql://USER:PASSWORD@HOST:PORT/DATABASE?OPTION=VALUE) as libpq takes it, with special characters
        percent-encoded. Connect to the server itself, for a pooler that shares sessions between transactions loses the lock.
      - C(sqlite:///ABSOLUTE/PATH); the file is created if it is absent, its folder is not.
    type: str
    required: true
  folder:
    description:
      - Absolute path of the folder on the host that holds the release's migrations, all of them, old and new.
      - With O(archive), the folder within the archive, relative.
      - Migrations are its C(*.sql) files in the form of dbmate (U(https://github.com/amacneil/dbmate#creating-migrations)).
        A name begins with the version, a number; C(-- migrate:up) begins the SQL that applies the migration and
        C(-- migrate:down) the SQL that takes it back. No option of these markers is known.
      - "A line C(-- strata: phase=contract) says that the migration is for the contract phase.
        C(-- strata: allow=RULE,RULE) lets through what rules of the linter would refuse."
    type: str
  archive:
    description:
      - Path on the host, or http(s) URL, of the release's artifact, a tar.gz.
      - It is verified and read, and not unpacked. A user, password or query in the URL is never shown.
    type: str
  checksum:
    description:
      - Checksum of O(archive), as C(sha256:HEX) or C(sha512:HEX).
      - V(unverified) waives it by name.
      - Required with O(archive).
    type: str
requirements:
  - For PostgreSQL, the Python package psycopg (3.1 or later) or psycopg2 (2.8 or later) on the host that runs the module.
"""
