# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sql engine on a real PostgreSQL server: locks, kills, failures, secrets."""

from __future__ import annotations

import concurrent.futures
import importlib
import json
import multiprocessing
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import (
    driver_import,
    postgresql,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import attempts
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import MigrationOutcome

PASSWORD = "s3cr3t:p@ss/w?rd#%"
ENCODED = "s3cr3t%3Ap%40ss%2Fw%3Frd%23%25"
WAIT = 20.0

Engine = Callable[..., Migrator]
Migrate = Callable[..., MigrationOutcome]
Run = Callable[..., dict[str, Any]]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


def connect(url: str, *, read_only: bool = False) -> postgresql.PostgresqlDatabase:
    return postgresql.Postgresql.connect(
        resolve(url, None, {}), read_only=read_only, application="strata migration"
    )


@pytest.fixture(params=["psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either driver, the other one being absent."""
    real = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name in ("psycopg", "psycopg2") and name != request.param:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(driver_import.importlib, "import_module", import_module)
    return str(request.param)


@pytest.fixture
def other(url: str) -> Iterator[postgresql.PostgresqlDatabase]:
    """A session of someone else, with the table ``gate``."""
    database = connect(url)
    database.script("CREATE TABLE gate (id int)")
    yield database
    database.close()


@pytest.fixture
def engine(url: str, tmp_path: Path) -> Engine:
    """Make an engine for these scripts, each a migration of its own."""

    def make(*scripts: str, down: str = "", **options: Any) -> Migrator:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for number, sql in enumerate(scripts, 1):
            (folder / f"{number}_x.sql").write_text(f"-- migrate:up\n{sql}\n-- migrate:down\n{down}\n")
        known = {"url": url, "folder": str(folder), "release": "2.0"}
        return Migrator("sql", EngineOptions(**{**known, **options}))

    return make


@pytest.fixture
def migrate(engine: Engine) -> Migrate:
    def migrate(*scripts: str, **options: Any) -> MigrationOutcome:
        return engine(*scripts, **options).ensure_latest(phase="expand", check_mode=False)

    return migrate


def column(database: postgresql.PostgresqlDatabase, sql: str) -> list[Any]:
    return [row[0] for row in database.query(sql)]


def versions(database: postgresql.PostgresqlDatabase) -> list[str]:
    return column(database, "SELECT version FROM schema_migrations ORDER BY 1")


def tables(database: postgresql.PostgresqlDatabase) -> list[str]:
    return column(database, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")


def waits_for_the_gate(database: postgresql.PostgresqlDatabase) -> bool:
    return bool(
        column(database, "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass")
    )


@pytest.mark.usefixtures("driver")
def test_migrations_are_applied_recorded_and_rolled_back_without_their_files(
    engine: Engine, other: postgresql.PostgresqlDatabase
) -> None:
    both = engine("CREATE TABLE a (x text DEFAULT '100%s?');", "-- nothing\n", down="DROP TABLE IF EXISTS a;")
    outcome = both.ensure_latest(phase="expand", check_mode=False)
    assert outcome.applied == ("1_x.sql", "2_x.sql")
    assert versions(other) == ["1", "2"]
    assert not both.ensure_latest(phase="expand", check_mode=False).changed
    assert [item.release for item in both.status().applied or ()] == ["2.0", "2.0"]

    back = both.ensure_rolled_back(phase="expand", version="0", running=(), check_mode=False)
    assert back.rolled_back == ("2_x.sql", "1_x.sql")
    assert versions(other) == []
    assert "a" not in tables(other)


@pytest.mark.parametrize(
    "script",
    [
        "CREATE SCHEMA app; SET search_path = app;",
        "CREATE SCHEMA app; SET LOCAL search_path = app;",
        "SELECT pg_catalog.set_config('search_path', '', false);",  # as pg_dump writes it
        "SET ROLE pg_monitor;",
        "SET SESSION AUTHORIZATION pg_monitor;",
    ],
)
@pytest.mark.usefixtures("driver")
def test_what_a_script_sets_ends_with_it(
    engine: Engine, other: postgresql.PostgresqlDatabase, script: str
) -> None:
    both = engine(script, "CREATE TABLE b (x int);", down=script.replace("CREATE SCHEMA app;", ""))
    assert len(both.ensure_latest(phase="expand", check_mode=False).applied) == 2
    assert not both.ensure_latest(phase="expand", check_mode=False).changed
    assert tables(other) == ["b", "gate", "schema_migrations", "strata_migrations"]
    both.ensure_rolled_back(phase="expand", version="0", running=(), check_mode=False)
    assert versions(other) == []


@pytest.mark.usefixtures("driver")
def test_search_path_and_role_of_the_url_are_those_that_are_put_back(
    migrate: Migrate, url: str, other: postgresql.PostgresqlDatabase
) -> None:
    other.script("CREATE SCHEMA app AUTHORIZATION pg_monitor")
    options = "options=-csearch_path%3Dapp%20-crole%3Dpg_monitor"
    migrate("SET search_path = public; SET ROLE none;", "CREATE TABLE b (x int);", url=f"{url}?{options}")
    assert tables(other) == ["gate"]
    assert other.query(
        "SELECT tablename::text, tableowner::text FROM pg_tables WHERE schemaname = 'app' ORDER BY 1"
    ) == [("b", "pg_monitor"), ("schema_migrations", "pg_monitor"), ("strata_migrations", "pg_monitor")]


@pytest.mark.usefixtures("driver")
def test_check_mode_creates_nothing(engine: Engine, other: postgresql.PostgresqlDatabase) -> None:
    one = engine("CREATE TABLE a (x int);")
    outcome = one.ensure_latest(phase="expand", check_mode=True)
    assert outcome.pending == ("1_x.sql",)
    assert one.status().version is None
    assert tables(other) == ["gate"]


@pytest.mark.usefixtures("driver")
def test_a_migration_that_gives_the_lock_away_ends_the_run(
    migrate: Migrate, other: postgresql.PostgresqlDatabase
) -> None:
    with pytest.raises(StrataError, match=r"migrators' lock was lost .* Done before it in this run: 1_x.sql"):
        migrate("SELECT pg_advisory_unlock_all();", "CREATE TABLE b (x int);")
    assert versions(other) == ["1"]


def test_a_character_that_the_session_cannot_say_is_an_error_and_no_traceback(url: str) -> None:
    database = connect(url)
    database.query("SET client_encoding = LATIN1")
    with pytest.raises(StrataError, match="PostgreSQL database"):
        database.script("SELECT '\u2192'")
    database.close()


@pytest.mark.usefixtures("driver")
def test_a_read_only_session_cannot_write(url: str) -> None:
    database = connect(url, read_only=True)
    with pytest.raises(StrataError, match="read-only transaction"):
        database.script("CREATE TABLE a (x int)")
    database.close()


@pytest.mark.usefixtures("driver")
def test_a_failing_migration_leaves_nothing_and_those_before_it_stay(
    migrate: Migrate, other: postgresql.PostgresqlDatabase
) -> None:
    with pytest.raises(
        StrataError, match=r'migration 2_x\.sql failed.* relation "nowhere" does not exist'
    ) as caught:
        migrate("CREATE TABLE a (x int);", "CREATE TABLE b (x int); SELECT 1 FROM nowhere;", "SELECT 3;")
    assert caught.value.details == {"changed": True, "migration": "2_x.sql", "done": ["1_x.sql"]}
    assert versions(other) == ["1"]
    assert tables(other) == ["a", "gate", "schema_migrations", "strata_migrations"]
    assert migrate("CREATE TABLE a (x int);", "SELECT 2;", "SELECT 3;").applied == ("2_x.sql", "3_x.sql")


def test_a_constraint_that_fails_at_commit_leaves_nothing(
    migrate: Migrate, other: postgresql.PostgresqlDatabase
) -> None:
    with pytest.raises(StrataError, match="violates foreign key"):
        migrate(
            "CREATE TABLE a (id int PRIMARY KEY, up int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
            "INSERT INTO a VALUES (1, 2);",
        )
    assert tables(other) == ["gate"]


def test_of_two_migrators_one_waits_and_finds_nothing_to_do(
    engine: Engine, url: str, other: postgresql.PostgresqlDatabase
) -> None:
    scripts = ("ALTER TABLE gate ADD d int; CREATE TABLE a (x int);", "CREATE TABLE b (x int);")
    work = engine(*scripts, lock_wait=WAIT, lock_timeout=WAIT).ensure_latest
    other.script("BEGIN; LOCK TABLE gate")
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=spawn) as pool:
        runs = [pool.submit(work, phase="expand", check_mode=False) for _ in range(2)]
        try:
            until(lambda: waits_for_the_gate(other), "one migrates")
            until(lambda: second_asks_for_the_lock(url), "the other waits")
            assert not any(run.done() for run in runs)
        finally:
            other.script("COMMIT")
        outcomes = [run.result(timeout=WAIT) for run in runs]
    assert sorted(outcome.applied for outcome in outcomes) == [(), ("1_x.sql", "2_x.sql")]
    assert versions(other) == ["1", "2"]


def second_asks_for_the_lock(url: str) -> bool:
    # A session of its own, for within a transaction pg_stat_activity stays as it was first read.
    watcher = connect(url, read_only=True)
    try:
        return bool(
            column(
                watcher,
                "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND query LIKE '%pg_try_advisory_lock%' "
                "AND datname = current_database()",
            )
        )
    finally:
        watcher.close()


@pytest.mark.usefixtures("driver")
def test_a_migrator_that_waited_in_vain_says_who_works(
    migrate: Migrate, other: postgresql.PostgresqlDatabase
) -> None:
    with other.lock(0, beside_tool=False), pytest.raises(StrataError) as caught:
        migrate("SELECT 1;", lock_wait=0.05)
    assert "was being migrated by another for 0.05 s: 'strata migration' of user shop from 127.0.0.1" in str(
        caught.value
    )
    assert migrate("SELECT 1;").changed


@pytest.mark.usefixtures("driver")
def test_a_held_table_makes_it_try_again_until_it_gives_up(
    migrate: Migrate, other: postgresql.PostgresqlDatabase
) -> None:
    other.script("BEGIN; LOCK TABLE gate")
    with pytest.raises(StrataError, match=r"Tried 3 times with a lock timeout of 0\.02 s"):
        migrate("CREATE TABLE a (x int); ALTER TABLE gate ADD c int;", lock_timeout=0.02, retries=2)
    assert tables(other) == ["gate"]
    other.script("COMMIT")


def test_a_held_table_that_is_freed_lets_a_later_try_succeed(
    migrate: Migrate, other: postgresql.PostgresqlDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    other.script("BEGIN; LOCK TABLE gate")
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            other.script("COMMIT")

    # Not time.sleep itself, by which the wait for a process is made, too.
    monkeypatch.setattr(attempts, "time", SimpleNamespace(sleep=pause))
    outcome = migrate("CREATE TABLE a (x int); ALTER TABLE gate ADD c int;", lock_timeout=0.02)
    assert outcome.applied == ("1_x.sql",)
    assert len(pauses) == 2
    assert all(0.02 <= pause <= 0.04 for pause in pauses)
    assert versions(other) == ["1"]


def test_a_killed_migrator_leaves_nothing_and_the_next_run_applies_it(
    migrate: Migrate, engine: Engine, other: postgresql.PostgresqlDatabase
) -> None:
    scripts = ("CREATE TABLE a (x int);", "CREATE TABLE b (x int); ALTER TABLE gate ADD d int;")
    other.script("BEGIN; LOCK TABLE gate")
    worker = multiprocessing.get_context("spawn").Process(
        target=engine(*scripts, lock_timeout=3 * WAIT).ensure_latest,
        kwargs={"phase": "expand", "check_mode": False},
    )
    worker.start()
    try:
        until(lambda: waits_for_the_gate(other), "it migrates")
    finally:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    until(lambda: not waits_for_the_gate(other), "the server notices, with the gate still closed")
    assert versions(other) == ["1"]
    other.script("COMMIT")
    assert migrate(*scripts).applied == ("2_x.sql",)
    assert versions(other) == ["1", "2"]


@pytest.mark.parametrize("form", ["postgresql://", "postgres://"])
@pytest.mark.usefixtures("driver")
def test_no_answer_of_the_module_has_the_password(
    run_module: Run, url: str, tmp_path: Path, form: str
) -> None:
    (tmp_path / "1_a.sql").write_text(
        "-- migrate:up\nCREATE TABLE a (x int);\n-- migrate:down\nDROP TABLE a;\n"
    )
    (tmp_path / "2_b.sql").write_text("-- migrate:up\nSELECT 1 FROM nowhere;\n")
    arguments = {"url": url.replace("postgresql://", form), "folder": str(tmp_path)}
    answers = [
        run_module("migration", arguments, check=True),
        run_module("migration", arguments),
        run_module("migration_info", arguments),
        run_module("migration", {**arguments, "state": "rolled_back"}),
    ]
    assert [answer["failed"] for answer in answers] == [False, True, False, False]
    assert_no_secret(answers)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("s3cr3t", "s3cr3t-wrong"), "password authentication failed"),
        (("/test", "/absent"), "does not exist"),
        (("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
        ((ENCODED, PASSWORD), "not of the form"),
        ((ENCODED, "s3cr3t%zz"), "not of the form"),
        ((ENCODED, "s3cr3t%00"), "not of the form"),
        ((ENCODED, "s3cr3t@s3cr3t"), "not of the form"),
        ((ENCODED, "s3cr3t/s3cr3t"), "not of the form"),
        ((ENCODED, "s3cr3t?s3cr3t"), "not of the form"),
        ((ENCODED, "s3cr3t#s3cr3t"), "not of the form"),
        ((ENCODED, "s3cr3t s3cr3t"), "not of the form"),
        (("postgresql://", "postgresql:/"), "begins with one of"),
        (("postgresql://", "oracle://"), "begins with one of"),
        (("/test", "/absent?password=s3cr3t&sslmode=s3cr3t&application_name="), "***"),
    ],
)
@pytest.mark.usefixtures("driver")
def test_a_failed_connection_is_told_without_the_password(
    run_module: Run, url: str, change: tuple[str, str], message: str
) -> None:
    for name in ("migration_info", "migration"):
        arguments: dict[str, Any] = {"url": url.replace(*change)}
        if name == "migration":
            arguments["state"] = "rolled_back"
        answer = run_module(name, arguments)
        assert answer["failed"] is True
        assert message in answer["msg"]
        assert_no_secret(answer)


def test_a_server_that_does_not_answer_is_named(run_module: Run, free_port: int) -> None:
    url = f"postgresql://shop:{ENCODED}@127.0.0.1:{free_port}/shop"
    answer = run_module("migration_info", {"url": url})
    assert answer["msg"].startswith("Connecting to PostgreSQL database 'shop' on 127.0.0.1:")
    assert "refused" in answer["msg"]
    assert_no_secret(answer)


@pytest.mark.parametrize(
    ("prefix", "executable", "message", "details"),
    [
        ("/usr", "/usr/bin/python3", "Install python3-psycopg2", {"driver": "python3-psycopg2"}),
        ("/srv/venv", "/usr/bin/python3", "would not serve it: install 'psycopg", {}),
        ("/usr", "/usr/bin/python3.99", "would not serve it: install 'psycopg", {}),
    ],
)
def test_without_a_driver_it_says_what_to_install_for_which_python(
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    prefix: str,
    executable: str,
    message: str,
    details: dict[str, str],
) -> None:
    def import_module(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(driver_import.importlib, "import_module", import_module)
    monkeypatch.setattr(driver_import.sys, "prefix", prefix)
    monkeypatch.setattr(driver_import.sys, "executable", executable)
    with pytest.raises(StrataError, match=message) as caught:
        connect(url, read_only=True)
    assert caught.value.details == details
    assert executable in str(caught.value)


def assert_no_secret(answer: object) -> None:
    text = json.dumps(answer)
    for secret in ("s3cr3t", PASSWORD, ENCODED):
        assert secret not in text
