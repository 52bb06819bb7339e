# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the migration: the schema, and what check mode says of the next one and of the way back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from testinfra.host import Host

NEXT = ("--extra-vars", json.dumps({"db_migrate_archive": "", "db_migrate_folder": "/srv/next"}))


def test_the_schema_is_the_releases_and_belongs_to_the_application(
    columns: Callable[..., list[str]], psql: Callable[..., list[str]]
) -> None:
    assert columns("notes") == ["id", "body", "author"]
    assert psql("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'") == ["shop"]


def test_the_application_can_write_to_it(psql: Callable[..., list[str]]) -> None:
    row = "1, 'written before the rollback', NULL"
    psql(f"SET ROLE shop; INSERT INTO notes VALUES ({row}) ON CONFLICT DO NOTHING")
    assert psql("SELECT body FROM notes") == ["written before the rollback"]


def test_the_database_knows_which_release_brought_what(psql: Callable[..., list[str]]) -> None:
    assert psql("SELECT version, name, phase, release_version FROM strata_migrations ORDER BY version") == [
        "20260105090000|20260105090000_create_notes.sql|expand|2.0",
        "20260302100000|20260302100000_add_note_author.sql|expand|2.0",
    ]


def test_the_lock_is_gone(psql: Callable[..., list[str]]) -> None:
    assert psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == ["0"]


def test_the_driver_is_the_distributions_and_a_check_does_not_install_it(
    on: Callable[[str], Host], play: Callable[..., Any], everything: Callable[[], str]
) -> None:
    host = on("web1")
    assert host.package("python3-psycopg2").is_installed
    host.check_output("apt-get purge --quiet --yes python3-psycopg2")
    before = everything()
    checked = play("converge.yml", "--check")
    assert (checked.code, checked.changed) == (0, 1)
    assert "python3-psycopg2 would be installed on web1 first" in checked.said
    assert not host.package("python3-psycopg2").is_installed
    run = play("converge.yml")
    assert (run.code, run.changed) == (0, 1)
    assert host.package("python3-psycopg2").is_installed
    assert everything() == before


def test_check_mode_shows_the_next_migration_and_changes_nothing(
    play: Callable[..., Any], everything: Callable[[], str]
) -> None:
    before = everything()
    run = play("converge.yml", "--check", "--diff", *NEXT)
    assert (run.code, run.changed) == (0, 1)
    assert "-schema version: 20260302100000 +schema version: 20260401120000" in run.said
    assert "+ALTER TABLE notes ADD COLUMN pinned boolean NOT NULL DEFAULT false;" in run.said
    assert "DROP COLUMN body" not in run.said
    assert everything() == before


def test_check_mode_of_the_rollback_shows_what_is_taken_back_and_changes_nothing(
    play: Callable[..., Any], everything: Callable[[], str]
) -> None:
    before = everything()
    run = play("rollback.yml", "--check", "--diff")
    assert (run.code, run.changed) == (0, 1)
    assert "+ALTER TABLE notes DROP COLUMN author;" in run.said
    assert everything() == before
