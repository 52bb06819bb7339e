# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``dbmate``: a release with the real dbmate, on real servers."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import shutil
import signal
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    MigrationOutcome,
    RunningRelease,
)

WAIT = 20.0
PROJECT = Path(__file__).parents[6] / "molecule/db_migrate/projects/dbmate"
PROGRAM = str(Path(sys.executable).with_name("dbmate"))
CUSTOMERS, ORDERS, CURRENCY, NOTE = (
    "20260105090000_create_customers.sql",
    "20260106090000_create_orders.sql",
    "20260210090000_add_order_currency.sql",
    "20260401090000_drop_order_note.sql",
)
EXPAND = (CUSTOMERS, ORDERS, CURRENCY)
INDEX = "20260211090000_index_orders_by_currency.sql"
PASSWORDS = ("s3cr3t",)


@dataclass
class Shop:
    """A release with its migrations, and the database that they are for."""

    url: str
    release: Path
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.release / "db/migrations"

    def write(self, name: str, up: str, down: str = "", head: str = "", options: str = "") -> None:
        text = f"{head}\n-- migrate:up{options}\n{up}\n-- migrate:down{options}\n{down}\n"
        (self.folder / name).write_text(text)

    def options(self, **more: Any) -> dict[str, Any]:
        archive = self.release.parent / "shop.tar.gz"
        with tarfile.open(archive, "w:gz", compresslevel=1) as tar:
            tar.add(self.release, ".")
        return {
            "options": {"program": PROGRAM},
            "folder": "db/migrations",
            "path": str(self.release.parent / "srv/shop"),
            "release": "2.0",
            "archive": str(archive),
            "checksum": "unverified",
            "lock_wait": WAIT,
            "lock_timeout": 0.1,
            "retries": 0,
            "url": self.url,
            **self.known,
            **more,
        }

    def migrator(self, **more: Any) -> Migrator:
        made = Migrator("dbmate", EngineOptions(**self.options(**more)))
        made.validate()
        return made

    def migrate(self, phase: str = "expand", *, check: bool = False, **more: Any) -> MigrationOutcome:
        return self.migrator(**more).ensure_latest(phase=phase, check_mode=check)

    def roll_back(self, to: str, *, check: bool = False, **more: Any) -> MigrationOutcome:
        return self.migrator(**more).ensure_rolled_back(
            phase="expand",
            version=to,
            running=[RunningRelease("web1", "1.0", None)],
            allow_data_loss=True,
            check_mode=check,
        )

    def failure(self, work: Callable[..., MigrationOutcome], *arguments: Any, **more: Any) -> str:
        with pytest.raises(StrataError) as caught:
            work(*arguments, **more)
        for secret in PASSWORDS:
            assert secret not in f"{caught.value}{caught.value.details}"
        return str(caught.value)

    @contextlib.contextmanager
    def database(self) -> Iterator[Database]:
        with opened(resolve(self.url, None, {}), read_only=False) as database:
            yield database

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database() as database:
            return database.query(sql)

    def versions(self) -> list[str]:
        return [row[0] for row in self.query("SELECT version FROM schema_migrations ORDER BY 1")]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "RUN", tmp_path)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    release = tmp_path / "release"
    shutil.copytree(PROJECT / "db/migrations", release / "db/migrations")
    return release


