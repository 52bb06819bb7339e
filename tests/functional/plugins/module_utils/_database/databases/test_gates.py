# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a migration, on real servers with real replicas."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable
from urllib.parse import unquote

import psycopg
import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers, gates
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database

WAIT = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


def opened(url: str) -> contextlib.AbstractContextManager[Database]:
    return drivers.opened(resolve(url, None, {}), read_only=True)


@pytest.fixture
def shop(tmp_path: Path) -> Address:
    """A SQLite database."""
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE orders (id integer)")
    return resolve(f"sqlite://{tmp_path}/shop.db", None, {})


@pytest.fixture
def replica(server: Any, unprivileged: dict[str, Any]) -> Iterator[Callable[[str], str]]:
    """Gives the URL of a database of the server on a standby that streams from it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = server.folder / "replica"
    password = unquote(server.url("").partition("shop:")[2].partition("@")[0])
    primary = f"host=127.0.0.1 port={server.port} user=shop application_name=replica"
    subprocess.run(
        [
            *(server.programs / "pg_basebackup", "-D", data, "-d", primary, "--write-recovery-conf"),
            *("--checkpoint=fast", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=server.folder,
        env={**os.environ, "PGPASSWORD": password},
        **unprivileged,
    )
    with (server.folder / "replica.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(server.programs / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", data),
                *("-c", "fsync=off", "-c", "wal_receiver_status_interval=1s"),
            ],
            stdout=log,
            stderr=log,
            cwd=server.folder,
            env={**os.environ, "PGPASSWORD": password},
            **unprivileged,
        )

    def url(database: str) -> str:
        return str(server.url(database)).replace(f":{server.port}/", f":{port}/")

    def streams() -> bool:
        with contextlib.suppress(psycopg.Error), psycopg.connect(url("postgres")) as connection:
            return bool(connection.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchall())
        return False

    try:
        until(lambda: process.poll() is not None or streams(), "the standby streams")
        assert process.poll() is None, (server.folder / "replica.log").read_text()
        yield url
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=WAIT)
        subprocess.run(["rm", "-r", str(data)], check=True)


@contextlib.contextmanager
def paused(url: str) -> Iterator[Callable[[], None]]:
    """A standby that does not replay what it gets, until it is told to go on."""
    with psycopg.connect(url, autocommit=True) as standby:

        def go_on() -> None:
            standby.execute("SELECT pg_wal_replay_resume()")

        standby.execute("SELECT pg_wal_replay_pause()")
        until(
            lambda: standby.execute("SELECT pg_get_wal_replay_pause_state()").fetchone() == ("paused",),
            "replay pauses",
        )
        try:
            yield go_on
        finally:
            go_on()


def written(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS orders (id int)")
        connection.execute("INSERT INTO orders VALUES (1)")


def lags(database: Database) -> bool:
    with contextlib.suppress(StrataError):  # not known yet
        return (database.replica_lag() or 0) > 0.2
    return False


def name(url: str) -> str:
    return url.rpartition("/")[2]


def test_a_standby_that_keeps_up_lets_a_migration_begin(
    url: str, replica: Callable[[str], str], tmp_path: Path
) -> None:
    written(url)
    with opened(url) as database:
        gates.check(database, None, max_replica_lag=5, wait=WAIT)
    gates.check(None, None, max_replica_lag=5, replicas=[replica(name(url))], wait=WAIT)
    # Nor need its URL repeat what the connection says.
    file = tmp_path / "password"
    file.touch(0o600)
    file.write_text(resolve(url, None, {}).password)
    connection = {"host": "nowhere", "database": "other", "user": "shop", "password_file": str(file)}
    bare = re.sub(r"//.*@", "//", replica(name(url)))
    gates.check(None, None, max_replica_lag=5, replicas=[bare], connection=connection, wait=WAIT)


def test_a_standby_that_lags_behind_is_told_by_the_primary_and_by_itself_and_waited_for(
    url: str, replica: Callable[[str], str]
) -> None:
    standby = replica(name(url))
    written(url)
    with opened(url) as database, opened(standby) as direct:
        until(lambda: direct.has_table("orders"), "the standby is as far as the primary")
        with paused(standby) as go_on:
            written(url)
            # The standby tells the primary once a second how far it is.
            until(lambda: lags(database), "the primary sees that the standby lags behind")
            for asked, replicas in ((database, []), (None, [standby])):
                began = time.monotonic()
                with pytest.raises(StrataError) as caught:
                    gates.check(asked, None, max_replica_lag=0.2, replicas=replicas, wait=1)
                assert time.monotonic() - began >= 1
                assert "Replicas did not keep up within 1 s, so nothing was migrated." in str(caught.value)
                assert "s3cr3t" not in str(caught.value)
            assert re.search(
                r"tells of a lag of \d+\.\d s, more than 0\.2 s \(max_replica_lag\)", str(caught.value)
            )
            resumed = threading.Timer(1, go_on)
            resumed.start()
            try:
                gates.check(None, None, max_replica_lag=0.2, replicas=[standby], wait=WAIT)
            finally:
                resumed.join()


def test_a_standby_that_does_not_answer_is_no_one_that_keeps_up(server: Any, url: str) -> None:
    gone = url.replace(f":{server.port}/", ":1/")
    with pytest.raises(StrataError, match=r"Connecting to PostgreSQL database .* failed") as caught:
        gates.check(None, None, max_replica_lag=5, replicas=[gone])
    assert "s3cr3t" not in str(caught.value)


def test_who_knows_of_no_replica_does_not_pass(url: str, mysql_url: str, shop: Address) -> None:
    for each in (url, mysql_url, f"sqlite://{shop.database}"):
        with opened(each) as database:
            began = time.monotonic()
            with pytest.raises(StrataError, match="name the replicas in replicas, or leave it out"):
                gates.check(database, None, max_replica_lag=5, wait=WAIT)
            assert time.monotonic() - began < WAIT
    with pytest.raises(StrataError, match="No database is there to ask, and max_replica_lag is set"):
        gates.check(None, None, max_replica_lag=5)


def test_replicas_of_mariadb_are_asked_themselves(mysql_server: Any, mysql_replica: Any) -> None:
    replica = f"mysql://{mysql_replica.admin.user}@/mysql?socket={mysql_replica.admin.socket}"
    with pytest.raises(StrataError, match="its replication is stopped"):
        gates.check(None, None, max_replica_lag=5, replicas=[replica])
    mysql_replica.execute("START SLAVE")
    gates.check(None, None, max_replica_lag=5, replicas=[replica], wait=WAIT)
