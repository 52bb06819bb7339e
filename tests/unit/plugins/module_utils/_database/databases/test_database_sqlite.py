# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of SQLite by itself: who holds its lock, what runs outside its transaction, time limits, rows."""

from __future__ import annotations

import http.server
import os
import sqlite3
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    LockedError,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator

WAIT = 20.0
SHORT = Timeouts(0.05, 0)
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n WHERE i < 0"


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setattr(guard, "RUN", tmp_path)
    return resolve(f"sqlite://{tmp_path}/shop.db", None, {})


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    with opened(address, read_only=False) as database:
        yield database


def written(address: Address) -> list[int]:
    """What others see of the table a."""
    with sqlite3.connect(address.database, timeout=0) as connection:
        return [row[0] for row in connection.execute("SELECT x FROM a")]


def lock_and_let_go(address: Address) -> None:
    with opened(address, read_only=False) as database, database.lock(0.05, beside_tool=False):
        pass


@pytest.mark.parametrize("beside_tool", [False, True])
def test_of_two_migrators_one_is_told_who_the_other_is(address: Address, beside_tool: bool) -> None:
    with opened(address, read_only=False, application="strata migration 2.0") as database:
        with database.lock(0, beside_tool=beside_tool), pytest.raises(StrataError) as caught:
            lock_and_let_go(address)
        assert f"strata migration 2.0, by process {os.getpid()} since " in str(caught.value)
        lock_and_let_go(address)


def test_a_link_to_the_file_is_the_same_database(address: Address, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(address.database)
    link = resolve(f"sqlite://{tmp_path}/link.db", None, {})
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=True):  # noqa: SIM117
        with pytest.raises(StrataError, match="Another migration has been at work"):
            lock_and_let_go(link)


def test_a_tool_may_write_beside_the_one_that_holds_the_lock(database: Database, address: Address) -> None:
    with database.lock(0, beside_tool=True):
        with sqlite3.connect(address.database, timeout=0) as tool:
            tool.execute("CREATE TABLE a (x)")
        with database.transaction(SHORT):
            database.query("INSERT INTO a VALUES (1)")
        assert written(address) == [1]


