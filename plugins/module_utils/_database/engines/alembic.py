# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``alembic``: the revisions of the release, by its own Alembic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import alembic_script
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.scripted import ScriptedSession


class AlembicEngine:
    """Has the release's Alembic migrate; a version is a revision."""

    NAME = "alembic"
    TOOL = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = ReleaseTool(options)
        self._said = {"python": "python3", "config": "alembic.ini", **(options.alembic or {})}

    def validate(self) -> None:
        for name in ("python", "config"):
            if not self._said[name]:
                raise StrataError(f"The option alembic has an empty {name}.")
        self._tool.validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int]) -> Iterator[Session]:
        with self._tool.opened(database, held):
            yield ScriptedSession(
                self._options,
                self._tool,
                name="Alembic",
                main=alembic_script,
                python=self._said["python"],
                database=database,
                facts={"STRATA_ALEMBIC_CONFIG": self._said["config"]},
            )
