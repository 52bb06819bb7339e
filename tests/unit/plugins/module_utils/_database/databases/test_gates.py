# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold before a migration, where no server is needed."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers, gates
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)

Check = Callable[..., None]


@pytest.fixture
def shop(tmp_path: Path) -> Address:
    """A SQLite database."""
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE orders (id integer)")
    return resolve(f"sqlite://{tmp_path}/shop.db", None, {})


def test_nothing_is_asked_for_and_nothing_is_looked_at() -> None:
    gates.check(None, None)


def test_room_is_checked_where_it_is_asked_for(tmp_path: Path) -> None:
    gates.check(None, None, free_space={"path": str(tmp_path), "min": 1})
    with pytest.raises(StrataError) as caught:
        gates.check(None, None, free_space={"path": str(tmp_path), "min": 2**60})
    assert re.fullmatch(
        rf"1048576\.0 TiB must be free on the file system of {tmp_path} before a migration; "
        r"[\d.]+ .iB are\. Make room, and try again\.",
        str(caught.value),
    )


def test_room_in_a_folder_that_is_not_there_is_not_known(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"does not exist\. Correct the path in free_space"):
        gates.check(None, None, free_space={"path": str(tmp_path / "nowhere"), "min": 1})


def test_a_sqlite_file_must_fit_once_more(shop: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    with drivers.opened(shop, read_only=True) as database:
        size = Path(shop.database).stat().st_size
        monkeypatch.setattr(gates, "free", lambda path: size)
        gates.check(database, shop)
        monkeypatch.setattr(gates, "free", lambda path: size - 1)
        with pytest.raises(StrataError, match=rf"{shop.database} has 8\.0 KiB, and as much must be free"):
            gates.check(database, shop)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(StrataError, match="must not be negative; it is -1"):
        gates.check(None, None, max_replica_lag=-1)
