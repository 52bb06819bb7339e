# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations outside a transaction, on real servers: what a failure or a kill leaves, and how the next run goes on."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Timeouts,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import attempts
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    MigrationOutcome,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

WAIT = 20.0
TABLES = "CREATE TABLE a (x int); CREATE TABLE gate (x int); INSERT INTO a VALUES (1);"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
NO_LIMIT = Timeouts(0, 0)


class Shop:
    """A folder of migrations and their database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def write(self, number: int, up: str, down: str = "", *, head: str = "-- strata: no-transaction") -> None:
        text = f"{head}\n-- migrate:up\n{up}\n-- migrate:down\n{down}\n"
        (self.folder / f"{number}_x.sql").write_text(text)

    def migrator(self, **options: Any) -> Migrator:
        known = {
            "url": self.url,
            "folder": str(self.folder),
            "release": "2.0",
            "lock_wait": WAIT,
            "lock_timeout": 0.1,
            "retries": 0,
        }
        return Migrator("sql", EngineOptions(**{**known, **options}))

    def migrate(self, phase: str = "expand", *, check: bool = False, **options: Any) -> MigrationOutcome:
        return self.migrator(**options).ensure_latest(phase=phase, check_mode=check)

    def roll_back(
        self, version: str | None = None, *, check: bool = False, **options: Any
    ) -> MigrationOutcome:
        return self.migrator(**options).ensure_rolled_back(
            phase="expand", version=version, running=(), allow_data_loss=True, check_mode=check
        )

    def failure(self, work: Callable[..., MigrationOutcome], *arguments: Any, **options: Any) -> str:
        with pytest.raises(StrataError) as caught:
            work(*arguments, **options)
        return str(caught.value)

    def left(self) -> list[Applied]:
        """What is unfinished."""
        return [item for item in self.migrator().status().applied or () if item.unfinished]

    def kill(self, when: Callable[[], object], what: str, **options: Any) -> None:
        """Begin to migrate, and kill the process once ``when`` is so."""
        worker = multiprocessing.get_context("spawn").Process(
            target=self.migrator(**options).ensure_latest,
            kwargs={"phase": "expand", "check_mode": False},
        )
        worker.start()
        try:
            until(when, what)
        finally:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def prepared(url: str, folder: Path) -> Iterator[tuple[Shop, Database]]:
    with opened(resolve(url, None, {}), read_only=False) as database:
        shop = Shop(url, folder)
        shop.write(1, TABLES, "DROP TABLE gate; DROP TABLE a;", head="")
        shop.migrate()
        yield shop, database


@pytest.fixture
def postgresql(url: str, tmp_path: Path) -> Iterator[tuple[Shop, Database]]:
    """A shop with the tables a and gate, and a session of someone else."""
    with prepared(url, tmp_path) as both:
        yield both


@pytest.fixture
def mariadb(mysql_url: str, tmp_path: Path) -> Iterator[tuple[Shop, Database]]:
    with prepared(mysql_url, tmp_path) as both:
        yield both


Both = tuple[Shop, Database]


def rows(database: Database, sql: str) -> list[Any]:
    return [row[0] for row in database.query(sql)]


def is_at(database: Database, words: str) -> bool:
    """Whether a session of someone else is executing what has these words in it."""
    if not database.DIALECT.takes_back_schema:
        sql = (
            "SELECT 1 FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query' AND info LIKE ? "
            "AND info NOT LIKE '%strata_progress%'"  # what is written down has the words, too
        )
    else:
        sql = "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'active' AND query LIKE ?"
    return bool(database.query(sql, (f"%{words}%",)))


@pytest.mark.parametrize(
    "head", ["-- strata: no-transaction\n-- migrate:up", "-- migrate:up transaction:false"]
)
def test_an_index_is_built_concurrently(postgresql: Both, head: str) -> None:
    shop, database = postgresql
    text = f"{head}\nCREATE INDEX CONCURRENTLY i ON a (x);\n-- migrate:down transaction:false\nDROP INDEX CONCURRENTLY i;\n"
    (shop.folder / "2_x.sql").write_text(text)
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT indexname FROM pg_indexes WHERE tablename = 'a'") == ["i"]
    assert not shop.migrate().changed
    assert shop.roll_back().rolled_back == ("2_x.sql",)
    assert rows(database, "SELECT indexname FROM pg_indexes WHERE tablename = 'a'") == []
    assert shop.left() == []


def test_a_failure_half_way_names_what_is_done_and_the_next_run_goes_on(postgresql: Both) -> None:
    shop, database = postgresql
    done = "CREATE TABLE b (x int);\nCREATE INDEX CONCURRENTLY i ON b (x);\n"
    shop.write(2, f"{done}ALTER TABLE nowhere ADD y int;\nINSERT INTO b VALUES (1);")
    message = shop.failure(shop.migrate)
    assert "2_x.sql failed at statement 3 of 4, on line 5." in message
    assert "Done, and not taken back, as it runs outside a transaction: statements 1 to 2." in message
    assert "Not done: statements 3 to 4." in message
    assert "it goes on with statement 3" in message
    (left,) = shop.left()
    assert (left.name, left.backwards) == ("2_x.sql", False)
    assert left.unfinished.startswith(
        "statements 1 to 2 of 4 done; statement 3 failed: ALTER TABLE nowhere ADD y int"
    )
    assert shop.migrator().status().version == "1"

    plan = shop.migrate(check=True)
    assert plan.pending == ("2_x.sql",)
    assert "-- 2_x.sql\n-- statements 1 to 2 of 4 done; statement 3 failed: ALTER" in plan.after
    shop.write(2, f"{done}ALTER TABLE b ADD y int;\nINSERT INTO b VALUES (1);\nINSERT INTO b VALUES (2);")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b ORDER BY 1") == [1, 2]
    assert shop.left() == []
    assert not shop.migrate().changed


def test_the_statement_that_failed_may_be_left_out_in_the_end(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;")
    shop.failure(shop.migrate)
    shop.write(2, "CREATE TABLE b (x int);")
    assert shop.migrate().version == "2"
    assert rows(database, "SELECT version FROM schema_migrations ORDER BY 1") == ["1", "2"]


def test_a_statement_that_was_carried_out_by_hand_is_passed_over(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;\nCREATE TABLE c (x int);")
    shop.failure(shop.migrate)
    assert shop.migrate(resume="done").applied == ("2_x.sql",)
    assert rows(database, "SELECT tablename FROM pg_tables WHERE tablename = 'c'") == ["c"]


def test_what_was_carried_out_by_hand_is_the_one_statement_that_an_earlier_run_was_at(
    postgresql: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;\nALTER TABLE gate ADD y int;")
    shop.write(3, "CREATE TABLE c (x int);\nALTER TABLE gate ADD z int;")
    shop.failure(shop.migrate)
    database.query("BEGIN")
    database.query("LOCK TABLE gate")

    def pause(_seconds: float) -> None:
        database.query("COMMIT")

    # Not time.sleep itself, by which the wait for a process is made, too.
    monkeypatch.setattr(attempts, "time", SimpleNamespace(sleep=pause))
    assert shop.migrate(resume="done", retries=1, lock_timeout=0.02).applied == ("2_x.sql", "3_x.sql")
    columns = "SELECT column_name FROM information_schema.columns WHERE table_name = 'gate' ORDER BY 1"
    assert rows(database, columns) == ["x", "y", "z"]


def test_what_was_carried_out_by_hand_need_be_said_but_once(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nINSERT INTO later VALUES (1);\nALTER TABLE gate ADD y int;")
    shop.failure(shop.migrate)
    database.query("CREATE TABLE later (x int)")
    database.query("INSERT INTO later VALUES (1)")
    database.query("BEGIN")
    database.query("LOCK TABLE gate")
    shop.kill(lambda: waits_for_the_gate(database), "it waits for the gate", resume="done", lock_timeout=60)
    database.query("COMMIT")
    shop.migrate()
    assert rows(database, "SELECT x FROM later") == [1]


def test_a_first_statement_that_fails_leaves_nothing(postgresql: Both) -> None:
    shop, database = postgresql
    database.query("INSERT INTO a VALUES (1)")
    shop.write(2, "CREATE UNIQUE INDEX CONCURRENTLY i ON a (x);\nCREATE TABLE b (x int);")
    message = shop.failure(shop.migrate)
    assert "failed at statement 1 of 2, on line 3. Not done: statements 1 to 2." in message
    assert "could not create unique index" in message
    assert rows(database, INVALID) == [0]
    assert shop.left() == []


def test_what_is_done_already_must_not_change_in_the_file(postgresql: Both) -> None:
    shop, _database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;")
    shop.failure(shop.migrate)
    shop.write(2, "CREATE TABLE b (x bigint);\nSELECT 1;")
    assert "What it has done has changed in the file since. Put that back" in shop.failure(shop.migrate)
    shop.write(2, "CREATE TABLE b (x int); -- a comment is no change\nSELECT 1;")
    assert shop.migrate().changed


def test_what_a_script_sets_holds_for_its_later_statements_also_in_the_run_that_goes_on(
    postgresql: Both,
) -> None:
    shop, database = postgresql
    shop.write(
        2,
        "CREATE SCHEMA app;\nSET search_path = app;\nCREATE TABLE b (x int);\nCREATE INDEX CONCURRENTLY i ON later (x);",
    )
    assert 'relation "later" does not exist' in shop.failure(shop.migrate)
    assert [item.name for item in shop.left()] == ["2_x.sql"]
    database.query("CREATE TABLE app.later (x int)")
    assert shop.migrate().changed
    assert rows(database, "SELECT schemaname || '.' || indexname FROM pg_indexes WHERE indexname = 'i'") == [
        "app.i"
    ]
    assert rows(database, "SELECT tablename FROM pg_tables WHERE schemaname = 'app' ORDER BY 1") == [
        "b",
        "later",
    ]


def test_a_killed_index_build_is_dropped_and_built_again(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE INDEX CONCURRENTLY i ON a (x);\nCREATE TABLE b (x int);")
    database.query("BEGIN")
    database.query("UPDATE a SET x = 2")
    with opened(resolve(shop.url, None, {}), read_only=True) as watcher:
        shop.kill(lambda: is_at(watcher, "CREATE INDEX CONCURRENTLY i"), "the index is being built")
        until(lambda: not is_at(watcher, "CREATE INDEX CONCURRENTLY i"), "the server notices")
        assert rows(watcher, INVALID) == [1]
    (left,) = shop.left()
    assert (
        "statement 1 was running when its run ended, so that it is not known whether it is done"
        in left.unfinished
    )
    assert "which ended" not in shop.migrate(check=True).after
    database.query("COMMIT")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, INVALID) == [0]
    assert rows(database, "SELECT indexname FROM pg_indexes WHERE tablename = 'a'") == ["i"]


def test_an_index_that_was_built_before_its_run_was_killed_is_not_built_again(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE INDEX CONCURRENTLY i ON a (x);\nSELECT pg_advisory_lock(1, 1);")
    database.query("SELECT pg_advisory_lock(1, 1)")
    shop.kill(
        lambda: is_at(database, "pg_advisory_lock(1, 1)"), "the second statement waits", lock_timeout=60
    )
    (oid,) = rows(database, "SELECT oid FROM pg_class WHERE relname = 'i'")
    database.query("SELECT pg_advisory_unlock(1, 1)")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT oid FROM pg_class WHERE relname = 'i'") == [oid]


@pytest.mark.parametrize(("resume", "expected"), [("again", [1, 2, 7, 7]), ("done", [1, 2, 7])])
def test_where_nobody_can_know_what_a_killed_run_did_it_asks(
    postgresql: Both, resume: str, expected: list[int]
) -> None:
    shop, database = postgresql
    block = "DO $$ BEGIN INSERT INTO b VALUES (7); COMMIT; LOCK TABLE gate; END $$"
    shop.write(2, f"CREATE TABLE b (x int);\nINSERT INTO b VALUES (1);\n{block};\nINSERT INTO b VALUES (2);")
    database.query("BEGIN")
    database.query("LOCK TABLE gate")
    shop.kill(lambda: waits_for_the_gate(database), "the block is half-way", lock_timeout=60)
    database.query("COMMIT")
    message = shop.failure(shop.migrate)
    assert "statements 1 to 2 of 4 done; statement 3 was running when its run ended" in message
    assert "db_migrate_resume, is done where it has, and again where it has not" in message
    assert shop.migrate(resume=resume).applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b ORDER BY 1") == expected
    assert not shop.migrate(resume=resume).changed


@pytest.mark.parametrize("before", ["", "CREATE TABLE b (x int);\n"])
def test_a_block_that_failed_may_have_committed_and_is_asked_for(postgresql: Both, before: str) -> None:
    shop, database = postgresql
    block = "DO $$ BEGIN INSERT INTO a VALUES (7); COMMIT; LOCK TABLE gate; END $$"
    shop.write(2, f"{before}{block};\nINSERT INTO a VALUES (9);")
    database.query("BEGIN")
    database.query("LOCK TABLE gate")
    message = shop.failure(shop.migrate, retries=3, lock_timeout=0.02)
    database.query("COMMIT")
    number = 2 if before else 1
    assert f"Statement {number} may have committed a part of what it does: look" in message
    assert "Tried" not in message
    assert "Not done" not in message
    assert "db_migrate_resume, is done where it has" in shop.failure(shop.migrate)
    assert rows(database, "SELECT x FROM a ORDER BY 1") == [1, 7]
    assert shop.migrate(resume="done").applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM a ORDER BY 1") == [1, 7, 9]


def waits_for_the_gate(database: Database) -> bool:
    return bool(rows(database, "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'gate'::regclass"))


def test_a_killed_change_of_rows_is_known_to_be_undone(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(
        2,
        "CREATE TABLE b (x int);\nWITH closed AS (SELECT x FROM gate FOR UPDATE) INSERT INTO b SELECT 1 FROM a, closed;",
    )
    database.query("INSERT INTO gate VALUES (1)")
    database.query("BEGIN")
    database.query("LOCK TABLE gate")
    shop.kill(lambda: waits_for_the_gate(database), "it waits for the gate", lock_timeout=60)
    (left,) = shop.left()
    assert left.unfinished.startswith("statement 1 of 2 done; statement 2 was next when its run ended: WITH")
    database.query("COMMIT")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b") == [1]


def test_after_a_lost_connection_it_is_not_known_what_was_done(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(
        2, "CREATE TABLE b (x int);\nDO $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); END $$;"
    )
    message = shop.failure(shop.migrate)
    assert (
        "Done, and not taken back, as it runs outside a transaction: statement 1. Whether that is done is not known"
        in message
    )
    assert "was running when its run ended" in shop.failure(shop.migrate)
    assert shop.migrate(resume="done").changed
    assert rows(database, "SELECT version FROM schema_migrations ORDER BY 1") == ["1", "2"]


def test_the_way_back_goes_on_from_where_it_failed(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(
        2,
        "CREATE INDEX CONCURRENTLY i ON a (x);",
        "DROP INDEX CONCURRENTLY i;\nINSERT INTO later VALUES (1);",
    )
    shop.migrate()
    message = shop.failure(shop.roll_back)
    assert "Rolling back migration 2_x.sql failed at statement 2 of 2." in message
    (left,) = shop.left()
    assert left.backwards
    assert left.unfinished.startswith("statement 1 of 2 of the way back done; statement 2 failed: INSERT")
    assert "2_x.sql was left unfinished" in shop.failure(shop.migrate)
    assert "Roll it back to the end first" in shop.failure(shop.migrate, check=True)
    assert "statement 2 failed" in shop.roll_back(check=True).after

    database.query("CREATE TABLE later (x int)")
    back = shop.roll_back("1")
    assert (back.rolled_back, back.version) == (("2_x.sql",), "1")
    assert shop.left() == []
    assert shop.migrate().applied == ("2_x.sql",)


def test_a_way_back_that_was_ended_by_hand_does_not_keep_it_from_being_applied(postgresql: Both) -> None:
    shop, database = postgresql
    up = "CREATE TABLE b (x int);\nCREATE INDEX CONCURRENTLY i ON b (x);\nINSERT INTO b VALUES (1);"
    shop.write(2, up, "DROP INDEX CONCURRENTLY i;\nINSERT INTO later VALUES (1);\nDROP TABLE b;")
    shop.migrate()
    shop.failure(shop.roll_back)
    database.query("DROP TABLE b")
    database.query("DELETE FROM schema_migrations WHERE version = '2'")
    assert shop.left() == []
    shop.write(2, up.replace("VALUES (1)", "VALUES (1), ((SELECT y FROM gate))"))
    assert "failed at statement 3 of 3" in shop.failure(shop.migrate)
    assert not shop.left()[0].backwards
    database.query("ALTER TABLE gate ADD y int")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT count(*) FROM b") == [2]
    assert rows(database, "SELECT version FROM strata_progress") == []


def test_an_apply_that_was_ended_by_hand_does_not_keep_it_from_being_taken_back(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nINSERT INTO later VALUES (1);", "DROP TABLE b;")
    shop.failure(shop.migrate)
    database.query("INSERT INTO schema_migrations VALUES ('2')")
    down = "-- strata: no-transaction\nDROP TABLE b;"
    database.query(
        "INSERT INTO strata_migrations SELECT '2', '2_x.sql', 'sha256:2', 'expand', ?, '2.0', applied_at FROM strata_migrations",
        (down,),
    )
    assert shop.roll_back().rolled_back == ("2_x.sql",)
    assert rows(database, "SELECT to_regclass('b')") == [None]


@pytest.mark.parametrize("resume", [None, "done", "again"])
def test_where_all_is_done_and_only_the_record_is_missing_there_is_nothing_to_say(
    postgresql: Both, resume: str | None
) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1;")
    database.query("ALTER TABLE strata_migrations ADD CHECK (version <> '2')")
    shop.failure(shop.migrate)
    database.query("ALTER TABLE strata_migrations DROP CONSTRAINT strata_migrations_version_check")
    (left,) = shop.left()
    assert left.unfinished == "all 2 statements are done, and that is not recorded"
    assert shop.migrate(resume=resume).applied == ("2_x.sql",)


@pytest.mark.parametrize("contract", ["first", "later"])
def test_a_release_s_expand_migrations_make_a_new_database(tmp_path: Path, contract: str) -> None:
    shop = Shop(f"sqlite://{tmp_path}/shop.db", tmp_path)
    shop.write(1, "CREATE TABLE a (id integer, kind text);", head="")
    shop.write(2, "ALTER TABLE a DROP COLUMN kind;", head="-- strata: phase=contract")
    if contract == "later":  # with a database of an earlier release, each comes in its own time
        shop.migrate()
        assert shop.migrate("contract").applied == ("2_x.sql",)
    shop.write(3, "ALTER TABLE a ADD kind integer;", head="")
    shop.write(4, "DROP TABLE a;", head="-- strata: phase=contract")
    made = ("1_x.sql", "2_x.sql", "3_x.sql") if contract == "first" else ("3_x.sql",)
    assert shop.migrate().applied == made
    assert not shop.migrate().changed
    assert shop.migrate("contract").applied == ("4_x.sql",)


def test_nothing_else_is_done_while_a_migration_is_unfinished(postgresql: Both) -> None:
    shop, _database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;")
    contract = "-- strata: phase=contract"
    shop.failure(shop.migrate)
    assert "2_x.sql was left unfinished" in shop.failure(shop.roll_back)
    assert "Let its apply come to an end first" in shop.failure(shop.roll_back, "0", check=True)

    # An older release has nothing to apply, and is not kept from being deployed.
    two = shop.folder / "2_x.sql"
    text = two.read_text()
    two.unlink()
    assert not shop.migrate().changed
    shop.write(3, "SELECT 1;", head=contract)
    message = shop.failure(shop.migrate, "contract", accept_drift=["2_x.sql"])
    assert "Let the release that brings it go on with it first" in message

    two.write_text(text.replace("no-transaction", "no-transaction phase=contract"))
    shop.write(3, "SELECT 1;", head="")
    message = shop.failure(shop.migrate, accept_drift=["2_x.sql"])
    assert "Let the phase contract go on with it first" in message


def test_a_new_file_does_not_pass_an_unfinished_one(postgresql: Both) -> None:
    shop, _database = postgresql
    shop.write(5, "CREATE TABLE b (x int);\nSELECT 1 FROM nowhere;")
    shop.failure(shop.migrate)
    shop.write(4, "SELECT 1;")
    assert "4_x.sql is new, and sorts before one that is applied" in shop.failure(shop.migrate)


@pytest.mark.parametrize(
    ("head", "lock", "statement"),
    [
        ("", "1s", "5min"),
        ("-- strata: lock_timeout=20ms statement_timeout=1h", "20ms", "1h"),
        ("-- strata: no-transaction", "1s", "5min"),
        ("-- strata: no-transaction lock_timeout=0 statement_timeout=1.5min", "0", "90s"),
    ],
)
def test_a_migration_s_own_timeouts_hold_for_it_and_for_the_way_back(
    postgresql: Both, head: str, lock: str, statement: str
) -> None:
    shop, database = postgresql
    seen = "INSERT INTO seen SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    database.query("CREATE TABLE seen (l text, s text)")
    shop.write(2, f"{seen};", f"{seen};", head=head)
    shop.migrate(lock_timeout=1)
    shop.roll_back(lock_timeout=1)
    assert database.query("SELECT l, s FROM seen") == [(lock, statement)] * 2


def test_a_table_held_for_long_makes_a_step_try_again_and_then_go_on(
    postgresql: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, database = postgresql
    shop.write(2, "CREATE TABLE b (x int);\nALTER TABLE gate ADD y int;")
    database.query("BEGIN")
    database.query("LOCK TABLE gate")
    message = shop.failure(shop.migrate, retries=1, lock_timeout=0.02)
    assert "Tried 2 times" in message
    assert "statement 2 failed" in shop.left()[0].unfinished

    def pause(_seconds: float) -> None:
        database.query("COMMIT")

    # Not time.sleep itself, by which the wait for a process is made, too.
    monkeypatch.setattr(attempts, "time", SimpleNamespace(sleep=pause))
    assert shop.migrate(retries=1, lock_timeout=0.02).applied == ("2_x.sql",)


def test_a_schema_change_of_mariadb_that_fails_half_way_goes_on(mariadb: Both) -> None:
    shop, database = mariadb
    done = "SET FOREIGN_KEY_CHECKS = 0;\nCREATE TABLE b (x int);\nINSERT INTO b VALUES (1);\n"
    shop.write(2, f"{done}ALTER TABLE nowhere ADD y int;", head="")
    message = shop.failure(shop.migrate)
    assert "failed at statement 4 of 4, on line 6." in message
    assert "Done, and not taken back, as it runs outside a transaction: statements 1 to 3." in message
    assert shop.migrator().status().version == "1"
    shop.write(
        2,
        f"{done}INSERT INTO b SELECT @@foreign_key_checks;\nALTER TABLE b ADD y int;",
        "DROP TABLE b",
        head="",
    )
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b ORDER BY x") == [0, 1]
    assert shop.left() == []
    assert shop.roll_back().rolled_back == ("2_x.sql",)


def test_rows_that_mariadb_changes_are_one_transaction_with_their_record(mariadb: Both) -> None:
    shop, database = mariadb
    shop.write(2, "INSERT INTO a VALUES (2);\nINSERT INTO nowhere VALUES (1);", head="")
    assert "failed, and nothing of it was kept" in shop.failure(shop.migrate)
    assert rows(database, "SELECT x FROM a") == [1]
    assert shop.left() == []


def test_mariadb_s_note_of_a_first_change_of_rows_ends_no_transaction(mariadb: Both) -> None:
    shop, database = mariadb
    made = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'strata_progress'"
    shop.write(2, f"INSERT INTO gate {made};\nCREATE TABLE b (x int);", head="")
    shop.migrate()
    assert rows(database, "SELECT x FROM gate") == [1]


@pytest.mark.parametrize("is_let_through", [False, True])
def test_a_killed_schema_change_of_mariadb_is_found_done_or_not_done(
    mariadb: Both, is_let_through: bool
) -> None:
    shop, database = mariadb
    shop.write(2, "CREATE TABLE b (x int);\nALTER TABLE gate ADD y int;\nINSERT INTO b VALUES (1);", head="")
    database.query("START TRANSACTION")
    database.query("SELECT * FROM gate")
    with opened(resolve(shop.url, None, {}), read_only=True) as watcher:
        shop.kill(
            lambda: is_at(watcher, "ALTER TABLE gate"),
            "it waits for the gate",
            lock_timeout=60 if is_let_through else 1,
        )
        if is_let_through:
            database.query("COMMIT")
        until(lambda: not is_at(watcher, "ALTER TABLE gate"), "the server ends it")
        assert rows(
            watcher,
            "SELECT count(*) FROM information_schema.columns WHERE table_name = 'gate' AND column_name = 'y' AND table_schema = DATABASE()",
        ) == [int(is_let_through)]
    database.query("COMMIT")
    assert "statement 2 was running when its run ended" in shop.left()[0].unfinished
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b") == [1]
    assert rows(database, "SELECT count(y) FROM gate") == [0]


def test_a_killed_procedure_of_mariadb_is_asked_for(mariadb: Both) -> None:
    shop, database = mariadb
    database.query("CREATE PROCEDURE p() BEGIN INSERT INTO a VALUES (7); DO SLEEP(60); END")
    shop.write(2, "CALL p();\nCREATE TABLE b (x int);", head="")
    shop.kill(lambda: is_at(database, "SLEEP(60)") or is_at(database, "CALL p()"), "it is called")
    (number,) = rows(
        database,
        "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query' "
        "AND db = DATABASE()",
    )
    database.query(f"KILL {number}")
    message = shop.failure(shop.migrate)
    assert "nothing of 2 done; statement 1 was running when its run ended" in message
    assert shop.migrate(resume="done").applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM a ORDER BY x") == [1, 7]


def test_a_procedure_of_mariadb_that_failed_may_have_committed_and_is_asked_for(mariadb: Both) -> None:
    shop, database = mariadb
    database.query("CREATE PROCEDURE p() BEGIN INSERT INTO a VALUES (7); ALTER TABLE gate ADD y int; END")
    shop.write(2, "CALL p();", head="")
    database.query("START TRANSACTION")
    database.query("SELECT * FROM gate")
    message = shop.failure(shop.migrate, retries=3)
    database.query("COMMIT")
    assert "Statement 1 may have committed a part of what it does" in message
    assert "nothing of 1 done; statement 1 was running" in shop.failure(shop.migrate)
    assert rows(database, "SELECT x FROM a ORDER BY x") == [1, 7]
    assert shop.migrate(resume="done").applied == ("2_x.sql",)


def test_sqlite_vacuums_and_rebuilds_a_table_without_its_foreign_keys(tmp_path: Path) -> None:
    shop = Shop(f"sqlite://{tmp_path}/shop.db", tmp_path)
    shop.write(
        1,
        "CREATE TABLE a (id integer PRIMARY KEY);\nCREATE TABLE b (a REFERENCES a (id));\n"
        "INSERT INTO a VALUES (1); INSERT INTO b VALUES (1);",
        head="",
    )
    shop.migrate()
    rebuild = "PRAGMA foreign_keys = OFF;\nCREATE TABLE c (id integer PRIMARY KEY, x int);\n"
    shop.write(
        2,
        f"PRAGMA foreign_keys = ON;\n{rebuild}INSERT INTO c SELECT id, 1 FROM missing;\nDROP TABLE a;\n"
        "ALTER TABLE c RENAME TO a;\nVACUUM;",
        head="-- strata: no-transaction phase=contract",
    )
    two = shop.folder / "2_x.sql"
    assert "no such table: missing" in shop.failure(shop.migrate, "contract")
    two.write_text(two.read_text().replace("missing", "a"))
    assert shop.migrate("contract").applied == ("2_x.sql",)
    with opened(resolve(shop.url, None, {}), read_only=True) as database:
        assert database.query("SELECT id, x FROM a") == [(1, 1)]
        assert database.query("SELECT a FROM b") == [(1,)]


def as_the_server_does(shop: Shop, database: Database, script: str, made: Sequence[str]) -> list[Any]:
    """What a script leaves in the table r, by hand in one session and then by a migration; these must be the same."""
    with opened(resolve(shop.url, None, {}), read_only=False) as session:
        for statement in statements(script, database.DIALECT):
            session.query(statement.text)
    expected = database.query("SELECT * FROM r ORDER BY 1")
    for table in made:
        database.query(f"DROP TABLE {table}")
    shop.write(2, script)
    shop.migrate()
    assert database.query("SELECT * FROM r ORDER BY 1") == expected
    return expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "SET @rank = 0; CREATE TABLE s (x int); INSERT INTO s VALUES (0), (0); CREATE TABLE r (x int); "
            "INSERT INTO r VALUES (0), (0), (0); UPDATE s SET x = @rank := @rank + 1; UPDATE r SET x = @rank := @rank + 1",
            [(3,), (4,), (5,)],
        ),
        (
            "CREATE TABLE r (x int); CREATE TABLE s (x int); SELECT 7 INTO @seven; SET @eight = (SELECT @seven + 1); "
            "INSERT INTO r VALUES (@seven), (@eight)",
            [(7,), (8,)],
        ),
        (
            "CREATE TABLE s (x int AUTO_INCREMENT PRIMARY KEY, y int); CREATE TABLE r (x int, y int); "
            "INSERT INTO s (y) VALUES (1), (2); INSERT INTO s (y) VALUES (3); INSERT INTO r VALUES (LAST_INSERT_ID(), 0); "
            "UPDATE s SET y = 9; SET @n = ROW_COUNT(); INSERT INTO r SELECT LAST_INSERT_ID() + 1, @n",
            [(3, 0), (4, 3)],
        ),
        (
            "CREATE TABLE r (x int); CREATE TABLE s (x int); PREPARE p FROM 'INSERT INTO r VALUES (?)'; SET @v = 4; "
            "EXECUTE p USING @v; DEALLOCATE PREPARE p",
            [(4,)],
        ),
        (
            "CREATE TABLE s (x int); CREATE TEMPORARY TABLE k AS SELECT 5 AS x; ALTER TABLE s ADD y int; "
            "CREATE TABLE r AS SELECT x FROM k",
            [(5,)],
        ),
        (
            "CREATE TABLE r (x int); CREATE TABLE s (x int); LOCK TABLES r WRITE, s WRITE; INSERT INTO s VALUES (1); "
            "INSERT INTO r SELECT * FROM s; UNLOCK TABLES",
            [(1,)],
        ),
        (
            "CREATE TABLE r (x int); CREATE TABLE s (x int); SET autocommit = 0; INSERT INTO r VALUES (1); "
            "INSERT INTO s VALUES (2); UPDATE r SET x = 2; SET autocommit = 1; INSERT INTO r VALUES (3)",
            [(2,), (3,)],
        ),
        (
            "CREATE TABLE s (x int); CREATE TABLE r (x text); SET time_zone = '+05:00', sql_mode = 'PIPES_AS_CONCAT'; "
            "SET NAMES latin1; INSERT INTO r SELECT @@time_zone; "
            "INSERT INTO r SELECT @@sql_mode || ''; INSERT INTO r SELECT @@character_set_client",
            [("+05:00",), ("latin1",), ("PIPES_AS_CONCAT",)],
        ),
    ],
)
def test_a_migration_in_steps_does_on_mariadb_what_the_server_does(
    mariadb: Both, script: str, expected: list[Any]
) -> None:
    assert as_the_server_does(*mariadb, script, ["r", "s"]) == expected


def test_what_a_migration_of_mariadb_sets_does_not_reach_the_next_one(mariadb: Both) -> None:
    shop, database = mariadb
    leak = "SET @leak = 7, SESSION sql_mode = ''; CREATE TEMPORARY TABLE k (x int); DO GET_LOCK('mine', 0);"
    shop.write(2, f"CREATE TABLE b (x int, y text);\n{leak}")
    read = "INSERT INTO b SELECT @leak, CONCAT(@@sql_mode <> '', IS_FREE_LOCK('mine'))"
    shop.write(3, f"{read};\nCREATE TABLE c (x int);")
    shop.write(4, f"{read}; SET @leak = 9; CREATE TEMPORARY TABLE k (x int);", head="")
    shop.write(5, f"CREATE TEMPORARY TABLE k (x int); {read};", head="")
    shop.migrate()
    assert database.query("SELECT x, y FROM b") == [(None, "11")] * 3


def test_a_migration_of_mariadb_in_another_database_and_by_a_role_is_noted_in_its_own(
    mariadb: Both, mysql_server: Any
) -> None:
    shop, database = mariadb
    (name,) = rows(database, "SELECT DATABASE()")
    mysql_server.execute(f"CREATE DATABASE {name}_2", "CREATE ROLE strata_test_role")
    mysql_server.execute("GRANT strata_test_role TO strata_test")
    try:
        shop.write(
            2,
            f"USE {name}_2; SET ROLE strata_test_role; CREATE TABLE b (x text); INSERT INTO b SELECT CURRENT_ROLE(); "
            "INSERT INTO b SELECT DATABASE(); CREATE TABLE c (x int); INSERT INTO nowhere VALUES (1);",
        )
        assert "failed at statement 7 of 7" in shop.failure(shop.migrate)
        shop.write(
            2,
            f"USE {name}_2; SET ROLE strata_test_role; CREATE TABLE b (x text); INSERT INTO b SELECT CURRENT_ROLE(); "
            "INSERT INTO b SELECT DATABASE(); CREATE TABLE c (x int); INSERT INTO b SELECT CURRENT_ROLE();",
        )
        shop.migrate()
        assert rows(database, f"SELECT x FROM {name}_2.b ORDER BY x") == [
            f"{name}_2",
            "strata_test_role",
            "strata_test_role",
        ]
        assert shop.migrator().status().version == "2"
    finally:
        mysql_server.execute(f"DROP DATABASE {name}_2", "DROP ROLE strata_test_role")


def test_variables_of_mariadb_that_ended_with_their_session_are_asked_for(mariadb: Both) -> None:
    shop, database = mariadb
    ranked = "SET @rank = 10;\nUPDATE a SET x = @rank := @rank + 1;\nCREATE TABLE b (x int);\n"
    shop.write(2, f"{ranked}INSERT INTO nowhere SELECT @rank;")
    message = shop.failure(shop.migrate)
    assert "What the statements before it have left in their session is gone: look" in message
    shop.write(2, f"{ranked}INSERT INTO b SELECT @rank;")
    message = shop.failure(shop.migrate)
    assert "cannot be set again: what 'UPDATE a SET x = @rank := @rank + 1' has left there" in message
    assert "db_migrate_resume, is done where it has, and again where it has not" in message
    assert rows(database, "SELECT x FROM b") == []
    assert shop.migrate(resume="again").applied == ("2_x.sql",)
    assert rows(database, "SELECT x FROM b") == [10]  # the constant is there again


def test_a_variable_that_ran_through_rows_is_not_tried_again_by_itself(mariadb: Both) -> None:
    shop, database = mariadb
    database.query("INSERT INTO gate VALUES (0)")
    shop.write(2, "CREATE TABLE b (x int);\nSET @n = 0;\nUPDATE a, gate SET a.x = @n := @n + 1, gate.x = @n;")
    database.query("START TRANSACTION")
    database.query("SELECT * FROM gate FOR UPDATE")
    message = shop.failure(shop.migrate, retries=3)
    assert "Tried" not in message
    database.query("COMMIT")
    shop.migrate()  # what the constant has set can be set again
    assert rows(database, "SELECT x FROM a") == [1]


@pytest.mark.parametrize("system", ["mariadb", "postgresql"])
def test_a_step_that_is_tried_again_finds_its_session_as_it_was(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, system: str
) -> None:
    shop, database = request.getfixturevalue(system)
    database.query("BEGIN")
    database.query("INSERT INTO gate VALUES (1)")

    def pause(_seconds: float) -> None:
        database.query("COMMIT")

    monkeypatch.setattr(attempts, "time", SimpleNamespace(sleep=pause))
    shop.write(
        2,
        "CREATE TEMPORARY TABLE k AS SELECT 5 AS x;\nALTER TABLE gate ADD y int;\nCREATE TABLE b AS SELECT x FROM k;",
    )
    shop.migrate(retries=1)
    assert rows(database, "SELECT x FROM b") == [5]


def test_a_migration_of_mariadb_that_gives_the_lock_away_ends_the_run(mariadb: Both) -> None:
    shop, _database = mariadb
    shop.write(2, "CREATE TABLE b (x int); DO RELEASE_ALL_LOCKS();")
    shop.write(3, "CREATE TABLE c (x int);")
    message = shop.failure(shop.migrate)
    assert "The migrators' lock was lost" in message
    assert "Done before it in this run: 2_x.sql" in message
    assert shop.migrate().applied == ("3_x.sql",)


def test_a_migrator_waits_for_the_statement_that_a_killed_one_has_left(mariadb: Both) -> None:
    shop, database = mariadb
    shop.write(2, "CREATE TABLE b (x int);\nDO SLEEP(60);")
    shop.kill(lambda: is_at(database, "DO SLEEP(60)"), "it sleeps")
    assert "was being migrated by another for 0.2 s" in shop.failure(shop.migrate, lock_wait=0.2)
    (number,) = rows(
        database, "SELECT id FROM information_schema.processlist WHERE info LIKE 'DO SLEEP(60)%'"
    )
    database.query(f"KILL {number}")
    assert "statement 2 was running" in shop.failure(shop.migrate)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (
            "CREATE SCHEMA s; SELECT set_config('search_path', 's', false); CREATE TABLE b (x int); INSERT INTO b VALUES (1); "
            "CREATE TABLE public.r AS SELECT schemaname::text FROM pg_tables WHERE tablename = 'b'",
            [("s",)],
        ),
        (
            "CREATE SCHEMA s; SELECT set_config('search_path', 's', true); CREATE TABLE public.b (x int); "
            "CREATE TABLE r AS SELECT current_schema()::text",
            [("public",)],
        ),
        (
            "CREATE SCHEMA s; SET search_path TO s; INSERT INTO public.a SELECT 2; "
            "CREATE TABLE public.r AS SELECT current_schema()::text",
            [("s",)],
        ),
        (
            "CREATE SCHEMA s; CREATE TEMP TABLE k AS SELECT 5 AS x; INSERT INTO k VALUES (6); "
            "CREATE TABLE r AS SELECT x FROM k",
            [(5,), (6,)],
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE s.b (x serial, y int); CREATE TABLE r (x bigint); "
            "INSERT INTO s.b (y) VALUES (1), (2); INSERT INTO r SELECT lastval()",
            [(2,)],
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE r (x int); PREPARE p (int) AS INSERT INTO r VALUES ($1); EXECUTE p(4); "
            "INSERT INTO r SELECT 5; EXECUTE p(6); DEALLOCATE ALL",
            [(4,), (5,), (6,)],
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE r (x text); GRANT ALL ON r TO pg_monitor; SET ROLE pg_monitor; "
            "INSERT INTO r SELECT current_user; INSERT INTO r SELECT current_user || '2'; RESET ROLE; "
            "INSERT INTO r SELECT current_user",
            [("pg_monitor",), ("pg_monitor2",), ("shop",)],
        ),
        (
            "CREATE SCHEMA s; CREATE TABLE r (x text); GRANT ALL ON r TO pg_monitor; SET SESSION AUTHORIZATION pg_monitor; "
            "INSERT INTO r SELECT session_user; INSERT INTO r SELECT session_user || '2'; RESET SESSION AUTHORIZATION",
            [("pg_monitor",), ("pg_monitor2",)],
        ),
        (
            "CREATE SCHEMA s; SET lock_timeout = '7s'; CREATE TABLE r (x text); INSERT INTO r SELECT current_setting('lock_timeout')",
            [("7s",)],
        ),
    ],
)
def test_a_migration_in_steps_does_on_postgresql_what_the_server_does(
    postgresql: Both, script: str, expected: list[Any]
) -> None:
    shop, database = postgresql
    with opened(resolve(shop.url, None, {}), read_only=False) as session:
        for statement in statements(script, database.DIALECT):
            session.query(statement.text)
    assert database.query("SELECT * FROM r ORDER BY 1") == expected
    for made in ("SCHEMA s CASCADE", "TABLE r", "TABLE IF EXISTS b"):
        database.query(f"DROP {made}")
    shop.write(2, script)
    shop.migrate()
    assert database.query("SELECT * FROM r ORDER BY 1") == expected
    assert rows(database, "SELECT version FROM public.schema_migrations ORDER BY 1") == ["1", "2"]


def test_what_a_migration_of_postgresql_sets_does_not_reach_the_next_one(postgresql: Both) -> None:
    shop, database = postgresql
    leak = (
        "SET search_path = pg_catalog; SET app.x = 'set'; CREATE TEMP TABLE k (x int); PREPARE p AS SELECT 1; "
        "SELECT pg_advisory_lock(7); SET ROLE pg_monitor; LISTEN jobs;"
    )
    state = (
        "SELECT current_schema() || coalesce(current_setting('app.x', true), '') || current_user "
        "|| (SELECT count(*) FROM pg_prepared_statements) || (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7) "
        "|| (SELECT count(*) FROM pg_class WHERE relname = 'k') || (SELECT count(*) FROM pg_listening_channels())"
    )
    shop.write(2, f"CREATE TABLE b (x text);\n{leak}")
    shop.write(3, f"INSERT INTO b {state};")
    shop.write(4, f"INSERT INTO b {state};\n{leak}", head="")
    shop.write(5, f"INSERT INTO b {state};", head="")
    shop.migrate()
    assert rows(database, "SELECT x FROM b") == ["publicshop0000"] * 3


def test_the_timeouts_hold_after_a_migration_has_reset_its_session(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(
        2,
        f"CREATE TABLE b (x text);\n{'UPDATE b SET x = 1;' * 7}DISCARD ALL;\n"
        "INSERT INTO b SELECT current_setting('lock_timeout');",
    )
    shop.migrate(lock_timeout=5)
    assert rows(database, "SELECT x FROM b") == ["5s"]


def test_a_temporary_table_that_ended_with_its_session_is_asked_for(postgresql: Both) -> None:
    shop, database = postgresql
    kept = "CREATE TEMP TABLE k AS SELECT 5 AS x;\nSELECT set_config('app.x', 'set', false);\n"
    shop.write(2, f"{kept}INSERT INTO later SELECT x FROM k;")
    shop.failure(shop.migrate)
    database.query("CREATE TABLE later (x text)")
    message = shop.failure(shop.migrate)
    assert "cannot be set again: what 'CREATE TEMP TABLE k AS SELECT 5 AS x' has left there." in message
    shop.write(2, f"{kept}INSERT INTO later SELECT current_setting('app.x');")
    shop.migrate(resume="again")
    assert rows(database, "SELECT x FROM later") == ["set"]


def test_an_index_is_looked_for_where_the_settings_of_its_migration_lead(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(
        2,
        "CREATE TABLE c (x int); SELECT set_config('search_path', 'app', false);\nCREATE INDEX CONCURRENTLY i ON b (x);",
    )
    for statement in ("CREATE SCHEMA app", "CREATE TABLE app.b (x int)", "INSERT INTO app.b VALUES (1)"):
        database.query(statement)
    database.query("BEGIN")
    database.query("UPDATE app.b SET x = 2")
    with opened(resolve(shop.url, None, {}), read_only=True) as watcher:
        shop.kill(lambda: is_at(watcher, "CREATE INDEX CONCURRENTLY i"), "the index is being built")
        until(lambda: not is_at(watcher, "CREATE INDEX CONCURRENTLY i"), "the server notices")
        assert rows(watcher, INVALID) == [1]
    database.query("COMMIT")
    assert shop.migrate().applied == ("2_x.sql",)
    assert rows(database, "SELECT schemaname FROM pg_indexes WHERE indexname = 'i'") == ["app"]
    assert rows(database, INVALID) == [0]


def test_a_transaction_of_its_own_that_a_migration_leaves_open_is_an_error(mariadb: Both) -> None:
    shop, database = mariadb
    shop.write(2, "CREATE TABLE b (x int); SET autocommit = 0; INSERT INTO a VALUES (2);", head="")
    message = shop.failure(shop.migrate)
    assert "failed at statement 2 of 2" in message
    assert "It leaves a transaction open, of which nothing would be kept" in message
    assert rows(database, "SELECT x FROM a") == [1]
    shop.write(
        2,
        "CREATE TABLE b (x int); SET autocommit = 0; INSERT INTO a VALUES (2); SET autocommit = 1;",
        "SET autocommit = 0; DELETE FROM a WHERE x = 2; SET autocommit = 1; DROP TABLE b",
        head="",
    )
    shop.migrate()
    assert rows(database, "SELECT x FROM a ORDER BY x") == [1, 2]
    shop.roll_back()
    assert rows(database, "SELECT x FROM a") == [1]


def test_what_a_migration_of_sqlite_sets_does_not_reach_the_next_one(tmp_path: Path) -> None:
    with prepared(f"sqlite://{tmp_path}/shop.db", tmp_path) as (shop, database):
        leak = "CREATE TEMP TABLE k (x int); PRAGMA recursive_triggers = ON; ATTACH ':memory:' AS m;"
        state = (
            "SELECT (SELECT count(*) FROM sqlite_temp_master) || (SELECT recursive_triggers FROM pragma_recursive_triggers) "
            "|| (SELECT count(*) FROM pragma_database_list WHERE name = 'm')"
        )
        shop.write(2, f"CREATE TABLE b (x text); {leak}", head="")
        shop.write(3, f"INSERT INTO b {state};", head="")
        shop.write(4, leak)
        shop.write(5, f"INSERT INTO b {state};")
        shop.migrate()
        assert rows(database, "SELECT x FROM b") == ["000"] * 2


def test_a_migration_of_sqlite_in_steps_reads_what_its_last_statement_has_done(tmp_path: Path) -> None:
    with prepared(f"sqlite://{tmp_path}/shop.db", tmp_path) as (shop, database):
        shop.write(
            2,
            "INSERT INTO a (rowid, x) VALUES (77, 5); INSERT INTO gate VALUES (last_insert_rowid()); UPDATE a SET x = 9; "
            "INSERT INTO gate SELECT changes(); CREATE TEMP TABLE k AS SELECT 3 AS x; INSERT INTO gate SELECT x FROM k;",
        )
        shop.migrate()
        assert rows(database, "SELECT x FROM gate") == [77, 2, 3]


@pytest.mark.parametrize("check", [True, False])
def test_a_rollback_of_sqlite_is_tried_on_a_copy_also_under_its_own_lock(tmp_path: Path, check: bool) -> None:
    with prepared(f"sqlite://{tmp_path}/shop.db", tmp_path) as (shop, database):
        shop.write(
            2, "CREATE TABLE b (x int); INSERT INTO b VALUES (7);", "REPLACE INTO a (rowid, x) VALUES (1, 2);"
        )
        rebuild = "CREATE TEMP TABLE k AS SELECT * FROM b; DROP TABLE b; CREATE TABLE b (x int, y int);"
        shop.write(3, "ALTER TABLE gate ADD y int;", f"{rebuild} INSERT INTO b (x) SELECT x FROM k;", head="")
        shop.migrate()
        roll_back = shop.migrator().ensure_rolled_back
        outcome = roll_back(phase="expand", version="2", running=(), check_mode=check)
        assert outcome.rolled_back == ("3_x.sql",)
        assert rows(database, "SELECT x FROM b") == [7]
        with pytest.raises(StrataError, match=r"- 2_x\.sql loses rows of table a\n"):
            roll_back(phase="expand", version="1", running=(), check_mode=check)
        assert rows(database, "SELECT x FROM a") == [1]


def test_where_statements_end_must_be_certain_also_where_the_rule_is_waived(
    postgresql: Both, mariadb: Both
) -> None:
    for (shop, database), head in ((postgresql, "-- strata: no-transaction"), (mariadb, "")):
        waiver = f"{head}\n-- strata: allow=unreadable because it was looked at"
        shop.write(2, "INSERT INTO a VALUES (2); SELECT 'x", head=waiver)
        said = shop.failure(shop.migrate)
        assert "Applying migration 2_x.sql failed, and nothing of it was done" in said
        assert "what ' opens is not closed" in said
        assert rows(database, "SELECT x FROM a") == [1]


def test_a_command_of_a_client_is_found_before_the_first_statement(postgresql: Both) -> None:
    shop, database = postgresql
    shop.write(2, "INSERT INTO a VALUES (2);\nCOPY a FROM stdin;\n3\n\\.\n")
    assert "client-command (2_x.sql line 4)" in shop.failure(shop.migrate)
    assert rows(database, "SELECT x FROM a") == [1]
    assert shop.left() == []
