# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The driver of PostgreSQL by itself on a real server: timeouts, TLS, peers, replicas, unfinished indexes, client programs."""

from __future__ import annotations

import getpass
import importlib
import multiprocessing
import os
import select
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Callable

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
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import client, opened

WAIT = 20.0
NONE = Timeouts(0, 0)


@pytest.fixture(params=["psycopg", "psycopg2"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Either driver, the other one being absent."""
    real = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name in ("psycopg", "psycopg2") and name != request.param:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)
    return str(request.param)


@pytest.fixture
def address(url: str) -> Address:
    return resolve(url, None, {})


@pytest.fixture
def database(driver: str, address: Address) -> Iterator[Database]:
    with opened(address, read_only=False) as database:
        yield database


@pytest.fixture
def other(driver: str, address: Address) -> Iterator[Database]:
    """A session of someone else."""
    with opened(address, read_only=False, application="someone else") as database:
        yield database


def connect(address: Address) -> None:
    with opened(address, read_only=True):
        pass


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


def test_parameters_stand_for_values_and_nothing_else_is_read_as_one(database: Database) -> None:
    database.query("CREATE TABLE a (x text, y int)")
    database.query("INSERT INTO a VALUES (?, ?)", ("100%s? ' \\ é", None))
    assert database.query("SELECT x, y FROM a WHERE x LIKE '100%' AND x <> ?", ("x",)) == [
        ("100%s? ' \\ é", None)
    ]
    assert database.query("SELECT '100%s?'") == [("100%s?",)]


def test_a_transaction_has_its_timeouts_and_others_have_none(database: Database) -> None:
    state = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    with database.transaction(Timeouts(0.0101, 1.5)):
        assert database.query(state) == [("11ms", "1500ms")]
    assert database.query(state) == [("0", "0")]


def test_statements_outside_a_transaction_have_their_timeouts_until_the_end(
    driver: str, url: str, other: Database
) -> None:
    other.query("CREATE TABLE a (x int)")
    state = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    address = resolve(f"{url}?options=-clock_timeout%3D7s", None, {})
    with opened(address, read_only=False) as database:
        with other.transaction(NONE):
            other.query("LOCK TABLE a")
            with database.limited(Timeouts(0.05, 2)):
                assert database.query(state) == [("50ms", "2s")]
                with pytest.raises(LockedError, match="lock timeout"):
                    database.script("CREATE INDEX CONCURRENTLY a_x ON a (x)")
        assert database.query(state) == [("7s", "0")]


SET_BY_A_SCRIPT = {
    "session_replication_role": "replica",
    "timezone": "Asia/Tokyo",
    "standard_conforming_strings": "off",
    "work_mem": "9MB",
    "datestyle": "SQL",
    "lock_timeout": "1h",
    "statement_timeout": "2h",
    "idle_session_timeout": "3h",
    "client_connection_check_interval": "0",
    "default_transaction_read_only": "on",
}


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize("scope", ["", "limited", "transaction"])
def test_what_a_script_sets_ends_with_it_and_what_the_connection_has_stays(url: str, scope: str) -> None:
    calls = [f"current_setting('{name}')" for name in SET_BY_A_SCRIPT]
    state = f"SELECT {', '.join(calls)}"
    script = "; ".join(f"SET {name} = '{value}'" for name, value in SET_BY_A_SCRIPT.items())
    options = "options=-cwork_mem%3D5MB%20-clock_timeout%3D7s%20-cdatestyle%3DGerman%20-csearch_path%3Dapp"
    with opened(resolve(f"{url}?{options}", None, {}), read_only=False) as database:
        outside = database.query(state)
        with getattr(database, scope)(Timeouts(0.05, 2)) if scope else nullcontext():
            before = database.query(state)
            database.script(f"SET search_path = public; {script}; SET app.x = 'y'")
            assert database.query(state) == before
            assert database.query("SELECT current_setting('search_path'), current_setting('app.x')") == [
                ("app", "")
            ]
        assert database.query(state) == outside


def test_the_limits_around_a_transaction_are_those_after_it_too(database: Database) -> None:
    state = "SELECT current_setting('lock_timeout')"
    with database.limited(Timeouts(1, 0)):
        with database.transaction(Timeouts(2, 0)):
            database.script("SET lock_timeout = '3s'")
            assert database.query(state) == [("2s",)]
        assert database.query(state) == [("1s",)]


def test_a_foreign_key_holds_though_an_earlier_script_has_put_it_out_of_force(database: Database) -> None:
    database.script("CREATE TABLE a (x int PRIMARY KEY); CREATE TABLE b (x int REFERENCES a)")
    with database.transaction(NONE):
        database.script("SET session_replication_role = replica; INSERT INTO b VALUES (1)")
    with pytest.raises(StrataError, match="violates foreign key"), database.transaction(NONE):
        database.script("INSERT INTO b VALUES (2)")


def test_a_statement_that_takes_too_long_is_ended_and_says_which_option_did_so(database: Database) -> None:
    for scope in (database.transaction, database.limited):
        with pytest.raises(StrataError, match="statement_timeout is the option that limits it") as caught:
            sleep(database, scope(Timeouts(0, 0.05)))
        assert not isinstance(caught.value, LockedError)


def sleep(database: Database, limit: Any) -> None:
    with limit:
        database.query("SELECT pg_sleep(60)")


@pytest.mark.usefixtures("driver")
def test_tools_keep_the_timeouts_by_their_environment(
    server: Any, address: Address, database: Database
) -> None:
    environment = database.tool_environment(Timeouts(0.5, 2))
    assert asked(server, address, "SHOW lock_timeout; SHOW statement_timeout", environment) == "500ms\n2s\n"


def test_of_two_migrators_one_is_told_who_the_other_is(database: Database, other: Database) -> None:
    for beside_tool in (False, True):
        with other.lock(0, beside_tool=beside_tool), pytest.raises(StrataError) as caught:
            lock_and_let_go(database)
        assert (
            f"{database.shown} was being migrated by another for 0.2 s: 'someone else' of user shop"
            in str(caught.value)
        )
    lock_and_let_go(database)


def lock_and_let_go(database: Database) -> None:
    with database.lock(0.2, beside_tool=False):
        pass


@pytest.mark.usefixtures("driver")
def test_a_long_name_of_a_migrator_is_cut_by_us_and_not_by_the_server(address: Address) -> None:
    with opened(address, read_only=True, application="x" * 100) as database:
        assert database.query("SELECT current_setting('application_name')") == [("x" * 63,)]


@pytest.mark.usefixtures("driver")
def test_the_session_with_the_lock_may_be_idle(address: Address) -> None:
    with opened(address, read_only=False) as database:
        assert database.query("SELECT current_setting('idle_session_timeout')") == [("0",)]


def hold(address: Address, held: Event) -> None:
    with opened(address, read_only=False) as database, database.lock(0, beside_tool=False):
        held.set()
        database.query("SELECT pg_sleep(60)")


def test_a_killed_migrator_frees_the_lock(database: Database, address: Address) -> None:
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    worker = spawn.Process(target=hold, args=(address, held))
    worker.start()
    try:
        assert held.wait(WAIT)
    finally:
        assert worker.pid is not None
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()
    with database.lock(WAIT, beside_tool=False):
        pass


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("a", None, True),
        ("public.A", "y", True),
        ('"a"', '"y"', True),
        ("a", '"Y"', False),
        ("a", "z", False),
        ("a", "absent", False),
        ("empty", None, False),
        ("absent", None, False),
        ("absent.a", None, False),
    ],
)
def test_rows_are_looked_for(database: Database, table: str, column: str | None, expected: bool) -> None:
    database.script(
        "CREATE TABLE a (y int, z int); INSERT INTO a VALUES (1, NULL); CREATE TABLE empty (x int)"
    )
    assert database.has_rows(table, column) is expected


def test_the_size_is_the_database_s(database: Database) -> None:
    assert database.size() > 2**20


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE INDEX CONCURRENTLY {} ON a (x)", False),
        (
            "/* so */ create unique index concurrently -- and\n if not exists {} on ONLY app.a USING btree (x)",
            False,
        ),
        ("CREATE INDEX CONCURRENTLY whole ON a (x)", True),
        ("CREATE INDEX CONCURRENTLY absent ON a (x)", False),
        ("CREATE INDEX CONCURRENTLY ON a (x)", None),
        ("CREATE INDEX {} ON a (x)", None),
        ("DROP INDEX CONCURRENTLY whole", False),
        ("DROP INDEX CONCURRENTLY IF EXISTS app.absent", True),
        ("VACUUM a", None),
    ],
)
@pytest.mark.parametrize("name", ["broken", '"Broken"'])
def test_an_invalid_index_is_dropped_and_a_valid_one_is_known(
    database: Database, statement: str, expected: bool | None, name: str
) -> None:
    database.script(
        "CREATE SCHEMA app; CREATE TABLE app.a (x int); INSERT INTO app.a VALUES (1), (1);"
        "CREATE TABLE a (x int); CREATE INDEX whole ON app.a (x); CREATE INDEX whole ON a (x)"
    )
    database.query("SET search_path = app")
    with pytest.raises(StrataError, match="could not create unique index"):
        database.query(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON a (x)")
    assert database.settle(statement.format(name)) is expected
    left = database.query("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
    assert left == [(0 if "{}" in statement and expected is False else 1,)]


def test_an_invalid_index_that_others_use_is_not_waited_for_without_end(
    database: Database, other: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgresql = importlib.import_module(
        "ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql"
    )
    monkeypatch.setattr(postgresql, "DROP_WAIT", 0.05)
    database.script("CREATE TABLE a (x int); INSERT INTO a VALUES (1), (1)")
    with pytest.raises(StrataError, match="could not create unique index"):
        database.query("CREATE UNIQUE INDEX CONCURRENTLY i ON a (x)")
    with other.transaction(NONE):
        other.query("SELECT * FROM a")
        with pytest.raises(LockedError):
            database.settle("CREATE UNIQUE INDEX CONCURRENTLY i ON a (x)")
    assert database.settle("CREATE UNIQUE INDEX CONCURRENTLY i ON a (x)") is False


@pytest.mark.usefixtures("driver")
@pytest.mark.parametrize(
    "connection",
    [
        {"socket": "FOLDER", "port": "PORT"},
        {"socket": "FOLDER/.s.PGSQL.PORT"},
        {"socket": "FOLDER/.s.PGSQL.PORT", "tls": "require"},
    ],
)
def test_the_system_user_is_let_in_by_the_socket_without_a_password(
    server: Any, address: Address, connection: dict[str, str]
) -> None:
    known = {"FOLDER": str(server.folder), "PORT": str(server.port)}
    options = {"system": "postgresql", "database": address.database, "user": "shop", **connection}
    for short, long in known.items():
        options = {name: value.replace(short, long) for name, value in options.items()}
    local = resolve(None, options, {})
    with opened(local, read_only=True) as database:
        assert database.query("SELECT current_user::text, inet_client_addr()") == [("shop", None)]
        assert database.query("SELECT system_user") == [(f"peer:{getpass.getuser()}",)]
    assert asked(server, local, "SELECT 1") == "1\n"


@pytest.mark.usefixtures("driver")
def test_of_several_hosts_the_first_that_answers_is_taken(server: Any, url: str, free_port: int) -> None:
    several = url.replace(f"127.0.0.1:{server.port}", f"127.0.0.1:{free_port},127.0.0.1:{server.port}")
    address = resolve(several, None, {})
    assert address.shown.endswith(f"on 127.0.0.1:{free_port},127.0.0.1:{server.port}")
    connect(address)
    assert asked(server, address, "SELECT 1") == "1\n"


def front(listener: socket.socket, port: int, context: ssl.SSLContext | None, seen: list[str]) -> None:
    """Stand before a server and speak TLS for it: the server from PyPI is built without."""
    while True:
        try:
            connection = listener.accept()[0]
        except OSError:
            return
        with suppress(OSError), connection, socket.create_connection(("127.0.0.1", port)) as behind:
            head = connection.recv(8, socket.MSG_WAITALL)
            secured: socket.socket = connection
            if head[4:] == b"\x04\xd2\x16\x2f":  # SSLRequest
                connection.sendall(b"S" if context else b"N")
                if context:
                    secured = context.wrap_socket(connection, server_side=True)
                    seen.append("encrypted")
            else:
                seen.append("plain")
                behind.sendall(head)
            pass_on(secured, behind)


def pass_on(one: socket.socket, other: socket.socket) -> None:
    while True:
        pending = [one] if isinstance(one, ssl.SSLSocket) and one.pending() else []
        for ready in pending or select.select([one, other], [], [], WAIT)[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


@contextmanager
def fronted(server: Any, certificates: Path | None) -> Iterator[tuple[int, list[str]]]:
    context = None
    if certificates:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    seen: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=front, args=(listener, server.port, context, seen))
        thread.start()
        try:
            yield listener.getsockname()[1], seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(WAIT)


@pytest.mark.parametrize(
    ("host", "tls", "ca", "outcome"),
    [
        ("127.0.0.1", None, None, "encrypted"),
        ("127.0.0.1", "disable", None, "plain"),
        ("127.0.0.1", "prefer", None, "encrypted"),
        ("127.0.0.1", "require", None, "encrypted"),
        ("127.0.0.1", "require", "stranger", "certificate verify failed"),
        ("127.0.0.1", "verify-ca", "ca", "encrypted"),
        ("127.0.0.1", "verify-ca", "stranger", "certificate verify failed"),
        ("127.0.0.1", "verify-full", "ca", "does not match host name"),
        ("localhost", "verify-full", "ca", "encrypted"),
        ("localhost", "verify-full", "stranger", "certificate verify failed"),
    ],
)
@pytest.mark.usefixtures("driver")
def test_each_tls_mode_takes_what_it_says(
    server: Any, url: str, certificates: Path, host: str, tls: str | None, ca: str | None, outcome: str
) -> None:
    files = {"tls_ca": str(certificates / f"{ca}.crt")} if ca else {}
    with fronted(server, certificates) as (port, seen):
        address = resolve(url, {"host": host, "port": port, "tls": tls, **files}, {})
        if outcome in ("encrypted", "plain"):
            with opened(address, read_only=True) as database:
                assert database.query("SELECT 1") == [(1,)]
            assert set(seen) == {outcome}
        else:
            with pytest.raises(StrataError, match=outcome):
                connect(address)


@pytest.mark.usefixtures("driver")
def test_a_server_without_tls_is_refused_by_who_requires_it(server: Any, url: str) -> None:
    with fronted(server, None) as (port, seen):
        with pytest.raises(StrataError, match="server does not support SSL"):
            connect(resolve(url, {"port": port, "tls": "require"}, {}))
        assert seen == []
        connect(resolve(url, {"port": port, "tls": "prefer"}, {}))


def ran(server: Any, address: Address, *command: str, **more: str) -> str:
    with client(address) as reach:
        assert "s3cr3t" not in " ".join((*reach.arguments, repr(reach)))
        program, *options = command
        done = subprocess.run(
            [server.programs / program, *reach.arguments, *options],
            env={**os.environ, **reach.environment, **more},
            capture_output=True,
            text=True,
            timeout=WAIT,
            stdin=subprocess.DEVNULL,
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(server: Any, address: Address, statement: str, environment: Any = None) -> str:
    options = ("--no-psqlrc", "--tuples-only", "--no-align", "--command", statement)
    return ran(server, address, "psql", *options, **(environment or {}))


def test_client_programs_connect_as_the_driver_does_with_no_password_on_their_command_lines(
    server: Any, url: str
) -> None:
    address = resolve(f"{url}?options=-clock_timeout%3D7s&application_name=it%27s%20%5Cme", None, {})
    told = "SELECT current_setting('lock_timeout'), current_setting('application_name'), current_database()"
    assert asked(server, address, told) == f"7s|it's \\me|{address.database}\n"
    assert "PostgreSQL database dump complete" in ran(server, address, "pg_dump")


def test_client_programs_ask_nobody_for_a_password(server: Any, address: Address) -> None:
    bare = replace(address, password="")
    with pytest.raises(AssertionError, match="no password supplied"):
        asked(server, bare, "SELECT 1")


def test_a_secret_that_client_programs_take_on_their_command_lines_alone_is_refused(url: str) -> None:
    address = resolve(f"{url}?sslpassword=s3cr3t", None, {})
    with pytest.raises(StrataError, match="The database URL has sslpassword") as caught, client(address):
        pass
    assert "s3cr3t" not in str(caught.value)


def test_a_server_without_replicas_has_no_lag(database: Database) -> None:
    assert database.replica_lag() is None


@pytest.fixture
def replica(server: Any, unprivileged: dict[str, Any]) -> Iterator[Any]:
    """A second server, which streams from the first."""
    folder = Path(tempfile.mkdtemp(prefix="strata-postgresql-"))
    if unprivileged:
        shutil.chown(folder, unprivileged["user"])
    programs = server.programs
    source = f"host={server.folder} port={server.port} user=shop application_name=the_replica"
    subprocess.run(
        [
            *(programs / "pg_basebackup", "-D", folder / "data", "-d", source),
            *("-R", "-X", "stream", "-c", "fast", "--no-sync"),
        ],
        check=True,
        capture_output=True,
        cwd=folder,
        **unprivileged,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(programs / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1"),
                *("-k", folder, "-c", "fsync=off", "-c", "wal_receiver_status_interval=1"),
            ],
            stdout=log,
            stderr=log,
            cwd=folder,
            **unprivileged,
        )
    try:
        yield replace(server, port=port, folder=folder)
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=WAIT)
        shutil.rmtree(folder)


def lag(database: Database) -> float | None:
    """None too where it is not known yet."""
    with suppress(StrataError):
        return database.replica_lag()
    return None


def test_the_lag_is_the_slowest_replica_s_and_told_to_who_may_know(
    server: Any, url: str, address: Address, replica: Any
) -> None:
    with opened(address, read_only=False) as primary:
        until(lambda: lag(primary) is not None, "the replica streams")
        standby = resolve(replica.url("postgres"), None, {})
        until(lambda: answers(standby), "the replica answers")
        primary.query("CREATE TABLE a (x int)")
        until(lambda: (lag(primary) or 0) < 1, "the replica follows")
        with opened(standby, read_only=True) as read:
            until(lambda: lag(read) == 0.0 and replayed(read), "the replica has replayed the table")
            read.query("SELECT pg_wal_replay_pause()")
            for number in range(3):
                primary.query("INSERT INTO a VALUES (?)", (number,))
            until(lambda: (lag(primary) or 0) > 0.3, "the primary sees that the replica lags behind")
            until(lambda: (read.replica_lag() or 0) > 0.3, "the replica sees it, too")
            read.query("SELECT pg_wal_replay_resume()")

        primary.script("CREATE USER ignorant PASSWORD 'x'; GRANT pg_read_all_data TO ignorant")
        try:
            ignorant = resolve(url, {"user": "ignorant", "password": "x"}, {})
            with opened(ignorant, read_only=True) as nobody:
                with pytest.raises(StrataError, match="members of the role pg_monitor alone"):
                    nobody.replica_lag()
                primary.query("GRANT pg_monitor TO ignorant")
                assert nobody.replica_lag() is not None
        finally:
            primary.script("DROP USER ignorant")


def replayed(standby: Database) -> bool:
    """Whether it has replayed a transaction since it started."""
    return standby.query("SELECT pg_last_xact_replay_timestamp() IS NOT NULL") == [(True,)]


def test_a_replica_that_has_replayed_no_transaction_does_not_know_its_lag(
    address: Address, replica: Any
) -> None:
    standby = resolve(replica.url("postgres"), None, {})
    until(lambda: answers(standby), "the replica answers")
    with opened(standby, read_only=True) as read, opened(address, read_only=False) as primary:
        read.query("SELECT pg_wal_replay_pause()")
        assert not replayed(read)
        primary.query("CREATE TABLE a (x int)")
        received = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
        until(lambda: read.query(received) == [(True,)], "the replica has received the table")
        with pytest.raises(StrataError, match="unknown, because it has replayed no transaction"):
            read.replica_lag()


def answers(address: Address) -> bool:
    try:
        connect(address)
    except StrataError:
        return False
    return True


@pytest.mark.usefixtures("driver")
def test_a_base_backup_is_no_replica(server: Any, database: Database, tmp_path: Path) -> None:
    # One that is going on, for it waits for what it is to be given.
    source = f"host={server.folder} port={server.port} user=shop"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [server.programs / "pg_receivewal", "-D", tmp_path, "-d", source], stdout=log, stderr=log
        )
    try:
        until(
            lambda: database.query("SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"),
            "it receives",
        )
        assert database.replica_lag() is None
    finally:
        process.terminate()
        process.wait(timeout=WAIT)
