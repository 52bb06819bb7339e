# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration_info module on SQLite."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path}/shop.db"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE a (x);\n-- migrate:down\nDROP TABLE a;\n")
    (folder / "2_b.sql").write_text("-- strata: phase=contract\n-- migrate:up\nDROP TABLE a;\n")
    return folder


def test_an_absent_database_has_nothing_and_is_not_created(run_module: Run, url: str, tmp_path: Path) -> None:
    result = run_module("migration_info", {"url": url})
    assert result["changed"] is False
    assert result["version"] is None
    assert result["applied"] == result["drift"] == []
    assert result["pending"] is None
    assert not (tmp_path / "shop.db").exists()


def test_applied_and_pending_migrations_are_told(run_module: Run, url: str, folder: Path) -> None:
    run_module("migration", {"url": url, "folder": str(folder), "release": "1.0"})
    result = run_module("migration_info", {"url": url, "folder": str(folder)})
    assert result["version"] == "1"
    (applied,) = result["applied"]
    assert applied.pop("applied_at").endswith("+00:00")
    assert applied == {
        "version": "1",
        "name": "1_a.sql",
        "phase": "expand",
        "release": "1.0",
        "reversible": True,
        "unfinished": None,
    }
    assert result["pending"] == [{"version": "2", "name": "2_b.sql", "phase": "contract"}]
    assert result["drift"] == []


def test_drift_is_told_and_is_no_error(run_module: Run, url: str, folder: Path) -> None:
    run_module("migration", {"url": url, "folder": str(folder)})
    (folder / "1_a.sql").write_text("-- migrate:up\nCREATE TABLE b (x);\n")
    result = run_module("migration_info", {"url": url, "folder": str(folder)})
    assert result["failed"] is False
    assert result["drift"] == [{"name": "1_a.sql", "problem": "changed"}]


def test_what_another_tool_applied_has_only_a_version(run_module: Run, url: str, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute("CREATE TABLE schema_migrations (version varchar(128) primary key)")
        connection.execute("INSERT INTO schema_migrations VALUES ('7')")
    (applied,) = run_module("migration_info", {"url": url})["applied"]
    assert applied == {
        "version": "7",
        "name": "7",
        "phase": None,
        "release": None,
        "applied_at": None,
        "reversible": False,
        "unfinished": None,
    }


def test_an_error_is_a_message(run_module: Run, folder: Path) -> None:
    result = run_module("migration_info", {"url": "sqlite:///nowhere/shop.db", "folder": str(folder)})
    assert result["failed"] is True
    assert "no folder /nowhere" in result["msg"]


def test_of_a_release_s_own_tool_nothing_is_known_without_the_release(
    run_module: Run, migrating_shop: Any
) -> None:
    options = migrating_shop.options(release="", archive=None, checksum=None)
    result = run_module("migration_info", {"engine": "command", **options})
    assert result["failed"] is False
    assert result["pending"] is None
