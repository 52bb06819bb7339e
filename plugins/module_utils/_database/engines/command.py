# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``command``: the commands of the release's own tool, whichever it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import argv
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.pending import read_pending
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import REFUSED


class CommandEngine:
    """Any tool of the release migrates, by its own commands; what is pending is what its plan command prints."""

    NAME: ClassVar[str] = "command"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "apply": {"type": "raw", "required": True},
        "plan": {"type": "raw", "required": True},
        "rollback": {"type": "raw"},
    }
    TOOL: ClassVar[bool] = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = ReleaseTool(options)

    def validate(self) -> None:
        for name, command in self._options.options.items():
            if name != "rollback" or command:
                argv(name, command)
        self._tool.validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int], verb: str) -> Iterator[Session]:
        with self._tool.opened(database, held):
            yield _CommandSession(self._options, self._tool, database)


class _CommandSession:
    def __init__(self, options: EngineOptions, tool: ReleaseTool, database: Database | None) -> None:
        self._commands = options.options
        self._tool = tool
        self._takes_back = database is None or database.DIALECT.takes_back_schema

    def plan(self, phase: str) -> MigrationPlan:
        """What is pending alone, for a tool's own history is its own to read."""
        return MigrationPlan(None, read_pending("plan", self._run("plan", {"STRATA_PHASE": phase})))

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        """Run the command once; which migrations it applied, the plan command tells afterwards."""
        self._run("apply", {"STRATA_PHASE": migrations[0].phase})
        yield from ()

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...] | None:
        if not self._commands.get("rollback"):
            raise StrataError(
                f"{REFUSED}there is no rollback command, so the schema stays. An expand migration is meant to be "
                "compatible with the release before it; roll the artifact back alone, or go forward."
            )
        return None

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        facts = {"STRATA_PHASE": "expand", "STRATA_VERSION": version or ""}
        for printed in read_pending("rollback", self._run("rollback", facts)):
            yield printed.name

    def accept(self, names: Sequence[str]) -> None:
        """Nothing to do: no checksums are kept."""

    def _run(self, name: str, facts: Mapping[str, str]) -> str:
        try:
            return self._tool.run(name, argv(name, self._commands[name]), facts)
        except LockedError as error:
            if self._takes_back or name == "plan":
                raise
            # Begun again, it would run into what it has done.
            raise StrataError(
                f"{error} It is not run again by itself: what it did before that may stay, as MySQL takes back no change of a "
                "table. Look, and undo it.",
                **error.details,
            ) from error
