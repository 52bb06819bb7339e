# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration module on SQLite: both states, check mode, diff, refusals."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import http

ONE = "-- migrate:up\nCREATE TABLE orders (id integer);\n-- migrate:down\nDROP TABLE orders;\n"
TWO = "-- migrate:up\nALTER TABLE orders ADD COLUMN invoiced integer;\n-- migrate:down\nALTER TABLE orders DROP COLUMN invoiced;\n"
THREE = "-- strata: phase=contract\n-- migrate:up\nDROP TABLE old;\n"

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "shop.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_orders.sql").write_text(ONE)
    (folder / "2_invoiced.sql").write_text(TWO)
    (folder / "3_old.sql").write_text(THREE)
    return folder


@pytest.fixture
def run(run_module: Run, database: Path) -> Run:
    def run(check: bool = False, **arguments: Any) -> dict[str, Any]:
        return run_module("migration", {"url": f"sqlite://{database}", **arguments}, check=check)

    return run


def rows(database: Path, sql: str) -> list[Any]:
    with sqlite3.connect(database) as connection:
        return connection.execute(sql).fetchall()


def test_pending_expand_migrations_are_applied_once(run: Run, folder: Path, database: Path) -> None:
    first = run(folder=str(folder), release="2.0")
    assert first["changed"] is True
    assert first["applied"] == ["1_orders.sql", "2_invoiced.sql"]
    assert first["pending"] == []
    assert first["version"] == "2"
    assert rows(database, "SELECT version, name, phase, release_version FROM strata_migrations") == [
        ("1", "1_orders.sql", "expand", "2.0"),
        ("2", "2_invoiced.sql", "expand", "2.0"),
    ]
    second = run(folder=str(folder), release="2.0")
    assert second["changed"] is False
    assert second["applied"] == []
    assert second["diff"]["before"] == second["diff"]["after"]


def test_check_mode_plans_and_creates_nothing(run: Run, folder: Path, database: Path) -> None:
    plan = run(folder=str(folder), check=True)
    assert plan["changed"] is True
    assert plan["applied"] == plan["pending"] == ["1_orders.sql", "2_invoiced.sql"]
    assert plan["version"] is None
    assert plan["diff"]["before"] == "schema version: none\n"
    assert "schema version: 2\n" in plan["diff"]["after"]
    assert "CREATE TABLE orders (id integer);" in plan["diff"]["after"]
    assert not database.exists()
    real = run(folder=str(folder))
    assert real["diff"] == plan["diff"]


def test_contract_migrations_are_applied_when_asked_for(run: Run, folder: Path, database: Path) -> None:
    run(folder=str(folder))
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE old (id integer)")
    result = run(folder=str(folder), phase="contract")
    assert result["applied"] == ["3_old.sql"]
    assert result["version"] == "3"


