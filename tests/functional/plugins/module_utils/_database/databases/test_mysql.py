# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of MySQL and MariaDB on a real server: locks, kills, timeouts, TLS, secrets."""

from __future__ import annotations

import getpass
import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Callable

import pytest
from programs import need

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
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import client, opened

WAIT = 20.0
NONE = Timeouts(0, 0)


@pytest.fixture
def address(mysql_url: str) -> Address:
    return resolve(mysql_url, None, {})


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    with opened(address, read_only=False) as database:
        yield database


@pytest.fixture
def other(address: Address) -> Iterator[Database]:
    """A session of someone else."""
    with opened(address, read_only=False, application="someone else") as database:
        yield database


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


def connect(address: Address) -> None:
    with opened(address, read_only=True):
        pass


def is_mariadb(database: Database) -> bool:
    return "MariaDB" in database.query("SELECT VERSION()")[0][0]


def test_parameters_stand_for_values_and_nothing_else_is_read_as_one(database: Database) -> None:
    database.query("CREATE TABLE a (x text, y int)")
    database.query("INSERT INTO a VALUES (?, ?)", ("100%s? ' \\ é", None))
    assert database.query(
        "SELECT x, y FROM a WHERE x LIKE '%?%' AND '%' <> ?".replace("'%?%'", "'100%'"), ("x",)
    ) == [("100%s? ' \\ é", None)]
    assert database.query("SELECT '100%s?'") == [("100%s?",)]


def test_a_table_is_told_from_one_of_another_database(database: Database) -> None:
    database.query("CREATE TABLE a (x int)")
    assert database.has_table("a")
    assert not database.has_table("user")  # which the database mysql has


SCRIPT = """
CREATE TABLE a (x text); # a; comment
CREATE TABLE b (x text); -- a; comment
CREATE TRIGGER g AFTER INSERT ON a FOR EACH ROW BEGIN
  INSERT INTO b VALUES (CONCAT(NEW.x, ';'));
  INSERT INTO b VALUES ("two;");
END;
INSERT INTO a VALUES ('it\\'s; one') /* no semicolon; at the end */
"""


def test_a_script_may_have_triggers_strings_and_comments(database: Database) -> None:
    database.script(SCRIPT)
    assert database.query("SELECT x FROM b") == [("it's; one;",), ("two;",)]


def test_a_failing_script_says_which_of_its_statements_failed(database: Database) -> None:
    with pytest.raises(
        StrataError, match=r"statement 3: Table 'strata_test_.*nowhere' doesn't exist"
    ) as caught:
        database.script(
            "CREATE TABLE a (x int); SELECT 1; INSERT INTO nowhere VALUES (1); CREATE TABLE b (x int)"
        )
    assert str(caught.value).startswith(f"{database.shown}, ")
    assert database.has_table("a")
    assert not database.has_table("b")


@pytest.mark.parametrize("end", ["", "; SELECT 1 FROM nowhere"])
def test_what_a_script_sets_ends_with_it(
    database: Database, mysql_server: Any, mysql_url: str, end: str
) -> None:
    elsewhere = f"{mysql_url.rpartition('/')[2]}_elsewhere"
    mysql_server.execute(f"CREATE DATABASE {elsewhere}")
    variables = (
        *(
            "sql_mode",
            "foreign_key_checks",
            "unique_checks",
            "autocommit",
            "time_zone",
            "collation_connection",
        ),
        *(
            "character_set_client",
            "character_set_connection",
            "character_set_results",
            "default_storage_engine",
        ),
        *("sql_safe_updates", "sql_select_limit"),
        *(["check_constraint_checks"] if is_mariadb(database) else []),
    )
    state = f"SELECT DATABASE(), {', '.join(f'@@SESSION.{name}' for name in variables)}"
    before = database.query(state)
    try:
        script = (
            f"USE {elsewhere}; SET sql_mode = '', foreign_key_checks = 0, unique_checks = 0, autocommit = 0; "
            "SET NAMES latin1; SET time_zone = '+05:00', default_storage_engine = MEMORY, sql_safe_updates = 1, "
            "sql_select_limit = 7" + (", check_constraint_checks = 0" if is_mariadb(database) else "")
        )
        if end:
            with pytest.raises(StrataError, match="nowhere"):
                database.script(script + end)
        else:
            database.script(script)
        assert database.query(state) == before
    finally:
        mysql_server.execute(f"DROP DATABASE {elsewhere}")


