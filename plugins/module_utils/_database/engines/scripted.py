# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines whose tool is a Python library of the release: a script of ours asks it, run by the release's interpreter.

The script gets its sources in the variable STRATA_SCRIPT, the verb and the names as arguments, and answers with JSON on its
standard output. STRATA_SESSIONS has what it sets on the project's connections, for each database system: the statements
``limits`` keep the timeouts, and ``long`` those of statements that wait for others and hold nobody up.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import ModuleType
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import Secrets
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import script
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Drift,
    Migration,
    MigrationPlan,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import (
    Settings,
    directives,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

_BOOTSTRAP = 'import os; exec(os.environ.pop("STRATA_SCRIPT"))'
_LOADER = """
import sys, types
for name, source in {sources!r}.items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""
_VERBS = {"apply": "Applying", "rollback": "Rolling back"}


class ScriptedSession:
    """A session of one of these engines.

    Args:
        name: the tool's, for messages.
        main: the script.
        python: the interpreter, on the PATH or within the release.
        facts: variables for the script.
        contract: names of contract migrations, beside those that say so themselves.
        database: the connection that Strata itself has, where it has one.
    """

    def __init__(
        self,
        options: EngineOptions,
        tool: ReleaseTool,
        *,
        name: str,
        main: ModuleType,
        python: str,
        facts: Mapping[str, str],
        contract: Sequence[str] = (),
        database: Database | None,
    ) -> None:
        self._options = options
        self._tool = tool
        self._database = database
        self._name = name
        self._python = python
        self._facts = {**facts, "STRATA_SCRIPT": _sent(script, main)}
        self._contract = frozenset(contract)
        self._secrets = Secrets(options.environment or {})
        self._takes_back = False
        self._back: dict[str, Settings] = {}

    def plan(self, phase: str) -> MigrationPlan:
        said = self._ask("plan", (), Settings())
        self._check_contract(said["known"])
        items = {each["version"]: each for each in (*said["applied"], *said["pending"])}
        phases = {version: self._phase(each) for version, each in items.items()}
        _check_heads([items[each]["name"] for each in said["heads"] if phases[each] == "expand"])
        if not said["applied"]:
            phases.update(_unneeded_phases(said["pending"], phases))
        elif phase == "expand" and not self._takes_back:  # what is pending is no matter to a rollback
            _check_needs(said["pending"], phases)
        return MigrationPlan(
            tuple(map(self._applied, said["applied"])),
            tuple(self._migration(each, phases[each["version"]]) for each in said["pending"]),
            tuple(Drift(name, problem) for name, problem in said["drift"]),
        )

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        for (lock, statement), group in groupby(
            migrations, key=lambda each: (each.lock_timeout, each.statement_timeout)
        ):
            together = list(group)
            for each in together:
                self._clear(each)
            settings = Settings(lock_timeout=lock, statement_timeout=statement)
            yield from self._carry_out("apply", [str(each.version) for each in together], settings)

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...]:
        self._takes_back = True
        said = self._ask("targets", (version or "",), Settings())
        self._check_contract(said["known"])
        self._back = {each["version"]: self._settings(each) for each in said["targets"]}
        targets = tuple(map(self._applied, said["targets"]))
        for target in targets:
            if target.phase == "contract":
                raise StrataError(
                    f"Rolling back migration {targets[-1].name} is refused: contract migration {target.name} was applied "
                    "after it, and what the older release needs is gone. Go forward with a new migration."
                )
        for target in reversed(targets):
            if target.irreversible:
                raise StrataError(
                    f"Rolling back migration {target.name} is refused: {target.irreversible}",
                    migration=target.name,
                )
        return targets

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        """Take back what `rollback_plan` has named."""
        back = self._back
        for (lock, statement), group in groupby(
            migrations,
            key=lambda each: (back[each.version].lock_timeout, back[each.version].statement_timeout),
        ):
            settings = Settings(lock_timeout=lock, statement_timeout=statement)
            yield from self._carry_out("rollback", [each.version for each in group], settings)

    def accept(self, names: Sequence[str]) -> None:
        """Nothing to do: no checksums are kept."""

    def _carry_out(self, verb: str, versions: Sequence[str], settings: Settings) -> Iterator[str]:
        said = self._run(verb, versions, settings)
        yield from said["done"]
        if "error" not in said:
            return
        error = self._secrets.conceal(said["error"])
        migration = said["migration"]
        if not migration and len(said["done"]) == len(versions):
            raise StrataError(
                f"The migrations are done, and what {self._name} does after them failed: {error}. Have it do that again by its own "
                "command."
            )
        if not migration:
            kind = LockedError if said["locked"] else StrataError
            raise kind(f"{self._name} failed before it was at a migration: {error}.")
        failed = f"{_VERBS[verb]} migration {migration} failed"
        if said["kept"]:
            raise StrataError(
                f"{failed} half-way, and what it had done outside a transaction stays: statements carried out are "
                f"{len(said['kept'])}, the last of them {self._secrets.conceal(said['kept'][-1])}. {self._name} begins the "
                f"migration anew with the next try, so first take back by hand what would be in its way. {error}.",
                migration=migration,
            )
        kind = LockedError if said["locked"] else StrataError
        kept = "nothing of it was kept"
        if said["unfinished"]:
            kept = "at most an invalid index is left of it, which the next try drops"
            if self._database is None:
                kind, kept = StrataError, "an invalid index may be left of it: drop that before the next try"
        raise kind(f"{failed}, and {kept}. {error}.", migration=migration)

    def _clear(self, migration: Migration) -> None:
        """Drop the invalid index that an earlier try may have left.

        Raises:
            LockedError: others' transactions did not end in time.
        """
        if not migration.transactional and self._database:
            for step in statements(migration.up, self._database.DIALECT):
                if script.is_long(step.text):
                    try:
                        self._database.settle(step.text)
                    except StrataError as error:
                        raise type(error)(
                            f"Dropping the invalid index that an earlier try of migration {migration.name} left failed. {error}",
                            migration=migration.name,
                        ) from error

    def _ask(self, verb: str, arguments: Sequence[str], settings: Settings) -> dict[str, Any]:
        said = self._run(verb, arguments, settings)
        if "error" in said:
            raise StrataError(
                f"Reading the migrations with the release's {self._name} failed: {self._secrets.conceal(said['error'])}."
            )
        return said

    def _run(self, verb: str, arguments: Sequence[str], settings: Settings) -> dict[str, Any]:
        what = "plan" if verb == "targets" else verb
        command = (self._python, "-c", _BOOTSTRAP, verb, *arguments)
        printed = self._tool.run(what, command, {**self._facts, "STRATA_SESSIONS": self._sessions(settings)})
        try:
            said = json.loads(printed)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise StrataError(
                f"The {what} command of {self._name} ended without an answer: something in the release ends the process early."
            )
        return said

    def _sessions(self, settings: Settings) -> str:
        """As JSON what the script sets on the project's connections, whichever system these are to."""
        usual = Timeouts(self._options.lock_timeout, self._options.statement_timeout)
        return json.dumps(
            {
                name: {
                    "drivers": session.drivers,
                    "read_only": session.read_only,
                    "limits": session.limits(_timeouts(settings, usual)),
                    "long": session.limits(_timeouts(settings, Timeouts(0, 0))),
                }
                for name, system in PROVIDERS.items()
                if (session := system.TOOL_SESSION)
            }
        )

    def _settings(self, item: Mapping[str, Any]) -> Settings:
        return directives(f"Migration {item['name']}", item["docstring"])

    def _phase(self, item: Mapping[str, Any]) -> str:
        contract = item["contract"] or item["name"] in self._contract
        return "contract" if contract else self._settings(item).phase

    def _migration(self, item: Mapping[str, Any], phase: str) -> Migration:
        settings = self._settings(item)
        return Migration(
            item["name"],
            item["version"],
            phase,
            item["up"],
            item["down"],
            allowed=settings.allowed,
            transactional=item["transactional"] and settings.transactional,
            lock_timeout=settings.lock_timeout,
            statement_timeout=settings.statement_timeout,
            unreadable=self._secrets.conceal(item["unreadable"]),
        )

    def _applied(self, item: Mapping[str, Any]) -> Applied:
        return Applied(
            item["version"],
            item["name"],
            phase=self._phase(item) if item["here"] else "",
            down=item["down"],
            applied_at=item["applied_at"],
            irreversible=item["irreversible"],
        )

    def _check_contract(self, known: Sequence[str]) -> None:
        unknown = sorted(self._contract.difference(known))
        if unknown:
            raise StrataError(
                f"The list of contract migrations has '{unknown[0]}', which is no migration of the release. Name one "
                "as app.0003_name, or take it off the list."
            )


def _timeouts(settings: Settings, usual: Timeouts) -> Timeouts:
    lock, statement = settings.lock_timeout, settings.statement_timeout
    return Timeouts(usual.lock if lock is None else lock, usual.statement if statement is None else statement)


def _sent(*modules: ModuleType) -> str:
    """A program of the sources of these modules, in this order, that calls ``main`` of the last one."""
    return _LOADER.format(sources={each.__name__: inspect.getsource(each) for each in modules})


def _check_heads(heads: Sequence[str]) -> None:
    if len(heads) > 1:
        raise StrataError(
            f"The release's migrations end in {len(heads)} heads, {' and '.join(heads)}, so their order is not said. Merge "
            "them, as `alembic merge heads` does. Only contract migrations may be on a branch of their own."
        )


def _unneeded_phases(pending: Sequence[Mapping[str, Any]], phases: Mapping[str, str]) -> dict[str, str]:
    """In a new database, which no release uses yet, a contract migration does not hold up the expand ones that need it."""
    needed: set[str] = set()
    for item in reversed(pending):
        if phases[item["version"]] == "expand" or item["version"] in needed:
            needed.update(item["parents"])
    return dict.fromkeys(needed, "expand")


def _check_needs(pending: Sequence[Mapping[str, Any]], phases: Mapping[str, str]) -> None:
    """Raise where an expand migration needs a contract one that is not applied; ``pending`` is in order."""
    names = {each["version"]: each["name"] for each in pending}
    needed: dict[str, str] = {}
    for item in pending:
        waiting = [each for each in item["parents"] if each in names]
        found = [each if phases[each] == "contract" else needed.get(each, "") for each in waiting]
        needed[item["version"]] = next(filter(None, found), "")
        if needed[item["version"]] and phases[item["version"]] == "expand":
            raise StrataError(
                f"Expand migration {item['name']} needs contract migration {names[needed[item['version']]]}, which is not "
                "applied. Have the contract phase of an earlier release apply that first, or let the expand migration not "
                "follow it, with the contract one on a branch of its own."
            )
