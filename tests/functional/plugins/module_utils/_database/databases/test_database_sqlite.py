# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of SQLite by itself, with processes that hold its lock or are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import client, opened
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard

WAIT = 20.0
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setattr(guard, "RUN", tmp_path)
    return resolve(f"sqlite://{tmp_path}/shop.db", None, {})


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    with opened(address, read_only=False) as database:
        yield database


def lock_and_let_go(address: Address) -> None:
    with opened(address, read_only=False) as database, database.lock(0.05, beside_tool=False):
        pass


def hold(address: Address, run: Path, held: Event) -> None:
    guard.RUN = run
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=False):
        database.query("CREATE TABLE a (x)")
        held.set()
        database.query(ENDLESS)


def test_a_killed_migrator_frees_the_lock_and_leaves_nothing(address: Address, tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    worker = spawn.Process(target=hold, args=(address, tmp_path, held))
    worker.start()
    try:
        assert held.wait(WAIT)
        with pytest.raises(StrataError, match=f"by process {worker.pid} since"):
            lock_and_let_go(address)
    finally:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=False):
        assert not database.has_table("a")


def test_the_program_of_sqlite_gets_the_file(database: Database, address: Address) -> None:
    database.script("CREATE TABLE a (x); INSERT INTO a VALUES (1)")
    with client(address) as reach:
        assert dict(reach.environment) == {}
        # Python's own stands in for it: it takes the same arguments.
        command = [
            sys.executable,
            "-c",
            "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute(sys.argv[2]))",
        ]
        done = subprocess.run([*command, *reach.arguments, "SELECT x FROM a"], capture_output=True, text=True)
    assert done.stdout == "(1,)\n"