def test_what_a_script_writes_is_read_as_utf_8_whatever_the_one_before_it_has_set(database: Database) -> None:
    database.script("CREATE TABLE a (x text) CHARACTER SET utf8mb4; SET NAMES latin1")
    database.script("INSERT INTO a VALUES ('é')")
    assert database.query("SELECT HEX(x) FROM a") == [("C3A9",)]


def test_what_a_script_keeps_from_the_replicas_is_its_own_alone(mysql_server: Any, address: Address) -> None:
    with opened(replace(mysql_server.admin, database=address.database), read_only=False) as database:
        with database.limited(NONE):
            database.query("SET sql_log_bin = 0")
            with database.transaction(NONE):
                database.script("SELECT 1")
        assert database.query("SELECT @@SESSION.sql_log_bin") == [(1,)]


def test_a_role_that_a_script_takes_ends_with_it(database: Database, mysql_server: Any) -> None:
    mysql_server.execute("CREATE ROLE strata_test_role", "GRANT strata_test_role TO strata_test")
    try:
        before = database.query("SELECT CURRENT_ROLE()")
        database.script("SET ROLE strata_test_role")
        assert database.query("SELECT CURRENT_ROLE()") == before
    finally:
        mysql_server.execute("DROP ROLE strata_test_role")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("INSERT INTO a VALUES (1); UPDATE a SET x = 2; DELETE FROM a; REPLACE INTO a VALUES (1);", True),
        ("-- nothing\n", True),
        ("SET @x = 1; SELECT @x; WITH n AS (SELECT 1) SELECT * FROM n; (SELECT 1) UNION (SELECT 2)", True),
        ("CREATE TEMPORARY TABLE t (x int); DROP TEMPORARY TABLE t;", True),
        ("INSERT INTO a VALUES ('; DROP TABLE a;');", True),
        ("INSERT INTO a VALUES (1); CREATE TABLE b (x int);", False),
        ("alter table a add y int", False),
        ("DROP TABLE a", False),
        ("RENAME TABLE a TO b", False),
        ("TRUNCATE a", False),
        ("GRANT ALL ON a TO b", False),
        ("LOCK TABLES a WRITE", False),
        ("SET autocommit = 0; INSERT INTO a VALUES (1)", False),
        ("SET GLOBAL max_connections = 10", False),
        ("SET @@global.max_connections = 10", False),
        ("COMMIT", False),
        ("CALL migrate()", False),
        ("EXECUTE migrate", False),
        ("OPTIMIZE TABLE a", False),
        ("/*!40000 ALTER TABLE a DISABLE KEYS */;", False),
        ("/*M!100100 ALTER TABLE a ADD y int */;", False),
    ],
)
def test_only_what_commits_nothing_can_be_rolled_back(
    database: Database, script: str, expected: bool
) -> None:
    assert database.rolls_back(script) is expected


def test_a_failed_transaction_leaves_nothing_that_it_could_take_back(database: Database) -> None:
    database.query("CREATE TABLE a (x int)")
    script = "CREATE TEMPORARY TABLE t (x int); INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)"
    for _ in range(2):  # and the temporary table is not in the way of another try
        with pytest.raises(StrataError, match="nowhere"), database.transaction(NONE):
            database.script(script)
    assert database.query("SELECT * FROM a") == []


def test_a_script_that_fails_in_a_transaction_of_its_own_commits_nothing(
    database: Database, other: Database
) -> None:
    database.query("CREATE TABLE a (x int)")
    for begin in ("BEGIN", "SET autocommit = 0"):
        with pytest.raises(StrataError, match="nowhere"):
            database.script(f"{begin}; INSERT INTO a VALUES (1); INSERT INTO nowhere VALUES (1)")
        assert other.query("SELECT * FROM a") == []


def test_a_transaction_ends_with_a_commit(database: Database, other: Database) -> None:
    database.query("CREATE TABLE a (x int)")
    with database.transaction(NONE):
        database.script("INSERT INTO a VALUES (1)")
        assert other.query("SELECT * FROM a") == []
    assert other.query("SELECT * FROM a") == [(1,)]