@pytest.fixture(params=["mysql", "postgresql", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, release: Path) -> Shop:
    names = {"mysql": "mysql_url", "postgresql": "url"}
    if request.param in names:
        return Shop(request.getfixturevalue(names[request.param]), release)
    (tmp_path / "data").mkdir()
    return Shop(f"sqlite://{tmp_path}/data/shop.db", release)


@pytest.fixture
def postgresql(url: str, release: Path) -> Shop:
    return Shop(url, release)


@pytest.fixture
def mariadb(mysql_url: str, release: Path) -> Shop:
    return Shop(mysql_url, release)


@pytest.fixture
def sqlite(tmp_path: Path, release: Path) -> Shop:
    return Shop(f"sqlite://{tmp_path}/shop.db", release)


def test_each_phase_is_applied_in_its_time_and_taken_back_in_turn(shop: Shop) -> None:
    first = shop.migrate()
    assert (first.applied, first.pending, first.version) == (EXPAND, (), "20260210090000")
    assert shop.versions() == [name[:14] for name in EXPAND]
    assert not shop.migrate().changed

    back = shop.roll_back("20260105090000")
    assert back.rolled_back == (CURRENCY, ORDERS)
    assert shop.versions() == ["20260105090000"]
    assert shop.migrate().applied == (ORDERS, CURRENCY)

    contract = shop.migrate("contract")
    assert (contract.applied, contract.version) == ((NOTE,), "20260401090000")
    assert not shop.migrate("contract").changed
    assert f"contract migration {NOTE} was applied after it" in shop.failure(shop.roll_back, "20260105090000")
    status = shop.migrator().status()
    assert [(item.name, item.phase) for item in status.applied or ()][-1] == (NOTE, "contract")
    assert (status.pending, status.drift) == ((), ())


def test_check_mode_shows_the_sql_and_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    plan = shop.migrate(check=True)
    assert (plan.changed, plan.pending, plan.version) == (True, EXPAND, None)
    assert "-- 20260105090000_create_customers.sql\nCREATE TABLE customers" in plan.after
    assert NOTE not in plan.after
    if shop.url.startswith("sqlite"):
        assert list((tmp_path / "data").iterdir()) == []
    else:
        with shop.database() as database:
            assert not database.has_table("schema_migrations")
    shop.migrate()
    back = shop.roll_back("0", check=True)
    assert back.rolled_back == (CURRENCY, ORDERS, CUSTOMERS)
    assert "ALTER TABLE orders DROP COLUMN currency;" in back.after
    assert len(shop.versions()) == 3


def test_a_migration_that_fails_is_named_with_those_before_it(shop: Shop) -> None:
    shop.write(INDEX, "INSERT INTO nowhere VALUES (1);")
    message = shop.failure(shop.migrate)
    assert (
        f"Applying migration {INDEX} failed, and nothing of it was kept. The apply command `{PROGRAM}"
        in message
    )
    assert f"Applied in this run: {', '.join(EXPAND)}. Still pending: {INDEX}." in message
    assert shop.versions() == [name[:14] for name in EXPAND]


def test_what_cannot_be_taken_back_is_refused_before_anything_is(shop: Shop) -> None:
    shop.write(INDEX, "UPDATE orders SET currency = 'USD';", "-- there is no way back")
    shop.migrate()
    assert f"{INDEX} is refused: its file has no SQL under '-- migrate:down'" in shop.failure(
        shop.roll_back, "20260105090000"
    )
    (shop.folder / INDEX).unlink()
    assert "2026021109000" in shop.failure(shop.roll_back, "20260105090000")
    assert len(shop.versions()) == 4


def test_what_a_later_release_applied_stands_in_the_way_of_a_rollback(shop: Shop) -> None:
    shop.write(INDEX, "UPDATE orders SET currency = 'USD';", "SELECT 1;")
    shop.migrate()
    (shop.folder / INDEX).unlink()
    assert not shop.migrate().changed
    assert "20260211090000 is refused: its file is not in this release" in shop.failure(
        shop.roll_back, "20260105090000"
    )


@pytest.mark.parametrize("problem", ["missing", "out_of_order"])
def test_files_and_database_that_disagree_are_refused(sqlite: Shop, problem: str) -> None:
    if problem == "out_of_order":
        kept = (sqlite.folder / ORDERS).read_text()
        sqlite.write(ORDERS, "CREATE TABLE orders (id int, note text);")
        (sqlite.folder / ORDERS).rename(sqlite.folder / "20260110_orders.sql")
        sqlite.migrate()
        (sqlite.folder / ORDERS).write_text(kept.replace("TABLE orders", "TABLE other"))
    else:
        sqlite.migrate()
        (sqlite.folder / ORDERS).unlink()
    with pytest.raises(StrataError) as caught:
        sqlite.migrate()
    name = ORDERS if problem == "out_of_order" else ORDERS[:14]
    assert caught.value.details["drift"] == [{"name": name, "problem": problem}]


@pytest.fixture
def held(shop: Shop) -> Iterator[Shop]:
    """A shop with a migration that needs what someone else holds."""
    shop.migrate()
    shop.write(INDEX, "ALTER TABLE orders ADD COLUMN shipped integer;")
    with shop.database() as other:
        if other.DIALECT is SQLITE:
            other.query("BEGIN IMMEDIATE")
        else:
            other.query("BEGIN")
            other.query("SELECT * FROM orders")
        yield shop


def test_a_lock_that_is_not_had_in_time_is_tried_for_again(held: Shop) -> None:
    message = held.failure(held.migrate, retries=1)
    assert re.search("lock timeout|Lock wait timeout|database is locked", message)
    assert "and nothing of it was kept" in message
    assert "Tried 2 times" in message
    assert f"Still pending: {INDEX}." in message


SETTINGS = {
    "postgresql": "current_setting('lock_timeout'), current_setting('statement_timeout')",
    "mysql": "concat(@@lock_wait_timeout, ' ', @@innodb_lock_wait_timeout), @@max_statement_time + 0",
}


@pytest.mark.parametrize(
    ("shop", "head", "expected"),
    [
        ("postgresql", "", ("1500ms", "5min")),
        ("postgresql", "-- strata: lock_timeout=0 statement_timeout=1min", ("0", "1min")),
        ("mysql", "", ("2 2", "300")),
        ("mysql", "-- strata: lock_timeout=10s statement_timeout=1min", ("10 10", "60")),
    ],
    indirect=["shop"],
)
@pytest.mark.parametrize("own", [False, True], ids=["url", "DATABASE_URL"])
def test_the_timeouts_hold_in_dbmate_s_own_session(
    shop: Shop, head: str, expected: tuple[str, str], own: bool
) -> None:
    if own:
        more = "?sslmode=disable&options=-csearch_path%3Dpublic" if "postgresql" in shop.url else ""
        shop.known["environment"] = {"DATABASE_URL": shop.url + more}
    seen = f"INSERT INTO seen SELECT {SETTINGS[shop.url.partition(':')[0]]};"
    shop.query("CREATE TABLE seen (l varchar(20), s varchar(20))")
    shop.write(INDEX, seen, seen, head=head)
    shop.migrate(lock_timeout=1.5)
    shop.roll_back("20260210090000", lock_timeout=1.5)
    found = [(lock, seconds.partition(".")[0]) for lock, seconds in shop.query("SELECT l, s FROM seen")]
    assert found == [expected] * 2


def test_an_index_is_built_concurrently_and_what_a_failed_build_left_is_dropped(postgresql: Shop) -> None:
    shop = postgresql
    shop.migrate()
    index = (PROJECT / "db/postgresql" / INDEX).read_text()
    (shop.folder / INDEX).write_text(index.replace("CREATE INDEX", "CREATE UNIQUE INDEX"))
    shop.query("INSERT INTO orders VALUES (1, 0, 1, 'x', 'EUR'), (2, 0, 1, 'x', 'EUR')")
    assert "could not create unique index" in shop.failure(shop.migrate)
    assert shop.query("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == [(0,)]
    (shop.folder / INDEX).write_text(index)
    assert shop.migrate().applied == (INDEX,)
    assert shop.roll_back("20260210090000").rolled_back == (INDEX,)


def test_a_killed_migrator_leaves_a_state_that_the_next_one_reads(postgresql: Shop) -> None:
    shop = postgresql
    shop.migrate()
    shop.write(INDEX, "ALTER TABLE orders ADD COLUMN shipped integer;\nSELECT pg_sleep(600);")
    worker = multiprocessing.get_context("spawn").Process(
        target=shop.migrator().ensure_latest, kwargs={"phase": "expand", "check_mode": False}
    )
    with shop.database() as watcher:

        def sleeps() -> bool:
            sql = "SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%pg_sleep(600)%' AND state = 'active'"
            return bool(watcher.query(sql))

        worker.start()
        try:
            until(sleeps, "it migrates")
        finally:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGKILL)
            worker.join()
        # The kernel ends dbmate with it, and PostgreSQL notices at the next statement at the latest.
        watcher.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"
        )
        until(lambda: not sleeps(), "the server ends it")
    assert [item.name for item in shop.migrator().status().pending or ()] == [INDEX, NOTE]
    shop.write(INDEX, "ALTER TABLE orders ADD COLUMN shipped integer;")
    assert shop.migrate().applied == (INDEX,)


