# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``django``: the migrations of the release's apps, by its own Django."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import django_script
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.scripted import ScriptedSession


class DjangoEngine:
    """Has the release's Django migrate; a version is a migration, as ``app.0001_initial``."""

    NAME = "django"
    TOOL = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = ReleaseTool(options)
        self._said = {"python": "python3", "database": "default", **(options.django or {})}

    def validate(self) -> None:
        for name in ("python", "database"):
            if not self._said[name]:
                raise StrataError(f"The option django has an empty {name}.")
        self._tool.validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int]) -> Iterator[Session]:
        with self._tool.opened(database, held):
            yield ScriptedSession(
                self._options,
                self._tool,
                name="Django",
                main=django_script,
                python=self._said["python"],
                database=database,
                facts={
                    "STRATA_DJANGO_SETTINGS": self._said.get("settings") or "",
                    "STRATA_DJANGO_DATABASE": self._said["database"],
                },
                contract=self._said.get("contract") or (),
            )
