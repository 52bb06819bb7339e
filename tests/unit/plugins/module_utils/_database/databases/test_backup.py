# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of SQLite databases, and what is refused before any program runs."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.backup import Backup, back_up
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)

ROWS = [(1, "Zoë ☕ 'x'"), (2, None)]
SCRIPT = "CREATE TABLE orders (id integer, note varchar(40)); INSERT INTO orders VALUES (1, 'Zoë ☕ ''x'''), (2, NULL)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def shop(tmp_path: Path) -> Address:
    """A SQLite database."""
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(SCRIPT)
    return resolve(f"sqlite://{tmp_path}/shop.db", None, {})


@pytest.mark.parametrize("names", [["mysqldump", "mariadb-dump"], ["pg_dump"], ["pg_restore"]])
def test_a_missing_program_is_named_with_its_package(
    names: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in {"pg_dump", "pg_restore"} - set(names):
        (tmp_path / name).touch(0o755)
    system, package = ("mysql", "mariadb") if "mysqldump" in names else ("postgresql", "postgresql")
    with pytest.raises(StrataError, match=f"needs {' or '.join(names)}, .*{package}-client on Debian"):
        back_up(resolve(f"{system}://h/shop", None, {}), folder=str(folder), check_mode=True)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_sqlite_database_is_backed_up_while_another_writes(shop: Address, folder: Path, mode: str) -> None:
    with contextlib.closing(sqlite3.connect(shop.database, isolation_level=None)) as other:
        other.execute(f"PRAGMA journal_mode = {mode}")
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO orders VALUES (3, 'not committed')")
        made = back_up(shop, folder=str(folder))
        other.execute("COMMIT")
    with contextlib.closing(sqlite3.connect(made.path or "")) as copy:
        assert copy.execute("SELECT id, note FROM orders ORDER BY id").fetchall() == ROWS
    assert [each.name for each in folder.iterdir() if "partial" in each.name] == []


def test_a_locked_or_slow_sqlite_database_is_no_endless_wait(shop: Address, folder: Path) -> None:
    with pytest.raises(StrataError, match="it took too long"):
        back_up(shop, folder=str(folder), timeout=1e-9)
    assert [each.name for each in folder.iterdir()] == [".shop.lock"]


def test_a_sqlite_database_that_is_not_there_yet_has_none(tmp_path: Path, folder: Path) -> None:
    assert back_up(resolve(f"sqlite://{tmp_path}/new.db", None, {}), folder=str(folder)) == Backup(
        absent=True
    )
    assert not folder.exists()


def test_older_backups_of_the_same_name_make_room(shop: Address, folder: Path) -> None:
    others = [back_up(shop, folder=str(folder), name=name).path for name in ("shop-eu", "eu")]
    first, second = (back_up(shop, folder=str(folder), name="shop").path for _ in range(2))
    expected = Backup(removed=(str(first),))
    assert back_up(shop, folder=str(folder), name="shop", keep=2, check_mode=True) == expected
    third = back_up(shop, folder=str(folder), name="shop", keep=2)
    assert third.removed == expected.removed
    left = {str(each) for each in folder.glob("*.sqlite")}
    assert left == {*others, second, third.path}


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o1777])
def test_a_folder_that_others_may_write_is_refused_and_left_to_them(
    shop: Address, folder: Path, mode: int
) -> None:
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(StrataError, match="give it a folder of its own") as caught:
        back_up(shop, folder=str(folder))
    assert "chmod" not in str(caught.value)  # which would break what the others do there, as in /tmp
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"folder": "backups"}, "absolute path"),
        ({"name": "../shop"}, "cannot be called '../shop'"),
        ({"name": ".shop"}, "cannot be called '.shop'"),
        ({"keep": -1}, "keep must not be negative"),
        ({"timeout": 0}, "timeout must be above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    shop: Address, folder: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(StrataError, match=re.escape(words)):
        back_up(shop, **{"folder": str(folder), **options})
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_an_error(shop: Address, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StrataError, match=f"Backing up SQLite database {shop.database} in .* failed: .*"):
        back_up(shop, folder=str(tmp_path / "file" / "backups"))