@pytest.mark.parametrize("statement", ["ALTER TABLE a ADD y int", "UPDATE a SET x = 2", "TRUNCATE a"])
def test_a_lock_that_cannot_be_had_in_time_is_told_from_other_errors(
    database: Database, other: Database, statement: str
) -> None:
    database.query("CREATE TABLE a (x int PRIMARY KEY)")
    database.query("INSERT INTO a VALUES (1)")
    with other.transaction(NONE):
        other.query("SELECT * FROM a FOR UPDATE")
        began = time.monotonic()
        with (
            pytest.raises(LockedError, match="Lock wait timeout exceeded"),
            database.limited(Timeouts(0.5, 0)),
        ):
            database.script(statement)
        assert 0.9 < time.monotonic() - began < WAIT / 2
    with database.limited(Timeouts(0.5, 0)):
        database.script(statement)


def test_a_deadlock_is_worth_another_try(database: Database, other: Database, address: Address) -> None:
    database.query("CREATE TABLE a (x int PRIMARY KEY, y int)")
    database.query(
        "INSERT INTO a SELECT seq, 0 FROM (WITH RECURSIVE n(seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 100) SELECT seq FROM n) AS numbers"
    )
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    worker = spawn.Process(target=update_many_and_one, args=(address, ready))
    with database.transaction(Timeouts(WAIT, 0)):
        database.query("UPDATE a SET y = 1 WHERE x = 1")
        worker.start()
        assert ready.wait(WAIT)
        until(lambda: "UPDATE a SET y = 2 WHERE x = 1" in running(other), "the other waits for this one")
        with pytest.raises(LockedError, match="Deadlock"):  # the server gives up the lesser transaction
            database.query("UPDATE a SET y = 1 WHERE x = 2")
    worker.join(WAIT)
    assert worker.exitcode == 0


def update_many_and_one(address: Address, ready: Event) -> None:
    with opened(address, read_only=False) as database, database.transaction(Timeouts(WAIT, 0)):
        database.query("UPDATE a SET y = 2 WHERE x > 1")
        ready.set()
        database.query("UPDATE a SET y = 2 WHERE x = 1")


def running(database: Database) -> list[str]:
    """The statements that the server carries out for this user."""
    rows = database.query("SELECT info FROM information_schema.processlist WHERE info IS NOT NULL")
    return [row[0] for row in rows]


def test_a_statement_that_takes_too_long_is_ended_and_says_which_option_did_so(database: Database) -> None:
    slow = "SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, information_schema.columns c"
    limited = database.limited(Timeouts(0, 0.2))
    with (
        pytest.raises(StrataError, match="statement_timeout is the option that limits it") as caught,
        limited,
    ):
        database.query(slow)
    assert not isinstance(caught.value, LockedError)
    with pytest.raises(StrataError, match="statement_timeout"), database.transaction(Timeouts(0, 0.2)):
        database.query(slow)


def test_timeouts_end_with_what_they_were_for(database: Database) -> None:
    limit = "max_statement_time" if is_mariadb(database) else "max_execution_time"
    state = f"SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout, @@{limit}"
    before = database.query(state)
    for scope in (database.limited, database.transaction):
        with scope(Timeouts(2.5, 1.5)):
            assert [float(value) for value in database.query(state)[0][:2]] == [3, 3]
        assert database.query(state) == before
        with scope(NONE):
            assert database.query(state)[0][:2] == (31536000, 31536000)
        assert database.query(state) == before


def test_of_two_migrators_one_is_told_who_the_other_is(database: Database, other: Database) -> None:
    with other.lock(0, beside_tool=False):
        began = time.monotonic()
        with pytest.raises(StrataError) as caught, database.lock(0.3, beside_tool=False):
            pass
        assert time.monotonic() - began >= 0.3
    message = str(caught.value)
    assert message.startswith(
        f"{database.shown} was being migrated by another for 0.3 s: 'someone else' of user strata_test"
    )
    with database.lock(0, beside_tool=True):
        pass


def test_the_holder_may_be_someone_that_this_user_may_not_see(address: Address, mysql_server: Any) -> None:
    mine = replace(mysql_server.admin, database=address.database)
    hidden = r"another, connection \d+ of a user that .* without the privilege PROCESS"
    with opened(mine, read_only=False) as admin, admin.lock(0, beside_tool=False):
        lock_in_vain(address, hidden)


