# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MariaDB, which takes back no change of the schema: a migration that fails half-way is named, kept, and gone on with."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from testinfra.host import Host

DATABASE = "shop_next"
Sql = Callable[[str], list[str]]


@pytest.fixture
def sql(on: Callable[[str], Host]) -> Sql:
    """``sql("SELECT 1")`` is the rows of the answer of MariaDB's superuser, columns parted by tabs."""

    def ask(query: str) -> list[str]:
        command = shlex.join(["mariadb", "--batch", "--skip-column-names", f"--execute={query}", DATABASE])
        answer: str = on("db1").check_output(command)
        return answer.splitlines()

    return ask


@pytest.fixture
def migrate(play: Callable[..., Any], sql: Sql) -> Callable[..., Any]:
    """``migrate("mariadb", "--check")`` runs the role with that folder, on a database that is empty at first."""
    tables = sql(f"SELECT table_name FROM information_schema.tables WHERE table_schema = '{DATABASE}'")
    for table in tables:
        sql(f"DROP TABLE {table}")

    def run(folder: str, *arguments: str, playbook: str = "converge.yml", **options: Any) -> Any:
        given = {
            "db_migrate_archive": "",
            "db_migrate_folder": f"/srv/{folder}",
            "db_migrate_url": "{{ mariadb_url }}",
            "shop_database": DATABASE,
            **options,
        }
        return play(playbook, *arguments, "--extra-vars", json.dumps(given))

    return run


def columns(sql: Sql) -> list[str]:
    return sql(
        "SELECT column_name FROM information_schema.columns "
        f"WHERE table_schema = '{DATABASE}' AND table_name = 'notes' ORDER BY ordinal_position"
    )


@contextmanager
def another_migrator(on: Callable[[str], Host], sql: Sql) -> Iterator[None]:
    held = f"SELECT GET_LOCK('strata migration {DATABASE}', 0), SLEEP(600)"
    command = shlex.join(["mariadb", f"--execute={held}"])
    on("db1").check_output(f"systemd-run --quiet --collect {command}")
    holder = f"SELECT IS_USED_LOCK('strata migration {DATABASE}')"
    deadline = time.monotonic() + 30
    while sql(holder) == ["NULL"]:
        assert time.monotonic() < deadline, "the session did not get its lock"
        time.sleep(0.1)
    try:
        yield
    finally:
        sql(f"KILL {sql(holder)[0]}")


def test_a_migration_that_fails_half_way_is_gone_on_with_once_it_is_mended(
    on: Callable[[str], Host], migrate: Callable[..., Any], sql: Sql
) -> None:
    first = migrate("mariadb")
    assert first.code == 0, first.said
    assert on("web1").package("python3-pymysql").is_installed
    assert columns(sql) == ["id", "body"]
    assert migrate("mariadb").changed == 0

    failed = migrate("mariadb_failing")
    assert failed.code == 2
    assert "20260302100000_add_note_words.sql failed at statement 2 of 2, on line 3" in failed.said, (
        failed.said
    )
    assert "Not done: statement 2" in failed.said
    assert "Unknown column 'bodi'" in failed.said
    assert columns(sql) == ["id", "body", "words"]

    checked = migrate("mariadb_mended", "--check")
    assert (checked.code, checked.changed) == (0, 1), checked.said
    assert sql("SELECT words FROM notes") == ["NULL"]

    mended = migrate("mariadb_mended")
    assert (mended.code, mended.changed) == (0, 1), mended.said
    assert sql("SELECT words FROM notes") == ["6"]
    assert migrate("mariadb_mended").changed == 0

    refused = migrate("mariadb_mended", playbook="rollback.yml")
    assert refused.code == 2
    assert "db_migrate_allow_data_loss" in refused.said
    assert columns(sql) == ["id", "body", "words"]
    back = migrate("mariadb_mended", playbook="rollback.yml", db_migrate_allow_data_loss=True)
    assert (back.code, back.changed) == (0, 1), back.said
    assert columns(sql) == ["id", "body"]


def test_a_second_migrator_is_told_who_the_first_is(
    on: Callable[[str], Host], migrate: Callable[..., Any], sql: Sql
) -> None:
    with another_migrator(on, sql):
        run = migrate("mariadb")
    assert run.code == 2
    assert "was being migrated by another for 1 s" in run.said
    assert columns(sql) == []


def test_a_wrong_password_is_told_without_it(migrate: Callable[..., Any]) -> None:
    run = migrate("mariadb", db_migrate_url=f"mysql://shop:hunter2@db1/{DATABASE}")
    assert run.code == 2
    assert "Access denied" in run.said
    assert "hunter2" not in run.said
