# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration that has to wait for a long transaction, while the application reads and writes the same table."""

from __future__ import annotations

import concurrent.futures
import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import pytest
from testinfra.host import Host

PASSWORD = "an+odd@password/"
LOCK_TIMEOUT = 0.2
BOUND = 1.0
"""Seconds: the lock timeout, and room for a machine that is busy with the playbook itself."""
USERS = 4
PAUSE = 0.02
DEADLINE = 60.0


@dataclass
class Load:
    """What users saw: seconds that each read or write took, and what failed."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p99(self) -> float:
        return sorted(self.seconds)[math.ceil(len(self.seconds) * 0.99) - 1]


@pytest.fixture
def connect(on: Callable[[str], Host], another_database: str) -> Callable[[], Any]:
    """A new session of the application's in the other database."""
    address = on("db1").check_output("hostname --ip-address").split()[0]

    def session() -> Any:
        connection = psycopg2.connect(
            host=address, dbname=another_database, user="shop", password=PASSWORD, application_name="users"
        )
        connection.autocommit = True
        return connection

    return session


@pytest.fixture
def notes(play: Callable[..., Any], connect: Callable[[], Any], another_database: str) -> None:
    """The table as release 1.0 has it, with some notes in it."""
    options = json.dumps({"shop_database": another_database, "db_migrate_release": "1.0"})
    assert play("converge.yml", "--extra-vars", options).code == 0
    with closing(connect()) as session, session.cursor() as cursor:
        cursor.execute("INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 1000) n")


@contextmanager
def users(connect: Callable[[], Any]) -> Iterator[Load]:
    """Have users read and write notes, each at a steady pace."""
    load = Load()
    over = threading.Event()

    def use(number: int) -> None:
        with closing(connect()) as session, session.cursor() as cursor:
            while not over.is_set():
                began = time.monotonic()
                try:
                    cursor.execute("UPDATE notes SET body = body WHERE id = %s", (number + 1,))
                    cursor.execute("SELECT count(*) FROM notes WHERE id < 100")
                except psycopg2.Error as error:
                    load.failures.append(str(error))
                    return
                load.seconds.append(time.monotonic() - began)
                over.wait(PAUSE)

    with concurrent.futures.ThreadPoolExecutor(USERS) as pool:
        running = [pool.submit(use, number) for number in range(USERS)]
        try:
            yield load
        finally:
            over.set()
            for each in running:
                each.result()


@contextmanager
def long_transaction(connect: Callable[[], Any]) -> Iterator[None]:
    """One that has read the table, and does not end."""
    with closing(connect()) as session:
        session.autocommit = False
        session.cursor().execute("SELECT count(*) FROM notes")
        yield


def refusals(on: Callable[[str], Host]) -> int:
    """How often PostgreSQL's own log tells that a statement did not get its lock in time."""
    command = "cat /var/log/postgresql/*.log | grep --count 'canceling statement due to lock timeout' || true"
    return int(on("db1").check_output(command))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def migrate(play: Callable[..., Any], database: str, retries: int) -> Any:
    options = {
        "shop_database": database,
        "db_migrate_archive": "",
        "db_migrate_folder": "/srv/next",
        "db_migrate_lock_timeout": LOCK_TIMEOUT,
        "db_migrate_retries": retries,
    }
    return play("converge.yml", "--extra-vars", json.dumps(options))


@pytest.mark.usefixtures("notes")
def test_users_wait_no_longer_than_the_lock_timeout_and_the_migration_succeeds_in_the_end(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    connect: Callable[[], Any],
    columns: Callable[..., list[str]],
    another_database: str,
) -> None:
    before = refusals(on)
    with concurrent.futures.ThreadPoolExecutor(1) as pool, users(connect) as load:
        with long_transaction(connect):
            run = pool.submit(migrate, play, another_database, retries=200)
            wait_until(
                lambda: refusals(on) >= before + 5, "the migration was not refused its lock five times"
            )
            assert columns("notes", another_database) == ["id", "body"]
        assert run.result(DEADLINE).code == 0, run.result().said
    assert columns("notes", another_database) == ["id", "body", "author", "pinned"]
    assert load.failures == []
    assert load.p99 < BOUND


@pytest.mark.usefixtures("notes")
def test_users_are_held_up_for_as_long_as_the_transaction_where_nobody_takes_care(
    connect: Callable[[], Any], psql: Callable[..., list[str]], another_database: str
) -> None:
    """What the test before this one would see if there were no timeout."""

    def alter() -> None:
        with closing(connect()) as session:
            session.cursor().execute("ALTER TABLE notes ADD COLUMN careless text")

    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'users' AND wait_event_type = 'Lock'"
    )
    with concurrent.futures.ThreadPoolExecutor(1) as pool, users(connect) as load:
        with long_transaction(connect):
            wait_until(lambda: len(load.seconds) > 50, "the users have not begun")
            altering = pool.submit(alter)
            wait_until(
                lambda: psql(waiting, another_database) == [str(USERS + 1)], "not all are in the queue"
            )
            time.sleep(2 * BOUND)  # what is measured is how long they are kept
        altering.result(DEADLINE)
    assert max(load.seconds) > BOUND


@pytest.mark.usefixtures("notes")
def test_a_migration_that_does_not_get_its_lock_gives_up_cleanly(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    connect: Callable[[], Any],
    columns: Callable[..., list[str]],
    psql: Callable[..., list[str]],
    another_database: str,
) -> None:
    with users(connect) as load, long_transaction(connect):
        run = migrate(play, another_database, retries=3)
    assert run.code == 2
    assert "Tried 4 times with a lock timeout of 0.2 s" in run.said
    assert columns("notes", another_database) == ["id", "body"]
    assert psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", another_database) == ["0"]
    assert load.failures == []
    assert load.p99 < BOUND
