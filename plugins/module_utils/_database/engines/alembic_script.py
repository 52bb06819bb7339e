# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alembic's side of the engine ``alembic``: run inside a release, see `scripted`.

The project's env.py is run as Alembic runs it, once to read, and once for each revision; what is done in it is said by a
function of ours, as Alembic's own commands do. Needs Alembic 1.8 or later.
"""

from __future__ import annotations

import ast
import copy
import io
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._database.engines.script import (
    Progress,
    RefusalError,
    answer,
    is_long,
    limit,
    only_read,
    reason,
    system_of,
)

_NOT_HERE = "its revision is not in this release. Take the release that brought it."
_FORWARD = "Go forward with a new migration."


def main() -> None:
    answer(_work)


def _work(progress: Progress, verb: str, arguments: list[str]) -> dict[str, Any]:
    try:
        import alembic  # noqa: F401
    except ImportError:
        raise RefusalError(
            f"{sys.executable} has no Alembic; the engine's option python names the interpreter that the "
            "release's packages are installed for, venv/bin/python for instance"
        ) from None
    project = _Project(os.environ["STRATA_ALEMBIC_CONFIG"], progress, _Connections(progress))
    if verb == "plan":
        return project.plan()
    if verb == "targets":
        return project.targets(arguments[0])
    for version in arguments:
        project.step(version, upgrade=verb == "apply")
    return {"done": progress.done}


class _Project:
    """The revisions of a release, all of them, each after those that it needs, and its env.py."""

    def __init__(self, path: str, progress: Progress, connections: _Connections) -> None:
        from alembic.config import CommandLine
        from alembic.script import ScriptDirectory

        if not os.path.exists(path):
            raise RefusalError(
                f"the release has no {path}; the engine's option config names Alembic's configuration"
            )
        self._progress = progress
        self._connections = connections
        # An env.py may look at the options of the command line.
        self._config = _config(
            path, CommandLine("alembic").parser.parse_args(["-c", path, "upgrade", "heads"])
        )
        self._script = ScriptDirectory.from_config(self._config)
        self._revisions = {each.revision: each for each in reversed(list(self._script.walk_revisions()))}
        self._parents = {version: self._parents_of(each) for version, each in self._revisions.items()}
        self._contract: dict[str, bool] = {}
        for version, each in self._revisions.items():
            # Not Alembic's own reading of labels: without a fork, that has one hold back to the first revision.
            followed = _words(each.down_revision)
            labelled = "contract" in _words(getattr(each.module, "branch_labels", None))
            self._contract[version] = labelled or (
                bool(followed) and all(self._contract[parent] for parent in followed)
            )

    def plan(self) -> dict[str, Any]:
        heads, context = self._read()
        applied = self._applied(heads)
        strange = [each for each in heads if each not in self._revisions]
        # A database that is ahead of this release has all that the release brings.
        pending = [] if strange else [each for each in self._revisions if each not in applied]
        with self._offline(context) as printed:
            return {
                "known": [],
                "heads": [] if strange else self._script.get_heads(),
                "drift": [],
                "applied": [self._item(each) for each in self._revisions if each in applied]
                + [_stranger(each) for each in strange],
                "pending": [self._item(each, printed) for each in pending],
            }

    def targets(self, wanted: str) -> dict[str, Any]:
        """The revisions that are applied and need ``wanted``, the newest first; of its own branch, and what depends on it."""
        heads, context = self._read()
        self._refuse_strangers(heads)
        applied = self._applied(heads)
        going = applied
        if wanted not in ("0", "base"):
            revision = self._script.get_revision(wanted)
            if revision is None or revision.revision not in applied:
                last = [_name(each) for version, each in self._revisions.items() if version in applied][-5:]
                raise RefusalError(
                    f"revision {wanted} is not applied; the last that are: {', '.join(last) or 'none'}"
                )
            going = {revision.revision}
            for version in self._revisions:
                if version in applied and not going.isdisjoint(self._parents[version]):
                    going.add(version)
            going.remove(revision.revision)
        with self._offline(context) as printed:
            targets = [
                self._item(each, printed, up=False) for each in reversed(self._revisions) if each in going
            ]
        return {"known": [], "targets": targets}

    def step(self, version: str, *, upgrade: bool) -> None:
        """Carry out one revision, in the transaction that env.py makes."""
        from alembic.runtime.migration import MigrationStep

        revision = self._revisions[version]

        def steps(heads: tuple[str, ...], context: Any) -> list[Any]:
            self._progress.begin(_name(revision))
            self._progress.takes_back = context.impl.transactional_ddl
            self._refuse_strangers(heads)
            applied = self._applied(heads)
            needing = [each for each in applied if version in self._parents[each]]
            missing = [each for each in self._parents[version] if each not in applied]
            if (version in applied) == upgrade or (missing if upgrade else needing):
                raise RefusalError(
                    "the database has been migrated by another since the plan was made; try again"
                )
            make = MigrationStep.upgrade_from_script if upgrade else MigrationStep.downgrade_from_script
            return [make(self._script.revision_map, revision)]

        self._run_env(steps, destination_rev=version)
        self._progress.end()

    def _parents_of(self, revision: Any) -> list[str]:
        """What a revision needs: those that it follows, and those that it depends on, by whichever name."""
        needed = [self._script.get_revision(each) for each in _words(revision.dependencies)]
        return [*_words(revision.down_revision), *(each.revision for each in needed if each)]

    def _applied(self, heads: Iterable[str]) -> set[str]:
        """The revisions that the database has, ``heads`` being those of its table, with all that they need."""
        applied: set[str] = set()
        todo = [each for each in heads if each in self._revisions]
        while todo:
            version = todo.pop()
            if version not in applied:
                applied.add(version)
                todo += self._parents[version]
        return applied

    def _refuse_strangers(self, heads: Iterable[str]) -> None:
        strange = [each for each in heads if each not in self._revisions]
        if strange:
            raise RefusalError(
                f"the database has revision {', '.join(strange)}, which is not in this release; take the one that brought it"
            )

    def _read(self) -> tuple[tuple[str, ...], Any]:
        """The versions that the database's table has, and the context that env.py makes."""
        found: list[tuple[tuple[str, ...], Any]] = []

        def look(heads: tuple[str, ...], context: Any) -> list[Any]:
            found.append((heads, context))
            return []

        self._run_env(look, dont_mutate=True)
        return found[0]

    def _run_env(self, steps: Callable[[tuple[str, ...], Any], list[Any]], **options: Any) -> None:
        from alembic.runtime.environment import EnvironmentContext

        runs = []

        def once(heads: Any, context: Any) -> list[Any]:
            runs.append(context)
            if len(runs) > 1:
                raise RefusalError(
                    "env.py migrates more than one database or schema, which this engine does not"
                )
            return steps(tuple(heads), context)

        with EnvironmentContext(self._config, self._script, fn=once, **options):
            self._script.run_env()
        if not runs:
            raise RefusalError("env.py came to its end without context.run_migrations()")

    @contextmanager
    def _offline(self, context: Any) -> Iterator[Callable[[Any, str], tuple[str, str, bool]]]:
        """What prints the SQL of one way of a revision, as `alembic upgrade --sql` does, for the database of ``context``.

        It gives the SQL, why that is not all, and whether it is all for a transaction.
        """
        from alembic.operations import Operations
        from alembic.runtime.environment import EnvironmentContext
        from alembic.runtime.migration import MigrationContext

        options = {**context.opts, "as_sql": True, "literal_binds": True, "transactional_ddl": False}
        options.pop("output_encoding", None)
        self._connections.only_read()  # for what a revision does by an engine of its own
        dialect = _printable(context.dialect)

        def printed(revision: Any, way: str) -> tuple[str, str, bool]:
            output = io.StringIO()
            printing = MigrationContext.configure(
                dialect=dialect, environment_context=environment, opts={**options, "output_buffer": output}
            )
            alone = []

            @contextmanager
            def autocommit_block() -> Iterator[None]:
                alone.append(True)
                yield

            printing.autocommit_block = autocommit_block  # type: ignore[method-assign]
            environment._migration_context = printing
            why = ""
            try:
                with Operations.context(printing):
                    getattr(revision.module, way)()
            except Exception as error:
                why = f"its {way}() cannot be printed without the database ({reason(error)})"
            text = output.getvalue().strip()
            return text, why, not alone

        with EnvironmentContext(self._config, self._script, as_sql=True) as environment:
            yield printed

    def _item(
        self,
        version: str,
        printed: Callable[[Any, str], tuple[str, str, bool]] | None = None,
        *,
        up: bool = True,
    ) -> dict[str, Any]:
        revision = self._revisions[version]
        irreversible = _irreversible(revision)
        sql, why, transactional = printed(revision, "upgrade") if printed and up else ("", "", True)
        down = ""
        if printed and not irreversible:
            text, unknown, _transactional = printed(revision, "downgrade")
            down = "" if unknown else text or "-- nothing to do"
        return {
            "version": version,
            "name": _name(revision),
            "docstring": revision.module.__doc__ or "",
            "contract": self._contract[version],
            "parents": self._parents[version],
            "here": True,
            "up": f"{sql}\n-- {why}" if sql and why else sql,
            "down": down,
            "transactional": transactional,
            "unreadable": why,
            "irreversible": irreversible,
            "applied_at": "",
        }


