# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``alembic``: the revisions of the release, by its own Alembic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

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
    """The release's own Alembic migrates; a version is a revision."""

    NAME: ClassVar[str] = "alembic"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "config": {"type": "str", "default": "alembic.ini"},
        "python": {"type": "str", "default": "python3"},
    }
    TOOL: ClassVar[bool] = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = ReleaseTool(options)

    def validate(self) -> None:
        for name in ("python", "config"):
            if not self._options.options[name]:
                raise StrataError(f"The engine alembic has an empty option '{name}'.")
        self._tool.validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int], verb: str) -> Iterator[Session]:
        own = self._options.options
        with self._tool.opened(database, held):
            yield ScriptedSession(
                self._options,
                self._tool,
                name="Alembic",
                main=alembic_script,
                python=own["python"],
                database=database,
                facts={"STRATA_ALEMBIC_CONFIG": own["config"]},
            )
