# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``django``: the migrations of the release's apps, by its own Django."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

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
    """The release's own Django migrates; a version is a migration, as app.0001_initial."""

    NAME: ClassVar[str] = "django"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "contract": {"type": "list", "elements": "str", "default": []},
        "database": {"type": "str", "default": "default"},
        "python": {"type": "str", "default": "python3"},
        "settings": {"type": "str"},
    }
    TOOL: ClassVar[bool] = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = ReleaseTool(options)

    def validate(self) -> None:
        for name in ("python", "database"):
            if not self._options.options[name]:
                raise StrataError(f"The engine django has an empty option '{name}'.")
        self._tool.validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int], verb: str) -> Iterator[Session]:
        own = self._options.options
        with self._tool.opened(database, held):
            yield ScriptedSession(
                self._options,
                self._tool,
                name="Django",
                main=django_script,
                python=own["python"],
                database=database,
                facts={
                    "STRATA_DJANGO_SETTINGS": own["settings"] or "",
                    "STRATA_DJANGO_DATABASE": own["database"],
                },
                contract=own["contract"],
            )