def test_an_archive_is_read_without_unpacking(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / "shop.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("db/1_orders.sql")
        member.size = len(ONE)
        tar.addfile(member, io.BytesIO(ONE.encode()))
    result = run(folder="db", archive=str(archive), checksum="unverified")
    assert result["applied"] == ["1_orders.sql"]
    assert not (tmp_path / "db").exists()


def test_a_rollback_needs_no_files(run: Run, folder: Path, database: Path) -> None:
    run(folder=str(folder))
    for file in folder.iterdir():
        file.unlink()
    plan = run(state="rolled_back", check=True)
    assert plan["rolled_back"] == ["2_invoiced.sql"]
    assert plan["version"] == "2"
    assert rows(database, "SELECT version FROM schema_migrations") == [("1",), ("2",)]
    result = run(state="rolled_back")
    assert result["changed"] is True
    assert result["rolled_back"] == ["2_invoiced.sql"]
    assert result["version"] == "1"
    assert "ALTER TABLE orders DROP COLUMN invoiced;" in result["diff"]["after"]
    assert rows(database, "SELECT version FROM schema_migrations") == [("1",)]
    assert [row[1] for row in rows(database, "PRAGMA table_info(orders)")] == ["id"]


def test_a_rollback_goes_to_a_version_and_then_changes_nothing(
    run: Run, folder: Path, database: Path
) -> None:
    run(folder=str(folder))
    assert run(state="rolled_back", version="0")["rolled_back"] == ["2_invoiced.sql", "1_orders.sql"]
    assert run(state="rolled_back", version="0")["changed"] is False
    assert rows(database, "SELECT name FROM sqlite_master WHERE name = 'orders'") == []


def test_what_was_rolled_back_can_be_applied_again(run: Run, folder: Path) -> None:
    run(folder=str(folder))
    run(state="rolled_back")
    assert run(folder=str(folder))["applied"] == ["2_invoiced.sql"]


def test_a_rollback_is_refused_while_a_running_release_needs_it(
    run: Run, folder: Path, database: Path
) -> None:
    run(folder=str(folder))
    running = [{"host": "web2", "version": "2.0", "migrations": ["1_orders.sql", "2_invoiced.sql"]}]
    result = run(state="rolled_back", running=running)
    assert result["failed"] is True
    assert "2.0 on web2" in result["msg"]
    assert result["running"] == [{"host": "web2", "version": "2.0"}]
    assert rows(database, "SELECT version FROM schema_migrations") == [("1",), ("2",)]


@pytest.mark.parametrize("unknown", [{}, {"migrations": None}])
def test_a_rollback_is_refused_where_a_release_s_migrations_are_not_known(
    run: Run, folder: Path, unknown: dict[str, Any]
) -> None:
    run(folder=str(folder))
    result = run(state="rolled_back", running=[{"host": "web2", "version": "1.0", **unknown}])
    assert result["failed"] is True
    assert "its migrations folder was not found (1.0 on web2)" in result["msg"]


def test_a_rollback_without_a_way_back_is_refused(run: Run, folder: Path, database: Path) -> None:
    (folder / "2_invoiced.sql").write_text(TWO.partition("-- migrate:down")[0])
    run(folder=str(folder))
    result = run(state="rolled_back")
    assert "no SQL under '-- migrate:down'" in result["msg"]
    assert rows(database, "SELECT version FROM schema_migrations") == [("1",), ("2",)]


def test_contract_migrations_are_not_rolled_back(run: Run) -> None:
    assert "what they removed is gone" in run(state="rolled_back", phase="contract")["msg"]


def test_a_destructive_expand_migration_is_refused_before_anything_changes(
    run: Run, folder: Path, database: Path
) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE customers (id integer)")
    (folder / "2_invoiced.sql").write_text("-- migrate:up\nDROP TABLE customers;\n")
    for check in (True, False):
        result = run(folder=str(folder), check=check)
        assert result["findings"] == [{"rule": "drop-table", "name": "2_invoiced.sql", "line": 2}]
    assert rows(database, "SELECT name FROM sqlite_master") == [("customers",)]


def test_a_changed_file_is_refused(run: Run, folder: Path) -> None:
    run(folder=str(folder))
    (folder / "1_orders.sql").write_text(ONE + "-- changed\n")
    result = run(folder=str(folder))
    assert result["drift"] == [{"name": "1_orders.sql", "problem": "changed"}]


def test_what_dbmate_applied_is_not_applied_again(run: Run, folder: Path, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE orders (id integer)")
        connection.execute("CREATE TABLE schema_migrations (version varchar(128) primary key)")
        connection.execute("INSERT INTO schema_migrations VALUES ('1')")
    assert run(folder=str(folder))["applied"] == ["2_invoiced.sql"]
    assert "Roll it back with that tool" in run(state="rolled_back", version="0")["msg"]


def test_what_dbmate_rolled_back_is_applied_again(run: Run, folder: Path, database: Path) -> None:
    run(folder=str(folder), release="1.0")
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE orders DROP COLUMN invoiced")
        connection.execute("DELETE FROM schema_migrations WHERE version = '2'")
    assert run(folder=str(folder), release="2.0")["applied"] == ["2_invoiced.sql"]
    assert rows(database, "SELECT version, release_version FROM strata_migrations ORDER BY 1") == [
        ("1", "1.0"),
        ("2", "2.0"),
    ]


@pytest.mark.parametrize("name", ["migration", "migration_info"])
@pytest.mark.parametrize("secret", ["reader:s3cr3t@", ""])
def test_an_archive_s_url_is_named_without_what_is_secret_in_it(
    run_module: Run, database: Path, monkeypatch: pytest.MonkeyPatch, name: str, secret: str
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(http, "BACKOFF", 0.0)
    monkeypatch.setattr(AnsibleModule, "log", lambda _self, text, **more: logged.append(f"{text} {more}"))
    url = f"http://{secret}127.0.0.1:1/shop.tar.gz" + ("?key=s3cr3t" if secret else "")
    arguments = {"url": f"sqlite://{database}", "folder": "db", "archive": url, "checksum": "unverified"}
    result = run_module(name, arguments)
    assert "Fetching http://127.0.0.1:1/shop.tar.gz: " in result["msg"]
    assert "refused" in result["msg"]
    assert "invocation" in result
    assert any("Invoked with" in line for line in logged)
    assert "s3cr3t" not in f"{result}{logged}"


def test_a_failure_tells_what_was_done_and_what_failed(run: Run, folder: Path) -> None:
    (folder / "2_invoiced.sql").write_text("-- migrate:up\nINSERT INTO nowhere VALUES (1);\n")
    result = run(folder=str(folder))
    assert result["failed"] is True
    assert result["changed"] is True
    assert result["done"] == ["1_orders.sql"]
    assert result["migration"] == "2_invoiced.sql"
    assert "no such table: nowhere" in result["msg"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "folder"),
        ({"folder": "db", "archive": "/tmp/x.tar.gz"}, "checksum"),
        ({"folder": "/nowhere"}, "No such file or directory"),
        ({"state": "rolled_back", "lock_timeout": 0}, "lock_timeout must be 0.001 s or more"),
        ({"state": "rolled_back", "retries": -1}, "must not be negative"),
        ({"state": "rolled_back", "url": "mongodb://me:s3cret@host/db"}, "begins with one of mariadb://, "),
    ],
)
def test_options_that_make_no_sense_are_refused(run: Run, arguments: dict[str, Any], message: str) -> None:
    result = run(**arguments)
    assert result["failed"] is True
    assert message in result["msg"]
    assert "s3cret" not in str(result)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"engine": "command"}, "apply, plan"),
        ({"engine": "command", "options": {"plan": "x"}}, "apply"),
        (
            {
                "engine": "command",
                "options": {"plan": "x", "apply": "x"},
                "path": "shop",
                "lock": "host",
            },
            "must be an absolute one",
        ),
        ({"engine": "command", "options": {"plan": "x", "apply": "x"}}, "with the value host"),
        ({"engine": "sql"}, "url"),
        ({"engine": "sql", "lock": "host"}, "url"),
        ({"engine": "sql", "url": " "}, "db_migrate_url"),
    ],
)
def test_an_engine_says_what_it_needs(run_module: Run, arguments: dict[str, Any], message: str) -> None:
    result = run_module("migration", arguments)
    assert result["failed"] is True
    assert message in result["msg"]
