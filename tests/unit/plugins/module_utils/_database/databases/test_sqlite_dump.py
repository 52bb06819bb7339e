# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import sqlite_dump
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite_dump import SqliteDump

ACCESS = Client((), {})


@pytest.fixture
def shop(tmp_path: Path) -> Address:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE orders (id integer, note text)")
        connection.execute("INSERT INTO orders VALUES (1, 'one')")
        connection.commit()
    return Address("sqlite", str(tmp_path / "shop.db"), "the database", is_file=True)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "copy").touch()
    return tmp_path / "copy"


def write(address: Address, file: Path, timeout: float = 20) -> None:
    SqliteDump().write(address, ACCESS, (), file, time.monotonic() + timeout)


def verify(address: Address, file: Path, timeout: float = 20) -> None:
    SqliteDump().verify(address, (), file, time.monotonic() + timeout)


def orders(file: Path) -> int:
    with closing(sqlite3.connect(file)) as copy:
        return int(copy.execute("SELECT count(*) FROM orders").fetchone()[0])


def test_a_copy_has_what_the_database_has(shop: Address, file: Path) -> None:
    write(shop, file)
    verify(shop, file)
    assert orders(file) == 1


def test_a_database_of_many_pages_is_of_one_moment(
    shop: Address, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(shop.database, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("CREATE TABLE filler (content blob)")
        other.execute("INSERT INTO filler VALUES (zeroblob(1000000))")
        written: list[int] = []

        def look(deadline: float) -> None:
            other.execute("INSERT INTO orders VALUES (3, 'later')")
            written.append(1)

        monkeypatch.setattr(sqlite_dump, "PAGES", 10)
        monkeypatch.setattr(sqlite_dump, "check_time", look)
        write(shop, file)
    assert len(written) > 10
    assert orders(file) == 1


def test_a_damaged_database_has_no_good_copy(shop: Address, file: Path) -> None:
    with closing(sqlite3.connect(shop.database)) as connection:
        connection.execute("CREATE INDEX by_note ON orders (note)")
        connection.commit()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'by_note'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with Path(shop.database).open("r+b") as database:
        database.seek((page - 1) * size)
        database.write(b"\xff" * size)
    write(shop, file)
    with pytest.raises(StrataError, match="damaged"):
        verify(shop, file)


def test_what_is_no_database_is_an_error(shop: Address, file: Path) -> None:
    Path(shop.database).write_bytes(b"something else" * 100)
    with pytest.raises(StrataError, match="not a database"):
        write(shop, file)


def test_what_takes_too_long_is_given_up(shop: Address, file: Path) -> None:
    with pytest.raises(StrataError, match="took too long"):
        write(shop, file, timeout=-1)