def test_what_mariadb_keeps_of_a_failed_migration_is_said_and_not_tried_again(mariadb: Shop) -> None:
    shop = mariadb
    shop.migrate()
    shop.write(INDEX, "CREATE TABLE shipments (id int);\nALTER TABLE orders ADD COLUMN shipped integer;")
    with shop.database() as other:
        other.query("START TRANSACTION")
        other.query("SELECT * FROM orders")
        message = shop.failure(shop.migrate, retries=3)
    assert "Lock wait timeout" in message
    assert "Tried" not in message
    assert "what it did before that may stay, as dbmate takes no such thing back" in message
    assert shop.query("SELECT * FROM shipments") == []


def test_a_block_that_may_have_committed_is_not_tried_again(postgresql: Shop) -> None:
    shop = postgresql
    shop.migrate()
    block = "DO $$ BEGIN INSERT INTO customers VALUES (9, 'Eve'); COMMIT; LOCK TABLE orders; END $$;"
    shop.write(INDEX, block, options=" transaction:false")
    with shop.database() as other:
        other.query("BEGIN")
        other.query("LOCK TABLE orders")
        message = shop.failure(shop.migrate, retries=3)
    assert "lock timeout" in message
    assert "Tried" not in message
    assert "what it did before that may stay" in message
    assert shop.query("SELECT count(*) FROM customers WHERE name = 'Eve'") == [(1,)]


