# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database_backup module on SQLite."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.execute("CREATE TABLE orders (id integer)")
    return {"url": f"sqlite://{tmp_path}/shop.db", "folder": str(tmp_path / "backups"), "keep": 1}


def test_each_run_makes_a_backup_and_tells_of_it(run_module: Run, options: dict[str, Any]) -> None:
    first = run_module("database_backup", options)
    assert first["changed"] is True
    assert first["removed"] == []
    assert Path(first["path"]).stat().st_size == first["size"]
    assert first["checksum"].startswith("sha256:")
    assert first["seconds"] >= 0
    second = run_module("database_backup", options)
    assert second["removed"] == [first["path"]]
    assert not Path(first["path"]).exists()


def test_a_check_says_that_there_would_be_a_backup_and_makes_none(
    run_module: Run, options: dict[str, Any], tmp_path: Path
) -> None:
    result = run_module("database_backup", options, check=True)
    assert (result["changed"], result["path"], result["size"], result["checksum"]) == (True, None, None, None)
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize("check", [True, False])
def test_where_there_is_no_database_yet_nothing_changes(
    run_module: Run, options: dict[str, Any], tmp_path: Path, check: bool
) -> None:
    result = run_module("database_backup", {**options, "url": f"sqlite://{tmp_path}/new.db"}, check=check)
    assert (result["failed"], result["changed"], result["path"]) == (False, False, None)


def test_a_size_is_read_with_its_unit(run_module: Run, options: dict[str, Any]) -> None:
    result = run_module("database_backup", {**options, "min_free": "4096T"}, check=True)
    assert result["failed"] is True
    assert "and 4096.0 TiB are to stay free (min_free)" in result["msg"]


def test_the_database_may_be_given_by_its_parts(run_module: Run, options: dict[str, Any]) -> None:
    parts = {"system": "sqlite", "database": options.pop("url").removeprefix("sqlite://")}
    assert run_module("database_backup", {**options, "connection": parts})["changed"] is True


def test_no_secret_is_in_an_answer_or_in_the_log(
    run_module: Run, options: dict[str, Any], logged: list[str]
) -> None:
    options["url"] = "postgresql://shop:hunter2%21@127.0.0.1:1/shop"
    options["connection"] = {"password": "s3cr3t-too"}
    result = run_module("database_backup", options)
    assert result["failed"] is True
    assert logged
    for secret in ("hunter2", "s3cr3t-too"):
        assert secret not in str(result)
        assert secret not in str(logged)


def test_a_database_must_be_given(run_module: Run, options: dict[str, Any]) -> None:
    del options["url"]
    assert "No database is given: set url or connection" in run_module("database_backup", options)["msg"]
