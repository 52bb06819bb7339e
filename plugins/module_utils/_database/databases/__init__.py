# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of database systems. To add one, write its file in this folder and add its line here."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql import Mysql
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql import Postgresql
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.protocol import DatabaseSystem
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import Sqlite

PROVIDERS: Mapping[str, type[DatabaseSystem]] = {
    Mysql.NAME: Mysql,
    Postgresql.NAME: Postgresql,
    Sqlite.NAME: Sqlite,
}
