# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SQLite driver on real files, against a process that is killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator

Migrate = Callable[..., None]
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


def test_a_killed_migration_leaves_nothing_and_the_next_run_applies_it(
    migrate: Migrate, engine: Callable[..., Migrator], path: Path
) -> None:
    worker = multiprocessing.get_context("spawn").Process(
        target=engine("CREATE TABLE a (x);", f"CREATE TABLE b (x); {ENDLESS}").ensure_latest,
        kwargs={"phase": "expand", "check_mode": False},
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
    migrate("CREATE TABLE a (x);", "CREATE TABLE b (x);")
    assert versions(path) == ["1", "2"]


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
