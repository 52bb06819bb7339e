# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite driver on real files, alone and against other connections."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import (
    Sqlite,
    SqliteDatabase,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator

Migrate = Callable[..., None]


def connect(url: str, *, read_only: bool = False) -> SqliteDatabase:
    return Sqlite.connect(resolve(url, None, {}), read_only=read_only, application="strata migration")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a shop?.db"


@pytest.fixture
def url(path: Path) -> str:
    return f"sqlite://{quote(str(path))}"


@pytest.fixture
def engine(url: str, tmp_path: Path) -> Callable[..., Migrator]:
    """Make an engine for these scripts, each a migration of its own."""

    def make(*scripts: str, **options: Any) -> Migrator:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        for number, sql in enumerate(scripts, 1):
            (folder / f"{number}_x.sql").write_text(f"-- migrate:up\n{sql}\n")
        return Migrator("sql", EngineOptions(**{"url": url, "folder": str(folder), **options}))

    return make


@pytest.fixture
def migrate(engine: Callable[..., Migrator]) -> Callable[..., None]:
    def migrate(*scripts: str, **options: Any) -> None:
        known = {"lock_wait": 5, "lock_timeout": 0.05, "retries": 0}
        engine(*scripts, **known, **options).ensure_latest(phase="expand", check_mode=False)

    return migrate


def versions(path: Path) -> list[str]:
    with sqlite3.connect(path) as connection:
        return [row[0] for row in connection.execute("SELECT version FROM schema_migrations ORDER BY 1")]


def test_a_script_may_have_triggers_strings_and_comments(migrate: Migrate, path: Path) -> None:
    migrate(
        "CREATE TABLE a (x); CREATE TABLE b (x);\n-- a; comment\n"
        "CREATE TRIGGER g AFTER INSERT ON a BEGIN INSERT INTO b VALUES (';'); INSERT INTO b VALUES (2); END;\n"
        "INSERT INTO a VALUES ('one; two') -- no semicolon at the end",
    )
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT x FROM b").fetchall() == [(";",), (2,)]


def test_a_failing_migration_leaves_nothing_and_those_before_it_stay(migrate: Migrate, path: Path) -> None:
    with pytest.raises(StrataError, match=r"migration 2_x\.sql failed, .* no such table: nowhere"):
        migrate("CREATE TABLE a (x);", "CREATE TABLE b (x); INSERT INTO nowhere VALUES (1);")
    assert versions(path) == ["1"]
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name IN ('a', 'b')").fetchall() == [
            ("a",)
        ]


def test_a_second_migrator_gives_up_after_its_wait(engine: Callable[..., Migrator], path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StrataError, match=r"was locked by another process for 0\.05 s"):
            engine("SELECT 1;", lock_wait=0.05).ensure_latest(phase="expand", check_mode=False)
    finally:
        holder.close()


def test_a_reader_that_hinders_the_commit_undoes_the_whole_run(migrate: Migrate, path: Path) -> None:
    migrate("CREATE TABLE a (x);")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM a").fetchall()
    try:
        with pytest.raises(StrataError, match="nothing of this run was kept"):
            migrate("CREATE TABLE a (x);", "CREATE TABLE b (x);")
    finally:
        reader.close()
    assert versions(path) == ["1"]


def test_a_read_only_connection_creates_and_writes_nothing(migrate: Migrate, url: str, path: Path) -> None:
    connect(url, read_only=True).close()
    assert not path.exists()
    migrate("CREATE TABLE a (x);")
    database = connect(url, read_only=True)
    with pytest.raises(StrataError, match="readonly"):
        database.script("INSERT INTO a VALUES (1);")
    database.close()


def test_a_path_may_have_one_slash_too_many(migrate: Migrate, url: str, path: Path) -> None:
    migrate("CREATE TABLE a (x);", url=url.replace("sqlite://", "sqlite:///"))
    assert versions(path) == ["1"]


def test_a_lock_is_told_from_other_errors(url: str, path: Path) -> None:
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    database = connect(url)
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
        connect(url, read_only=True).has_table("schema_migrations")