def _stranger(version: str) -> dict[str, Any]:
    return {
        "version": version,
        "name": version,
        "docstring": "",
        "contract": False,
        "here": False,
        "down": "",
        "irreversible": _NOT_HERE,
        "applied_at": "",
    }


def _config(path: str, arguments: Any) -> Any:
    """Alembic's configuration: the file, and the project's pyproject.toml where this Alembic reads that."""
    from alembic.config import Config

    toml = os.path.abspath("pyproject.toml")
    if os.path.exists(toml) and hasattr(Config, "toml_file_name"):
        return Config(path, toml_file=toml, cmd_opts=arguments)
    return Config(path, cmd_opts=arguments)


def _words(value: Any) -> list[str]:
    """Alembic's way to say none, one or several."""
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _name(revision: Any) -> str:
    return Path(revision.path).stem


def _printable(dialect: Any) -> Any:
    """The dialect, still knowing the server's version, with percent signs as they are and not as the driver wants them."""
    plain = copy.copy(dialect)
    plain.paramstyle, plain.positional = "named", False
    plain.identifier_preparer = plain.preparer(plain)
    return plain


def _irreversible(revision: Any) -> str:
    """Why a revision cannot be taken back, as far as its text tells; a merge, which does nothing either way, can."""
    if not hasattr(revision.module, "downgrade"):
        return f"it has no downgrade(). {_FORWARD}"
    if not revision.path.endswith(".py"):
        return ""
    functions = {
        each.name: _body(each)
        for each in ast.parse(Path(revision.path).read_bytes()).body
        if isinstance(each, ast.FunctionDef)
    }
    down = functions.get("downgrade")
    if down is None:
        return ""
    if not down:
        return "" if functions.get("upgrade") == [] else f"its downgrade() does nothing. {_FORWARD}"
    return f"its downgrade() raises an exception. {_FORWARD}" if isinstance(down[0], ast.Raise) else ""


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """What a function does, leaving out what does nothing."""
    return [
        each
        for each in function.body
        if not isinstance(each, ast.Pass)
        and not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    ]