def test_databases_of_one_server_are_migrated_side_by_side(address: Address, mysql_server: Any) -> None:
    with opened(mysql_server.admin, read_only=False) as admin, admin.lock(0, beside_tool=False):
        lock_and_let_go(address)


def test_a_long_name_of_a_database_has_a_lock_of_its_own(mysql_server: Any) -> None:
    names = [f"strata_test_{'x' * 51}{end}" for end in "ab"]
    assert {len(name) for name in names} == {64}
    mysql_server.execute(*(f"CREATE DATABASE {name}" for name in names))
    try:
        one, two = (resolve(mysql_server.url(name), None, {}) for name in names)
        with opened(one, read_only=False) as first, first.lock(0, beside_tool=False):
            lock_and_let_go(two)
    finally:
        mysql_server.execute(*(f"DROP DATABASE {name}" for name in names))


def lock_in_vain(address: Address, message: str) -> None:
    with pytest.raises(StrataError, match=message):
        lock_and_let_go(address)


def lock_and_let_go(address: Address) -> None:
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=False):
        pass


def test_the_session_with_the_lock_may_be_idle_for_hours(mysql_server: Any, address: Address) -> None:
    with opened(address, read_only=False) as database:
        database.query("SET SESSION wait_timeout = 60")
        with database.lock(0, beside_tool=True):
            assert database.query("SELECT @@SESSION.wait_timeout") == [(28800,)]


def hold(address: Address, held: Event, statement: str | None) -> None:
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=False):
        held.set()
        database.query(statement or "SELECT SLEEP(60)")


@pytest.mark.parametrize("statement", ["SELECT SLEEP(60)", "UPDATE a SET y = 2"])
def test_a_killed_migrator_frees_the_lock_and_the_next_waits_no_longer_than_its_statement(
    database: Database, other: Database, address: Address, statement: str
) -> None:
    database.script("CREATE TABLE a (x int PRIMARY KEY, y int); INSERT INTO a VALUES (1, 0)")
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    with other.transaction(NONE):
        other.query("SELECT * FROM a FOR UPDATE")
        worker = spawn.Process(target=hold, args=(address, held, statement))
        worker.start()
        try:
            assert held.wait(WAIT)
            until(lambda: statement in running(other), "it is in mid-statement")
        finally:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
    with database.lock(WAIT, beside_tool=False):
        # What the server had begun, it has ended: another migrator never meets it half done.
        assert statement not in running(database)


def test_a_read_only_session_cannot_write(address: Address) -> None:
    with opened(address, read_only=True) as database:
        for statement in ("CREATE TABLE a (x int)", "CREATE TABLE b LIKE mysql.user"):
            with pytest.raises(StrataError, match="READ ONLY"):
                database.script(statement)


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("a", None, True),
        ("`a`", "y", True),
        ("a", "`z`", False),
        ("a", "absent", False),
        ("a", "`absent`", False),
        ("empty", None, False),
        ("absent", None, False),
        ("absent_schema.a", None, False),
    ],
)
def test_rows_are_looked_for(database: Database, table: str, column: str | None, expected: bool) -> None:
    database.script(
        "CREATE TABLE a (y int, z int); INSERT INTO a VALUES (1, NULL); CREATE TABLE empty (x int)"
    )
    if table == "absent_schema.a":
        table = table.replace("absent", "strata_test_absent")
    assert database.has_rows(table, column) is expected


def test_the_size_is_that_of_tables_and_indexes(database: Database) -> None:
    assert database.size() == 0
    database.script("CREATE TABLE a (x int PRIMARY KEY); ANALYZE TABLE a")
    assert database.size() >= 16384


def test_a_server_that_replicates_nothing_has_no_lag(mysql_server: Any) -> None:
    with opened(mysql_server.admin, read_only=True) as database:
        assert database.replica_lag() is None


def test_who_may_not_know_the_lag_is_told_which_privilege_is_missing(database: Database) -> None:
    with pytest.raises(StrataError, match=r"(?i)Access denied.* privilege"):
        database.replica_lag()