def test_a_database_is_reached_in_every_way_that_strata_reaches_it(
    postgresql: Shop, mysql_server: Any, server: Any
) -> None:
    name = postgresql.url.rpartition("/")[2]
    ways = [
        {
            "url": None,
            "connection": {
                "system": "postgresql",
                "socket": str(server.folder),
                "port": server.port,
                "user": "shop",
                "database": name,
            },
        },
        {"url": f"{postgresql.url}?sslmode=prefer&options=-csearch_path%3Dpublic&application_name=shop"},
        {
            "url": postgresql.url.replace("s3cr3t%3Ap%40ss%2Fw%3Frd%23%25@", "@"),
            "connection": {"password": "s3cr3t:p@ss/w?rd#%"},
        },
    ]
    for number, way in enumerate(ways):
        assert postgresql.migrate(**way).changed is (number == 0)
        assert len(postgresql.migrator(**way).status().applied or ()) == 3


@pytest.mark.parametrize("tls", ["disable", "prefer", "require", "verify-full"])
def test_mariadb_is_reached_by_tls_as_it_is_asked_for(mariadb: Shop, certificates: Path, tls: str) -> None:
    ca = str(certificates / "ca.crt") if tls == "verify-full" else None
    url = mariadb.url.replace("127.0.0.1", "localhost")
    seen = "INSERT INTO seen SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'ssl_cipher';"
    mariadb.query("CREATE TABLE seen (cipher varchar(80))")
    mariadb.write(INDEX, seen)
    mariadb.migrate(url=url, connection={"tls": tls, "tls_ca": ca})
    ((cipher,),) = mariadb.query("SELECT cipher FROM seen")
    assert bool(cipher) is (tls != "disable")


