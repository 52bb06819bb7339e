# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was applied to a database, kept in the database itself.

``schema_migrations(version)`` is dbmate's, so either tool sees what the other did; ``strata_migrations`` holds
beside it what a rollback and the check for changed files need, so that neither asks for an old release's files.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.strata.deploy.plugins.module_utils._migration.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration, order

_VERSIONS = "CREATE TABLE IF NOT EXISTS schema_migrations (version varchar(128) PRIMARY KEY)"
_RECORDS = """
    CREATE TABLE IF NOT EXISTS strata_migrations (
        version varchar(128) PRIMARY KEY,
        name varchar(255) NOT NULL,
        checksum varchar(80) NOT NULL,
        phase varchar(8) NOT NULL,
        down_sql text NOT NULL,
        release_version varchar(255) NOT NULL,
        applied_at varchar(32) NOT NULL
    )"""


@dataclass(frozen=True)
class Applied:
    """An applied migration; with ``checksum`` "" another tool applied it, and only the version is known."""

    version: str
    name: str
    checksum: str = ""
    phase: str = ""
    down: str = ""
    release: str = ""
    applied_at: str = ""


class History:
    """The two tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self) -> tuple[Applied, ...]:
        """Everything applied, in the order of versions; nothing is created."""
        if not self._database.has_table("schema_migrations"):
            return ()
        records = {}
        if self._database.has_table("strata_migrations"):
            rows = self._database.query(
                "SELECT version, name, checksum, phase, down_sql, release_version, applied_at FROM strata_migrations"
            )
            records = {row[0]: Applied(*row) for row in rows}
        versions = [str(row[0]) for row in self._database.query("SELECT version FROM schema_migrations")]
        return tuple(
            records.get(version, Applied(version, version)) for version in sorted(versions, key=order)
        )

    def record(self, migration: Migration, release: str) -> None:
        """Within the migration's transaction: it is applied."""
        self._database.query(_VERSIONS)
        self._database.query(_RECORDS)
        # Another tool may have rolled it back since, and left this row.
        self._database.query("DELETE FROM strata_migrations WHERE version = ?", (migration.version,))
        self._database.query("INSERT INTO schema_migrations (version) VALUES (?)", (migration.version,))
        self._database.query(
            "INSERT INTO strata_migrations "
            "(version, name, checksum, phase, down_sql, release_version, applied_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                migration.version,
                migration.name,
                migration.checksum,
                migration.phase,
                migration.down,
                release,
                datetime.now(timezone.utc).isoformat(timespec="seconds"),
            ),
        )

    def forget(self, version: str) -> None:
        """Within the rollback's transaction: it is no longer applied."""
        self._database.query("DELETE FROM schema_migrations WHERE version = ?", (version,))
        self._database.query("DELETE FROM strata_migrations WHERE version = ?", (version,))
