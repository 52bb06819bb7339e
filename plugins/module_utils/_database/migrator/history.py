# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is applied, as the database itself keeps it.

``schema_migrations(version)`` is dbmate's, so either tool sees what the other did; ``strata_migrations`` holds
beside it what a rollback and the check for changed files need, so that neither asks for an old release's files.
``strata_progress`` has a row for each migration that is under way outside a transaction, or was left there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Applied, Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import order

_VERSIONS = "CREATE TABLE IF NOT EXISTS schema_migrations (version {version_type} PRIMARY KEY)"
_RECORDS = """
    CREATE TABLE IF NOT EXISTS strata_migrations (
        version varchar(128) PRIMARY KEY,
        name varchar(255) NOT NULL,
        checksum varchar(80) NOT NULL,
        phase varchar(8) NOT NULL,
        down_sql {text_type} NOT NULL,
        release_version varchar(255) NOT NULL,
        applied_at varchar(32) NOT NULL
    ){table_options}"""
_PROGRESS = """
    CREATE TABLE IF NOT EXISTS strata_progress (
        version varchar(128) PRIMARY KEY,
        name varchar(255) NOT NULL,
        direction varchar(4) NOT NULL,
        step integer NOT NULL,
        steps integer NOT NULL,
        state varchar(8) NOT NULL,
        statement {text_type} NOT NULL,
        checksum varchar(80) NOT NULL
    ){table_options}"""
_FOREIGN = "it was applied by another tool. Roll it back with that tool."
_NO_DOWN = "its file had no SQL under '-- migrate:down'. Go forward with a new migration."


@dataclass(frozen=True)
class Progress:
    """How far a migration outside a transaction has come.

    Attributes:
        direction: up or down.
        step: the first statement that is not known to be done, counted from 1, of ``steps``.
        state: waiting or failed, so that it is not done, or running, so that a run which ended then does not know.
        checksum: of the statements before it.
    """

    version: str
    name: str
    direction: str
    step: int
    steps: int
    state: str
    statement: str
    checksum: str

    def __str__(self) -> str:
        way = "" if self.direction == "up" else " of the way back"
        if self.step > self.steps:
            return f"all {self.steps} statements{way} are done, and that is not recorded"
        stand = {
            "failed": "failed",
            "running": "was running when its run ended, so that it is not known whether it is done",
            "waiting": "was next when its run ended",
        }[self.state]
        before = self.step - 1
        done = (
            f"statement{'s' if before > 1 else ''} 1{f' to {before}' if before > 1 else ''}"
            if before
            else "nothing"
        )
        return f"{done} of {self.steps}{way} done; statement {self.step} {stand}: {' '.join(self.statement.split())[:200]}"


class History:
    """The tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> tuple[Applied, ...]:
        """Everything applied, and what is unfinished, in the order of versions; nothing is created."""
        records = {}
        if self._database.has_table("strata_migrations"):
            rows = self._database.query(
                "SELECT version, name, checksum, phase, down_sql, release_version, applied_at FROM strata_migrations"
            )
            records = {row[0]: Applied(*row) for row in rows}
        found = {
            version: _judged(records.get(version, Applied(version, version))) for version in self._versions()
        }
        for version, progress in self.progress().items():
            item = found.get(version, Applied(version, progress.name))
            found[version] = replace(item, unfinished=str(progress), backwards=progress.direction == "down")
        return tuple(found[version] for version in sorted(found, key=order))

    def record(self, migration: Migration, release: str) -> None:
        """Within the migration's transaction: it is applied, wholly."""
        version = str(migration.version)
        self.create()
        self.forget(version)  # another tool may have rolled it back since, and left a row
        self._database.query("INSERT INTO schema_migrations (version) VALUES (?)", (version,))
        self._database.query(
            "INSERT INTO strata_migrations "
            "(version, name, checksum, phase, down_sql, release_version, applied_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                version,
                migration.name,
                migration.checksum,
                migration.phase,
                migration.down,
                release,
                datetime.now(timezone.utc).isoformat(timespec="seconds"),
            ),
        )

    def prepare(self) -> None:
        """Before a migration's transaction: make the tables now where the database would end it for that."""
        if not self._database.rolls_back(_VERSIONS):
            self.create()

    def create(self, *, for_steps: bool = False) -> None:
        """Make the tables where they are missing; that of the progress only ``for_steps``."""
        self._create("schema_migrations", _VERSIONS)
        self._create("strata_migrations", _RECORDS)
        if for_steps:
            self._create("strata_progress", _PROGRESS)

    def _create(self, table: str, statement: str) -> None:
        if not self._database.has_table(table):
            self._database.query(statement.format_map(vars(self._database.DIALECT)))

    def accept(self, migration: Migration) -> None:
        """The file of an applied migration is another now, and that is meant."""
        self._database.query(
            "UPDATE strata_migrations SET checksum = ?, down_sql = ? WHERE version = ?",
            (migration.checksum, migration.down, migration.version),
        )

    def forget(self, version: str) -> None:
        """Within the rollback's transaction: it is no longer applied, nothing of it."""
        self._database.query("DELETE FROM schema_migrations WHERE version = ?", (version,))
        self._database.query("DELETE FROM strata_migrations WHERE version = ?", (version,))
        self.complete(version)

    def progress(self) -> dict[str, Progress]:
        """What is unfinished, by version; not what another tool, or someone by hand, has brought to its end."""
        rows = self._progress()
        applied = self._versions() if rows else []
        return {row.version: row for row in rows if (row.direction == "down") == (row.version in applied)}

    def _progress(self) -> list[Progress]:
        if not self._database.has_table("strata_progress"):
            return []
        rows = self._database.query(
            "SELECT version, name, direction, step, steps, state, statement, checksum FROM strata_progress"
        )
        return [Progress(*row) for row in rows]

    def _versions(self) -> list[str]:
        if not self._database.has_table("schema_migrations"):
            return []
        return [str(row[0]) for row in self._database.query("SELECT version FROM schema_migrations")]

    def advance(self, progress: Progress) -> None:
        """Write down how far it is; the table has been made."""
        values = (
            progress.step,
            progress.state,
            progress.statement,
            progress.checksum,
            progress.steps,
            progress.direction,
        )
        if progress.version in [each.version for each in self._progress()]:
            self._database.query(
                "UPDATE strata_progress SET step = ?, state = ?, statement = ?, checksum = ?, steps = ?, direction = ? "
                "WHERE version = ?",
                (*values, progress.version),
            )
        else:
            self._database.query(
                "INSERT INTO strata_progress (step, state, statement, checksum, steps, direction, version, name) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, progress.version, progress.name),
            )

    def complete(self, version: str) -> None:
        """Nothing of it is unfinished any more."""
        if self._database.has_table("strata_progress"):
            self._database.query("DELETE FROM strata_progress WHERE version = ?", (version,))


def _judged(item: Applied) -> Applied:
    if not item.checksum:
        return replace(item, irreversible=_FOREIGN)
    return item if item.down else replace(item, irreversible=_NO_DOWN)