def test_a_certificate_that_the_ca_has_not_signed_is_refused(mariadb: Shop, certificates: Path) -> None:
    dbmate_alone = {
        "url": None,
        "lock": "host",
        "environment": {
            "DATABASE_URL": f"{mariadb.url.replace('127.0.0.1', 'localhost')}?tls=true",
            "SSL_CERT_FILE": str(certificates / "stranger.crt"),
        },
    }
    assert "certificate" in mariadb.failure(mariadb.migrate, **dbmate_alone)


def test_without_a_url_dbmate_s_own_is_used_and_other_migrators_are_locked_out_on_the_host(
    sqlite: Shop,
) -> None:
    own = {"url": None, "lock": "host", "environment": {"DATABASE_URL": sqlite.url}}
    assert sqlite.migrate(**own).applied == EXPAND
    (sqlite.release / ".env").write_text(f"DATABASE_URL={sqlite.url}\n")
    assert sqlite.roll_back("20260105090000", url=None, lock="host").rolled_back == (CURRENCY, ORDERS)
    assert len(sqlite.versions()) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("s3cr3t", "s3cr3t-wrong"), "authentication failed"),
        (("/test", "/absent_test"), "does not exist"),
        (("127.0.0.1", "no-such-host.invalid"), "no-such-host"),
        (("127.0.0.1:", "127.0.0.1:notaport"), "invalid"),
    ],
)
def test_a_connection_that_fails_is_told_without_the_password(
    postgresql: Shop, change: tuple[str, str], words: str
) -> None:
    environment = {"DATABASE_URL": f"{postgresql.url.replace(*change)}?sslmode=disable"}
    message = postgresql.failure(postgresql.migrate, environment=environment)
    assert "The plan command" in message
    assert words in message


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_runs_it_and_reads_the_one_file_alone(sqlite: Shop, tmp_path: Path) -> None:
    for folder in [tmp_path, *tmp_path.parents][:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o777)
    sqlite.url = f"sqlite://{data}/shop.db"
    program = sqlite.release / "bin" / "dbmate"
    program.parent.mkdir()
    # The release has a copy of it, because another user may not enter the folder that this checkout lies in.
    shutil.copy(PROGRAM, program.with_name("actual"))
    program.write_text(f'#!/bin/sh\nls -l "$2" >> {data}/seen\nexec "${{0%/*}}/actual" "$@"\n')
    program.chmod(0o755)
    former = os.umask(0o077)
    try:
        assert sqlite.migrate(user="nobody", options={"program": "bin/dbmate"}).applied == EXPAND
    finally:
        os.umask(former)
    assert (data / "shop.db").owner() == "nobody"
    assert re.search(
        r"-rw-r----- 1 root +\S+ .* 20260105090000_create_customers.sql", (data / "seen").read_text()
    )


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"folder": None}, "set folder, in the role db_migrate_folder"),
        ({"folder": "/srv/migrations"}, "It is '/srv/migrations'"),
        ({"folder": "../migrations"}, "It is '../migrations'"),
        ({"options": {"program": ""}}, "empty option 'program'"),
        (
            {"folder": "migrations"},
            "Reading the migrations of the release in .*/migrations failed: No such file",
        ),
        ({"options": {"program": "bin/absent"}}, "could not be run in .*: No such file"),
        ({"options": {"program": "true"}}, f"says nothing of {CUSTOMERS} in db/migrations"),
    ],
)
def test_options_that_make_no_sense_are_refused(sqlite: Shop, options: dict[str, Any], why: str) -> None:
    Path(sqlite.url[len("sqlite://") :]).touch()
    assert re.search(why, sqlite.failure(sqlite.migrate, **options))


def test_several_hosts_and_client_certificates_are_refused_where_dbmate_has_no_form_for_them(
    postgresql: Shop, mariadb: Shop, certificates: Path
) -> None:
    several = postgresql.url.replace("@", "@127.0.0.1:1,")
    assert "dbmate connects to one host" in postgresql.failure(postgresql.migrate, url=several)
    with_one = {"tls_cert": str(certificates / "client.crt"), "tls_key": str(certificates / "client.key")}
    assert "dbmate cannot show a client's certificate" in mariadb.failure(
        mariadb.migrate, connection=with_one
    )
