# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite driver on real files, alone and against other connections and processes."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration, parse_all
from ansible_collections.strata.deploy.plugins.module_utils._migration.sql import SqlEngine
from ansible_collections.strata.deploy.plugins.module_utils._migration.sqlite import connect

ENDLESS = (
    "INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e15) "
    "SELECT i FROM n WHERE i < 0;"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a shop?.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite://{quote(str(path))}"


def files(*scripts: str) -> tuple[Migration, ...]:
    return parse_all({f"{n}_x.sql": f"-- migrate:up\n{sql}\n".encode() for n, sql in enumerate(scripts, 1)})


def migrate(url: str, *scripts: str) -> None:
    SqlEngine(url, lock_wait=5, lock_timeout=0.05, retries=0).ensure_latest(
        files(*scripts), phase="expand", release="", check_mode=False
    )


def versions(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT version FROM schema_migrations ORDER BY 1")]


def test_a_script_may_have_triggers_strings_and_comments(url: str, path: Path) -> None:
    migrate(
        url,
        "CREATE TABLE a (x); CREATE TABLE b (x);\n-- a; comment\n"
        "CREATE TRIGGER g AFTER INSERT ON a BEGIN INSERT INTO b VALUES (';'); INSERT INTO b VALUES (2); END;\n"
        "INSERT INTO a VALUES ('one; two') -- no semicolon at the end",
    )
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT x FROM b").fetchall() == [(";",), (2,)]


def test_a_failing_migration_leaves_nothing_and_those_before_it_stay(url: str, path: Path) -> None:
    with pytest.raises(StrataError, match=r"migration 2_x\.sql failed, .* no such table: nowhere"):
        migrate(url, "CREATE TABLE a (x);", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);")
    assert versions(path) == ["1"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name IN ('a', 'b')").fetchall() == [
            ("a",)
        ]


def test_a_killed_migration_leaves_nothing_and_the_next_run_applies_it(url: str, path: Path) -> None:
    worker = multiprocessing.get_context("spawn").Process(
        target=SqlEngine(url).ensure_latest,
        args=(files("CREATE TABLE a (x);", f"CREATE TABLE b (x); {ENDLESS}"),),
        kwargs={"phase": "expand", "release": "", "check_mode": False},
    )
    worker.start()
    try:
        deadline = time.monotonic() + 20
        while not is_locked(path):
            assert time.monotonic() < deadline, "the migration never began"
            time.sleep(0.01)
    finally:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    migrate(url, "CREATE TABLE a (x);", "CREATE TABLE b (x);")
    assert versions(path) == ["1", "2"]


def test_a_second_migrator_gives_up_after_its_wait(url: str, path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    engine = SqlEngine(url, lock_wait=0.05)
    try:
        with pytest.raises(StrataError, match=r"was locked by another process for 0\.05 s"):
            engine.ensure_latest(files("SELECT 1;"), phase="expand", release="", check_mode=False)
    finally:
        holder.close()


def test_a_reader_that_hinders_the_commit_undoes_the_whole_run(url: str, path: Path) -> None:
    migrate(url, "CREATE TABLE a (x);")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM a").fetchall()
    try:
        with pytest.raises(StrataError, match="nothing of this run was kept"):
            migrate(url, "CREATE TABLE a (x);", "CREATE TABLE b (x);")
    finally:
        reader.close()
    assert versions(path) == ["1"]


def test_a_read_only_connection_creates_and_writes_nothing(url: str, path: Path) -> None:
    connect(url, True).close()
    assert not path.exists()
    migrate(url, "CREATE TABLE a (x);")
    database = connect(url, True)
    with pytest.raises(StrataError, match="readonly"):
        database.script("INSERT INTO a VALUES (1);")
    database.close()


def test_a_path_may_have_one_slash_too_many(url: str, path: Path) -> None:
    migrate(url.replace("sqlite://", "sqlite:///"), "CREATE TABLE a (x);")
    assert versions(path) == ["1"]


def test_a_lock_is_told_from_other_errors(url: str, path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    database = connect(url, False)
    database.query("PRAGMA busy_timeout = 1")
    try:
        with pytest.raises(LockedError):
            database.query("SELECT * FROM sqlite_master")
    finally:
        database.close()
        holder.close()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://relative.db", "absolute path"),
        ("sqlite:///", "absolute path"),
        ("sqlite:///nowhere/at/all/x.db", "no folder /nowhere/at/all"),
        ("sqlite:///etc", "unable to open database file"),
        ("sqlite:///etc/passwd", "file is not a database"),
    ],
)
def test_a_url_that_cannot_be_opened_is_an_error(url: str, message: str) -> None:
    with pytest.raises(StrataError, match=message):
        connect(url, True).has_table("schema_migrations")


def is_locked(path: Path) -> bool:
    try:
        connection = sqlite3.connect(f"file:{str(path).replace('?', '%3f')}?mode=rw", uri=True, timeout=0)
        try:
            connection.execute("BEGIN IMMEDIATE")
        finally:
            connection.close()
    except sqlite3.OperationalError as error:
        return "locked" in str(error)
    return False
