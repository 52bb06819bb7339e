# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``dbmate``: the files of the release, by its own dbmate.

dbmate applies all that it finds, and takes back the last that it finds. So it is given one file at a time, in a folder
of its own, and its folder in the release is only asked about.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS, dbmate_url
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.release_tool import ReleaseTool
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.history import History
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import (
    after,
    check_rollback,
    compare,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.steps import is_all_or_nothing
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import (
    directives,
    order,
    parse_all,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import UnreadableError

URL = "DATABASE_URL"
_VERBS = {"apply": "Applying", "rollback": "Rolling back"}
_STATUS = re.compile(r"\[([X ])\] (.+)")
_NO_DOWN = "its file has no SQL under '-- migrate:down'. Go forward with a new migration."
_NO_FILE = "its file is not in this release. Take it back by the release that brought it."


class DbmateEngine:
    """The release's own dbmate migrates, with the files of a folder within the release."""

    NAME: ClassVar[str] = "dbmate"
    OPTIONS: ClassVar[Mapping[str, Any]] = {"program": {"type": "str", "default": "dbmate"}}
    TOOL: ClassVar[bool] = True

    def __init__(self, options: EngineOptions) -> None:
        self._options = options
        self._program = str(options.options["program"])

    def validate(self) -> None:
        folder = PurePosixPath(self._options.folder or "/")
        if folder.is_absolute() or ".." in folder.parts:
            raise StrataError(
                "The engine dbmate needs the folder of the migrations within the release, for example db/migrations: set "
                f"folder, in the role db_migrate_folder. It is '{self._options.folder or ''}'."
            )
        if not self._program:
            raise StrataError("The engine dbmate has an empty option 'program'.")
        ReleaseTool(self._options).validate()

    @contextmanager
    def open(self, database: Database | None, held: Sequence[int], verb: str) -> Iterator[Session]:
        # Among the user's variables it is blotted out of what dbmate says.
        options = replace(
            self._options, environment={**self._made(database), **(self._options.environment or {})}
        )
        tool = ReleaseTool(options)
        with tool.opened(database, held):
            yield _DbmateSession(options, tool, self._program, database)

    def _made(self, database: Database | None) -> Mapping[str, str]:
        if database is None or URL in (self._options.environment or {}):
            return {}
        address = resolve(self._options.url, self._options.connection, os.environ)
        dbmate = PROVIDERS[address.system].DBMATE
        if dbmate is None:
            raise StrataError(
                f"dbmate cannot be told how to reach the {address.shown}: set {dbmate_url.OWN}, or use another engine."
            )
        return {URL: dbmate.url(address, database), **dbmate.variables(address)}


class _DbmateSession:
    def __init__(
        self, options: EngineOptions, tool: ReleaseTool, program: str, database: Database | None
    ) -> None:
        self._options = options
        self._tool = tool
        self._program = program
        self._database = database
        self._url = str((options.environment or {}).get(URL, ""))
        self._contents = _read(tool.folder / str(options.folder))
        self._files = parse_all(self._contents)

    def plan(self, phase: str) -> MigrationPlan:
        """The files, and what dbmate says of each."""
        return compare(self._files, self._applied())

    def apply(self, migrations: Sequence[Migration]) -> Iterator[str]:
        for migration in migrations:
            self._run("apply", migration, migration.up)
            yield migration.name

    def rollback_plan(self, version: str | None) -> tuple[Applied, ...]:
        applied = self._applied()
        targets = after(applied, version)
        check_rollback(targets, applied, running=())
        return targets

    def rollback(self, migrations: Sequence[Applied], version: str | None) -> Iterator[str]:
        for applied in migrations:
            settings = directives(f"What takes {applied.name} back", applied.down)
            migration = Migration(
                applied.name,
                transactional=settings.transactional,
                lock_timeout=settings.lock_timeout,
                statement_timeout=settings.statement_timeout,
            )
            self._run("rollback", migration, applied.down)
            yield applied.name

    def accept(self, names: Sequence[str]) -> None:
        """Nothing to do: no checksums are kept."""

    def _applied(self) -> tuple[Applied, ...]:
        done = self._status()
        found = [
            Applied(
                str(file.version),
                file.name,
                phase=file.phase,
                down=file.down,
                irreversible="" if file.down else _NO_DOWN,
            )
            for file in self._files
            if file.name in done
        ]
        if self._database:
            # dbmate says nothing of those whose files it does not find.
            versions = {file.version for file in self._files}
            recorded = History(self._database).read()
            found += [
                replace(item, irreversible=_NO_FILE) for item in recorded if item.version not in versions
            ]
        return tuple(sorted(found, key=lambda item: order(item.version)))

    def _status(self) -> set[str]:
        """The names of the files that are applied."""
        if is_absent(self._url, self._tool.folder):
            return set()
        printed = self._dbmate("plan", "status", str(self._options.folder), {})
        found = [matched.groups() for matched in map(_STATUS.fullmatch, printed.splitlines()) if matched]
        unknown = self._contents.keys() - {name for _mark, name in found}
        if unknown:
            raise StrataError(
                f"The release's dbmate, asked for its status, says nothing of {min(unknown)} in {self._options.folder}. It printed:\n"
                f"  {printed.strip()[:750]}"
            )
        return {name for mark, name in found if mark == "X"}

    def _run(self, verb: str, migration: Migration, sql: str) -> None:
        """Have dbmate apply one file, or take it back.

        Raises:
            LockedError: as of `ReleaseTool.run`, where nothing of it is left.
            StrataError: it failed.
        """
        database = self._database
        try:
            steps = statements(sql, database.DIALECT if database else UNKNOWN)
        except UnreadableError as error:
            raise StrataError(
                f"{_VERBS[verb]} migration {migration.name} failed, and nothing of it was done. {error}",
                migration=migration.name,
            ) from error
        whole = database is not None and migration.transactional and database.rolls_back(sql)
        limits = self._limits(migration, any("CONCURRENTLY" in step.words for step in steps))
        try:
            if not whole:
                self._settle(steps, limits)
            with self._alone(migration.name) as folder:
                self._dbmate(verb, {"apply": "migrate"}.get(verb, verb), folder, self._facts(limits))
        except StrataError as error:
            if not whole:
                with suppress(StrataError):  # the next try settles it
                    self._settle(steps, limits)
            kind, kept = type(error), "nothing of it was kept"
            if not whole and (len(steps) > 1 or not all(map(is_all_or_nothing, steps))):
                # Begun again, it would run into what it has done.
                kind, kept = (
                    StrataError,
                    "what it did before that may stay, as dbmate takes no such thing back: look, and undo it",
                )
            raise kind(
                f"{_VERBS[verb]} migration {migration.name} failed, and {kept}. {error}",
                **{**error.details, "migration": migration.name},
            ) from error

    def _settle(self, steps: Sequence[Statement], limits: Timeouts) -> None:
        """Drop what a failed or killed run has left unusable."""
        if self._database:
            with self._database.limited(limits):
                for step in steps:
                    self._database.settle(step.text)

    def _limits(self, migration: Migration, concurrently: bool) -> Timeouts:
        usual = Timeouts(self._options.lock_timeout, self._options.statement_timeout)
        if concurrently:  # it waits for others' transactions to end, and holds nobody up meanwhile
            usual = Timeouts(0, 0)
        lock, statement = migration.lock_timeout, migration.statement_timeout
        return Timeouts(
            usual.lock if lock is None else lock, usual.statement if statement is None else statement
        )

    def _facts(self, limits: Timeouts) -> Mapping[str, str]:
        return {URL: limited(self._url, limits, self._database)} if self._url else {}

    @contextmanager
    def _alone(self, name: str) -> Iterator[str]:
        """A folder with that one file, which the user who runs dbmate may read."""
        with tempfile.TemporaryDirectory(prefix="strata-dbmate-") as folder:
            file = Path(folder) / name
            file.write_bytes(self._contents[name])
            if self._tool.group is not None:
                for path, mode in ((file, 0o640), (Path(folder), 0o750)):
                    os.chown(path, -1, self._tool.group)
                    path.chmod(mode)
            yield folder

    def _dbmate(self, what: str, verb: str, folder: str, facts: Mapping[str, str]) -> str:
        command = (self._program, "--migrations-dir", folder, "--no-dump-schema", verb)
        return self._tool.run(what, command, facts)


def _read(folder: Path) -> dict[str, bytes]:
    try:
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".sql"}
    except OSError as error:
        raise StrataError(
            f"Reading the migrations of the release in {folder} failed: {error.strerror}. They are where folder says, "
            "in the role db_migrate_folder."
        ) from error


def limited(url: str, timeouts: Timeouts, database: Database | None) -> str:
    """``url`` with parameters that keep the timeouts, save those that it has itself.

    Args:
        database: Strata's own connection, where there is one.
    """
    system = _system_of(url)
    return dbmate_url.with_parameters(url, system.limits(timeouts, database)) if system else url


def is_absent(url: str, folder: Path) -> bool:
    """Whether it is a file that does not exist: dbmate would make it to look into.

    Args:
        folder: where dbmate is run.
    """
    system = _system_of(url)
    file = system.file(url, folder) if system else None
    return file is not None and not file.exists()


def _system_of(url: str) -> dbmate_url.Dbmate | None:
    """How dbmate reaches the database system of its URL; None where Strata does not know the system."""
    scheme = url.partition(":")[0]
    return next((each.DBMATE for each in PROVIDERS.values() if scheme in each.SCHEMES), None)