class _Connections:
    """Has each connection of SQLAlchemy keep the timeouts, and ``progress`` see each statement."""

    def __init__(self, progress: Progress) -> None:
        from sqlalchemy import event
        from sqlalchemy.engine import Engine

        self._progress = progress
        self._made: list[tuple[Any, str]] = []
        self._only_read = False
        event.listen(Engine, "connect", self._connected)
        event.listen(Engine, "before_cursor_execute", self._before)
        event.listen(Engine, "after_cursor_execute", self._after)

    def only_read(self) -> None:
        """Have no database changed from now on."""
        self._only_read = True
        for connection, system in self._made:
            with suppress(Exception):  # it may be closed
                connection.rollback()
                _have_only_read(connection, system)

    def _connected(self, connection: Any, _record: Any) -> None:
        kind = type(connection)
        shown = f"{kind.__module__}.{kind.__name__}".lower()
        system = system_of(shown)
        self._made.append((connection, system))
        _limit(connection, system)
        connection.commit()  # else the next rollback would take the settings back
        if self._only_read:
            _have_only_read(connection, system)

    def _before(self, connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        alone = _is_alone(connection)
        self._progress.executing(statement, alone=alone)
        if alone and is_long(statement):
            _limit(connection.connection, connection.dialect.name, long=True)

    def _after(self, connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        self._progress.executed()
        if _is_alone(connection) and is_long(statement):
            _limit(connection.connection, connection.dialect.name)


def _have_only_read(connection: Any, system: str) -> None:
    with closing(connection.cursor()) as cursor:
        only_read(system, cursor.execute)
    connection.commit()


def _limit(connection: Any, system: str, *, long: bool = False) -> None:
    with closing(connection.cursor()) as cursor:
        limit(system, cursor.execute, long=long)


def _is_alone(connection: Any) -> bool:
    """Whether the driver commits each statement by itself."""
    return getattr(connection.connection.dbapi_connection, "autocommit", False) is True