def test_a_replica_says_how_far_it_lags_behind_and_when_it_is_stopped(
    mysql_server: Any, mysql_replica: Any
) -> None:
    with opened(mysql_replica.admin, read_only=True) as replica:
        with pytest.raises(StrataError, match="is a replica, and its replication is stopped"):
            replica.replica_lag()
        mysql_replica.execute("START SLAVE")
        until(lambda: lag(replica) == 0.0, "the replica follows")
        mysql_server.execute("CREATE DATABASE strata_test_replicated")
        until(
            lambda: replica.query("SHOW DATABASES LIKE 'strata\\_test\\_replicated'"),
            "the replica has followed",
        )
        mysql_replica.execute("STOP SLAVE", "CHANGE MASTER TO master_delay=3600", "START SLAVE")
        mysql_server.execute("DROP DATABASE strata_test_replicated")
        until(lambda: (lag(replica) or 0) >= 1, "the replica lags behind")


def lag(database: Database) -> float | None:
    """None too while its threads start, which is told as replication that is stopped."""
    try:
        return database.replica_lag()
    except StrataError:
        return None


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE a (x int)", True),
        ("create table if not exists `a` (x int)", True),
        ("CREATE TABLE b (x int)", False),
        ("DROP TABLE b", True),
        ("DROP TABLE IF EXISTS a", False),
        ("DROP TABLE a, b", None),
        ("CREATE UNIQUE INDEX a_y\nON a (y)", True),
        ("CREATE INDEX a_x ON a (x)", False),
        ("DROP INDEX a_x ON a", True),
        ("ALTER TABLE a ADD y int, ADD z int", True),
        ("ALTER TABLE a ADD COLUMN `z` int", False),
        ("ALTER TABLE SCHEMA.a ADD COLUMN `y` int", True),
        ("ALTER TABLE a DROP COLUMN z", True),
        ("ALTER TABLE a DROP y", False),
        ("ALTER TABLE a ADD INDEX a_y (y)", True),
        ("ALTER TABLE a ADD UNIQUE KEY a_z (z)", False),
        ("ALTER TABLE a DROP KEY a_y", False),
        ("ALTER TABLE a ADD INDEX (y)", None),
        ("ALTER TABLE a ADD CONSTRAINT c CHECK (x > 0)", None),
        ("ALTER TABLE a DROP PRIMARY KEY", None),
        ("ALTER TABLE a MODIFY y bigint", None),
        ("UPDATE a SET x = 1", None),
    ],
)
def test_what_is_there_tells_whether_a_statement_was_carried_out(
    database: Database, statement: str, expected: bool | None
) -> None:
    database.script("CREATE TABLE a (x int, y int); CREATE INDEX a_y ON a (y)")
    schema = database.query("SELECT DATABASE()")[0][0]
    assert database.settle(statement.replace("SCHEMA", schema)) is expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("s3cr3t", "s3cr3t-wrong"), "Access denied for user 'strata_test'"),
        (("/strata_test_", "/strata_test_absent_"), "Unknown database 'strata_test_absent"),
        (("127.0.0.1", "no-such-host.invalid"), "no-such-host.invalid"),
    ],
)
def test_a_failed_connection_is_told_without_the_password(
    mysql_url: str, change: tuple[str, str], message: str
) -> None:
    address = resolve(mysql_url.replace(*change), None, {})
    with pytest.raises(StrataError) as caught:
        connect(address)
    assert str(caught.value).startswith(f"Connecting to {address.shown} failed: ")
    assert message in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named(free_port: int) -> None:
    address = resolve(f"mysql://shop:s3cr3t@127.0.0.1:{free_port}/shop", None, {})
    with pytest.raises(StrataError, match=rf"'shop' on 127\.0\.0\.1:{free_port} failed: .*refused"):
        connect(address)


def test_a_server_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = importlib.import_module(
        "ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_connection"
    )
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = resolve(f"mysql://shop@127.0.0.1:{listener.getsockname()[1]}/shop", None, {})
        with pytest.raises(StrataError, match="timed out"):
            connect(address)


def test_a_password_may_have_any_character(mysql_server: Any, mysql_url: str) -> None:
    password = "£€漢 '\"\\;#"
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    mysql_server.execute(
        f"CREATE USER strata_test_2 IDENTIFIED BY '{escaped}'",
        "GRANT ALL ON `strata\\_test%`.* TO strata_test_2",
    )
    try:
        address = resolve(mysql_url, {"user": "strata_test_2", "password": password}, {})
        with opened(address, read_only=True) as database:
            assert database.query("SELECT 1") == [(1,)]
        assert dumped(address).returncode == 0
    finally:
        mysql_server.execute("DROP USER strata_test_2")


