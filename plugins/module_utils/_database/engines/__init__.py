# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of migration engines. To add one, write its file in this folder and add its line here."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.strata.deploy.plugins.module_utils._database.engines.alembic import AlembicEngine
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.command import CommandEngine
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.dbmate import DbmateEngine
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.django import DjangoEngine
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import Engine
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.sql import SqlEngine

PROVIDERS: Mapping[str, type[Engine]] = {
    AlembicEngine.NAME: AlembicEngine,
    CommandEngine.NAME: CommandEngine,
    DbmateEngine.NAME: DbmateEngine,
    DjangoEngine.NAME: DjangoEngine,
    SqlEngine.NAME: SqlEngine,
}
