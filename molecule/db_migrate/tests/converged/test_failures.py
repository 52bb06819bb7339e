# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator is told, and what the database is, when a migration cannot be done."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from testinfra.host import Host

PASSWORD = "an+odd@password/"


def extra(**options: Any) -> tuple[str, str]:
    return "--extra-vars", json.dumps(options)


@contextmanager
def session(on: Callable[[str], Host], psql: Callable[..., list[str]], sql: str, lock: str) -> Iterator[None]:
    """A session of somebody else's that has done ``sql`` and has not ended; ``lock`` finds the lock that it then has."""
    command = shlex.join(["psql", "--no-psqlrc", f"--command={sql}; SELECT pg_sleep(600)", "shop"])
    unit = "--quiet --collect --uid=postgres --setenv=PGAPPNAME=somebody"
    on("db1").check_output(f"systemd-run {unit} {command}")
    try:
        deadline = time.monotonic() + 30
        while psql(f"SELECT count(*) FROM pg_locks WHERE granted AND {lock}") == ["0"]:
            assert time.monotonic() < deadline, "the session did not get its lock"
        yield
    finally:
        # Of a client that goes the server learns only at the end of the statement.
        psql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'somebody'"
        )


def test_a_failing_migration_leaves_nothing_half_done(
    play: Callable[..., Any], everything: Callable[[], str], psql: Callable[..., list[str]]
) -> None:
    before = everything()
    run = play("converge.yml", *extra(db_migrate_archive="", db_migrate_folder="/srv/failing"))
    assert run.code == 2
    assert "Applying migration 20260401120000_count_words.sql failed, and nothing of it was kept." in run.said
    assert 'column "bodi" does not exist' in run.said
    assert PASSWORD not in run.said
    assert everything() == before
    assert psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == ["0"]


def test_a_second_migrator_is_told_who_the_first_is(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    psql: Callable[..., list[str]],
    everything: Callable[[], str],
) -> None:
    before = everything()
    # The key is the one that every migrator of this database takes.
    with session(on, psql, f"SELECT pg_advisory_lock({0x53747261}, {0x4D696772})", "locktype = 'advisory'"):
        run = play("converge.yml", *extra(db_migrate_archive="", db_migrate_folder="/srv/next"))
    assert run.code == 2
    assert (
        "was being migrated by another for 1 s: 'somebody' of user postgres from a local socket" in run.said
    )
    assert everything() == before


def test_a_migration_gives_way_to_a_long_transaction_of_the_application(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    psql: Callable[..., list[str]],
    everything: Callable[[], str],
) -> None:
    before = everything()
    with session(on, psql, "BEGIN; SELECT FROM notes", "relation = 'notes'::regclass"):
        run = play("converge.yml", *extra(db_migrate_archive="", db_migrate_folder="/srv/next"))
    assert run.code == 2
    assert "Tried 2 times with a lock timeout of 0.2 s" in run.said
    assert everything() == before


def test_a_rollback_is_refused_while_a_host_runs_what_needs_the_schema(
    play: Callable[..., Any], everything: Callable[[], str]
) -> None:
    before = everything()
    running = {"host": "web1", "version": "2.0", "migrations": ["20260302100000_add_note_author.sql"]}
    run = play("rollback.yml", *extra(db_migrate_running=[running]))
    assert run.code == 2
    assert "a running release needs it (2.0 on web1). Roll the artifact layer back first." in run.said
    assert everything() == before


def test_a_wrong_password_is_told_without_it(play: Callable[..., Any]) -> None:
    run = play("converge.yml", *extra(db_migrate_url="postgresql://shop:hunter2@db1:5432/shop"))
    assert run.code == 2
    assert 'password authentication failed for user "shop"' in run.said
    assert "hunter2" not in run.said