def test_a_lost_connection_is_an_error_like_others(database: Database, mysql_server: Any) -> None:
    (number,) = database.query("SELECT CONNECTION_ID()")[0]
    mysql_server.execute(f"KILL {number}")
    with pytest.raises(StrataError, match=r"Lost connection|gone away|killed"), database.transaction(NONE):
        pass
    with pytest.raises(StrataError, match="the connection is lost"):
        database.query("SELECT 1")


@pytest.fixture
def own(mysql_server: Any) -> Path:
    """The folder of a server of the tests' own."""
    if mysql_server.folder is None:
        pytest.skip("the server is not the tests' own")
    return Path(mysql_server.folder)


def test_the_system_user_is_let_in_by_the_socket_without_a_password(own: Path) -> None:
    for connection in (
        {"socket": str(own / "socket")},
        {"socket": str(own / "socket"), "user": getpass.getuser(), "tls": "verify-full"},
    ):
        address = resolve(None, {"system": "mysql", "database": "mysql", **connection}, {})
        with opened(address, read_only=True) as database:
            assert database.query("SELECT CURRENT_USER()") == [(f"{getpass.getuser()}@localhost",)]
        assert dumped(address, "--no-data").returncode == 0


ENCRYPTED = "SHOW SESSION STATUS LIKE 'Ssl_cipher'"


@pytest.mark.parametrize(
    ("host", "tls", "ca", "outcome", "program_s"),
    [
        ("127.0.0.1", None, None, "encrypted", "encrypted"),
        ("127.0.0.1", "disable", None, "plain", "plain"),
        ("127.0.0.1", "disable", "stranger", "plain", "plain"),
        ("127.0.0.1", "prefer", None, "encrypted", "encrypted"),
        ("127.0.0.1", "prefer", "stranger", "encrypted", "encrypted"),
        ("127.0.0.1", "require", None, "encrypted", "encrypted"),
        ("127.0.0.1", "require", "ca", "encrypted", "refused"),
        ("localhost", "require", "ca", "encrypted", "encrypted"),
        ("127.0.0.1", "require", "stranger", "refused", "refused"),
        ("127.0.0.1", "verify-ca", "ca", "encrypted", "refused"),
        ("localhost", "verify-ca", "ca", "encrypted", "encrypted"),
        ("127.0.0.1", "verify-ca", "stranger", "refused", "refused"),
        ("127.0.0.1", "verify-ca", None, "refused", "refused"),
        ("127.0.0.1", "verify-full", "ca", "refused", "refused"),
        ("localhost", "verify-full", "ca", "encrypted", "encrypted"),
        ("localhost", "verify-full", "stranger", "refused", "refused"),
        ("localhost", "verify-full", None, "refused", "refused"),
    ],
)
@pytest.mark.usefixtures("own")
def test_each_tls_mode_takes_what_it_says_and_client_programs_no_less(
    mysql_url: str,
    certificates: Path,
    host: str,
    tls: str | None,
    ca: str | None,
    outcome: str,
    program_s: str,
) -> None:
    files = {"tls_ca": str(certificates / f"{ca}.crt")} if ca else {}
    address = resolve(mysql_url, {"host": host, "tls": tls, **files}, {})
    if outcome == "refused":
        with pytest.raises(StrataError, match=r"(?i)certificate verify failed"):
            connect(address)
    else:
        with opened(address, read_only=True) as database:
            assert bool(database.query(ENCRYPTED)[0][1]) is (outcome == "encrypted")
    program = asked(address, ENCRYPTED)
    if program_s == "refused":
        assert program.returncode == 1
        assert "TLS/SSL error" in program.stderr
    else:
        assert bool(program.stdout.split()[1:]) is (program_s == "encrypted")


@pytest.mark.usefixtures("own")
def test_a_user_may_be_asked_for_a_certificate(mysql_server: Any, mysql_url: str, certificates: Path) -> None:
    mysql_server.execute(
        "CREATE USER strata_test_2 REQUIRE X509", "GRANT ALL ON `strata\\_test%`.* TO strata_test_2"
    )
    try:
        bare = resolve(mysql_url, {"user": "strata_test_2", "tls": "require"}, {})
        bare = replace(bare, password="")
        with pytest.raises(StrataError, match="Access denied"):
            connect(bare)
        full = replace(
            bare, tls_cert=str(certificates / "client.crt"), tls_key=str(certificates / "client.key")
        )
        with opened(full, read_only=True) as database:
            assert database.query("SELECT 1") == [(1,)]
        assert asked(full, "SELECT 1").stdout == "1\n"
    finally:
        mysql_server.execute("DROP USER strata_test_2")


