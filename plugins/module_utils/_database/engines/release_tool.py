# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release's own migration tool, run in the folder of the release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._core.command import ExitCodeError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_folder import (
    release_folder,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import Tool


class ReleaseTool:
    """Runs commands in the release's folder, as the application's user, with its environment and the timeouts.

    ``folder`` is where the release is while `opened`, and ``group`` that of the user; None where it is this process's own.
    """

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._tool = Tool(options.user, options.environment, options.timeout)
        self._held: Sequence[int] = ()
        self._timeouts: Mapping[str, str] = {}
        self.folder = Path()
        self.group: int | None = None

    def validate(self) -> None:
        self._tool.validate()

    @contextmanager
    def opened(self, database: Database | None, held: Sequence[int]) -> Iterator[None]:
        """Have the release at hand: the staged one, or the archive unpacked for the moment.

        Args:
            database: where it knows how to tell clients of the timeouts.
            held: descriptors that every command inherits.
        """
        timeouts = Timeouts(self._options.lock_timeout, self._options.statement_timeout)
        account = self._tool.account()
        self.group = account.gid if account else None
        with release_folder(self._options, self.group) as self.folder:
            self._held = held
            self._timeouts = database.tool_environment(timeouts) if database else {}
            yield

    def run(self, what: str, command: Sequence[str], facts: Mapping[str, str]) -> str:
        """Run a command; what it printed on its standard output.

        Args:
            what: how an error calls it.
            facts: further variables for it, which are no secrets.

        Raises:
            LockedError: it failed, and by the end of its output the database refused it a lock.
            StrataError: as of `Tool.run`.
        """
        known = {"STRATA_RELEASE": self.release, **self._limits(), **facts}
        try:
            return self._tool.run(what, tuple(command), self.folder, known, self._held)
        except ExitCodeError as error:
            if any(words in str(error) for words in _lock_refusals()):
                raise LockedError(str(error), **error.details) from error
            raise

    @property
    def release(self) -> str:
        """The release's version; "" where it is not known."""
        if self._options.release:
            return self._options.release
        staged = bool(self._options.path) and self.folder.parent == Layout(str(self._options.path)).releases
        return self.folder.name if staged else ""

    def _limits(self) -> dict[str, str]:
        """The variables for the timeouts, and before them what the user has set in the same variables."""
        environment = self._options.environment or {}
        return {
            name: f"{value} {environment[name]}" if name in environment else value
            for name, value in self._timeouts.items()
        }


def _lock_refusals() -> Iterator[str]:
    """Of every system, because a tool may have a database of its own."""
    for system in PROVIDERS.values():
        if system.TOOL_SESSION:
            yield from system.TOOL_SESSION.lock_refusals