def test_who_writes_and_is_no_migration_is_waited_for_and_told_apart(address: Address) -> None:
    writer = sqlite3.connect(address.database, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(StrataError, match=r"locked by another process for 0\.05 s, and by no migration"):
            lock_and_let_go(address)
    finally:
        writer.close()
    lock_and_let_go(address)


def test_the_application_writes_while_the_archive_is_fetched(
    database: Database, address: Address, tmp_path: Path
) -> None:
    archive = tmp_path / "shop.tar.gz"
    (tmp_path / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE a (x int);\n")
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(tmp_path / "1_a.sql", "db/1_a.sql")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with sqlite3.connect(address.database, timeout=0) as application:
                application.execute("CREATE TABLE written (x int)")
            application.close()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(archive.read_bytes())

        def log_message(self, *_arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            url = f"http://127.0.0.1:{httpd.server_port}/shop.tar.gz"
            options = EngineOptions(
                url=f"sqlite://{address.database}", folder="db", archive=url, checksum="unverified"
            )
            Migrator("sql", options).ensure_latest(phase="expand", check_mode=False)
        finally:
            httpd.shutdown()
            thread.join()
    assert database.has_table("a")
    assert database.has_table("written")


def test_what_sqlite_refuses_in_a_transaction_is_done_outside_the_lock_s(
    database: Database, address: Address
) -> None:
    with database.lock(0, beside_tool=False):
        with database.transaction(SHORT):
            database.script("CREATE TABLE a (x); INSERT INTO a VALUES (1)")
        with database.limited(SHORT):
            database.script("PRAGMA foreign_keys = ON; VACUUM; INSERT INTO a VALUES (2);")
            assert database.query("PRAGMA foreign_keys") == [(1,)]
            assert written(address) == [1, 2]
            with pytest.raises(StrataError, match="Another migration has been at work"):
                lock_and_let_go(address)
        with database.transaction(SHORT):
            database.query("INSERT INTO a VALUES (3)")
        assert written(address) == [1, 2]  # the transaction of the lock goes on
    assert written(address) == [1, 2, 3]


def test_what_fails_outside_the_lock_s_transaction_says_no_more_than_it_knows(
    database: Database, address: Address
) -> None:
    with pytest.raises(StrataError, match=r"nowhere$"):
        fail_outside(database)
    assert written(address) == [1, 2]


def fail_outside(database: Database) -> None:
    with database.lock(0, beside_tool=False):
        with database.transaction(SHORT):
            database.script("CREATE TABLE a (x); INSERT INTO a VALUES (1)")
        with database.limited(SHORT):
            database.script("INSERT INTO a VALUES (2); INSERT INTO nowhere VALUES (1)")


def test_a_writer_that_comes_in_between_is_no_end(database: Database, address: Address) -> None:
    writer = sqlite3.connect(address.database, isolation_level=None)
    try:
        with database.lock(0, beside_tool=False):
            database.query("CREATE TABLE a (x)")
            with database.limited(SHORT):
                writer.execute("BEGIN IMMEDIATE")
            writer.execute("INSERT INTO a VALUES (1)")
            with pytest.raises(LockedError), database.transaction(SHORT):
                database.query("INSERT INTO a VALUES (2)")
            writer.execute("COMMIT")
            with database.transaction(SHORT):
                database.query("INSERT INTO a VALUES (3)")
            assert written(address) == [1, 3]
    finally:
        writer.close()


def test_a_reader_that_hinders_the_commit_is_told_with_what_was_kept(
    database: Database, address: Address
) -> None:
    reader = sqlite3.connect(address.database, isolation_level=None)
    with pytest.raises(StrataError, match="committing failed, and of this run what was done up to its last"):
        migrate_under_a_reader(database, reader)
    reader.close()
    assert written(address) == [1]


def migrate_under_a_reader(database: Database, reader: sqlite3.Connection) -> None:
    with database.lock(0.05, beside_tool=False):
        with database.limited(SHORT):
            database.script("CREATE TABLE a (x); INSERT INTO a VALUES (1)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM a").fetchall()
        with database.transaction(SHORT):
            database.query("INSERT INTO a VALUES (2)")


@pytest.mark.parametrize("scope", ["transaction", "limited"])
def test_a_statement_that_takes_too_long_is_ended_and_says_which_option_did_so(
    database: Database, scope: str
) -> None:
    began = time.monotonic()
    limit = getattr(database, scope)(Timeouts(1, 0.05))
    with pytest.raises(StrataError, match="statement_timeout is the option that limits it") as caught, limit:
        database.query(ENDLESS)
    assert time.monotonic() - began < WAIT / 2
    assert not isinstance(caught.value, LockedError)
    assert database.query("SELECT 1") == [(1,)]


def test_a_lock_timeout_of_0_waits_for_as_long_as_it_takes(database: Database) -> None:
    with database.limited(Timeouts(0, 0)):
        assert database.query("PRAGMA busy_timeout") == [(2147483647,)]


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("a", None, True),
        ("MAIN.A", "Y", True),
        ('"a"', '"y"', True),
        ("[a]", "`z`", False),
        ("a", "absent", False),
        ("a", '"absent"', False),
        ("empty", None, False),
        ("absent", None, False),
        ("absent.a", None, False),
    ],
)
def test_rows_are_looked_for(database: Database, table: str, column: str | None, expected: bool) -> None:
    database.script("CREATE TABLE a (y, z); INSERT INTO a VALUES (1, NULL); CREATE TABLE empty (x)")
    assert database.has_rows(table, column) is expected


def test_the_size_is_the_file_s(database: Database, address: Address) -> None:
    database.query("CREATE TABLE a (x)")
    assert database.size() == os.stat(address.database).st_size > 0


def test_there_is_nothing_to_know_of_replicas_environments_and_killed_runs(database: Database) -> None:
    assert database.replica_lag() is None
    assert database.tool_environment(SHORT) == {}
    assert database.settle("CREATE TABLE a (x)") is None
    assert database.rolls_back("DROP TABLE a") is True