@pytest.mark.parametrize("tls", ["require", "verify-ca", "verify-full"])
def test_a_server_without_tls_gets_no_password_from_who_requires_it(tls: str) -> None:
    with (
        greeted(tls) as address,
        pytest.raises(StrataError, match=f"the server offers no TLS, and tls is {tls}"),
    ):
        connect(address)


@pytest.mark.parametrize("tls", ["verify-ca", "verify-full"])
@pytest.mark.usefixtures("own")
def test_a_server_without_tls_gets_no_password_from_client_programs_either(
    tls: str, certificates: Path
) -> None:
    for ca in ("", str(certificates / "ca.crt")):
        with greeted(tls) as address:
            program = asked(replace(address, tls_ca=ca), "SELECT 1")
            assert "the server does not support" in program.stderr


def test_a_server_without_tls_is_told_before_client_programs_require_it() -> None:
    with greeted("require") as address, pytest.raises(StrataError, match="the server offers no TLS"):
        asked(address, "SELECT 1")


@contextmanager
def greeted(tls: str) -> Iterator[Address]:
    """A server that offers no TLS, and gets no answer to that."""
    fork = multiprocessing.get_context("fork")
    received = fork.Queue()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        greeter = fork.Process(target=greet_without_tls, args=(listener, received))
        greeter.start()
        port = listener.getsockname()[1]
        yield resolve(f"mysql://shop:s3cr3t@127.0.0.1:{port}/shop?tls={tls}", None, {})
    assert received.get(timeout=WAIT) == b""
    greeter.join()


def greet_without_tls(listener: socket.socket, received: Any) -> None:
    """Speak as a server of MySQL 8 does first, without offering TLS."""
    with listener.accept()[0] as connection:
        greeting = (
            *(b"\x0a8.0.36\x00", b"\x01\x00\x00\x00", b"12345678\x00", b"\xff\xf7", b"\xff\x02\x00"),
            *(b"\xff\xdf", b"\x15", b"\x00" * 10, b"123456789012\x00", b"mysql_native_password\x00"),
        )
        payload = b"".join(greeting)
        connection.sendall(len(payload).to_bytes(3, "little") + b"\x00" + payload)
        received.put(connection.recv(4096))


def asked(address: Address, statement: str) -> subprocess.CompletedProcess[str]:
    with client(address) as reach:
        assert "s3cr3t" not in " ".join(reach.arguments)
        return subprocess.run(
            [
                *need("mariadb"),
                *reach.arguments,
                "--batch",
                "--skip-column-names",
                f"--execute={statement}",
                address.database,
            ],
            env={**os.environ, **reach.environment},
            capture_output=True,
            text=True,
            timeout=WAIT,
        )


def dumped(address: Address, *options: str) -> subprocess.CompletedProcess[str]:
    with client(address) as reach:
        return subprocess.run(
            [*need("mariadb-dump"), *reach.arguments, *options, address.database],
            env={**os.environ, **reach.environment},
            capture_output=True,
            text=True,
            timeout=WAIT,
        )


def test_client_programs_find_the_password_in_a_file_of_this_user_alone(address: Address) -> None:
    with client(address) as reach:
        file = Path(reach.arguments[0].removeprefix("--defaults-file="))
        found = file.stat()
        assert (found.st_mode & 0o777, found.st_nlink) == (
            0o600,
            0,
        )  # without a name it is gone with this process
        assert "s3cr3t" not in " ".join((*reach.arguments, *reach.environment.values(), repr(reach)))
    assert not file.exists()


def test_client_programs_heed_no_file_of_the_user(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".my.cnf").write_text("[client]\nhost=no-such-host.invalid\npassword=other\n")
    assert asked(address, "SELECT DATABASE()").stdout == f"{address.database}\n"
    assert dumped(address).returncode == 0


def test_without_the_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name == "pymysql":
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    address = resolve("mysql://shop@db1/shop", None, {})
    with pytest.raises(StrataError, match="Install python3-pymysql") as caught:
        connect(address)
    assert caught.value.details == {"driver": "python3-pymysql"}
