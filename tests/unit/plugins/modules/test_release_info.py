# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def shop(run_module: Run, tmp_path: Path, build: Callable[..., Any]) -> Path:
    """1.0 is good, 2.0 current, 2.1 staged."""
    for version in ("1.0", "2.0", "2.1"):
        files = {
            "app.py": version,
            "migrations/002_b.sql": "",
            "migrations/001_a.sql": "",
            "migrations/README": "",
        }
        built = build(version, files)
        common = {"path": str(tmp_path / "shop"), "version": version, "deployment": f"d{version}"}
        run_module("release", {**common, "state": "staged", "url": built.url, "checksum": built.checksum})
        if version != "2.1":
            run_module("release", {**common, "state": "active"})
    return tmp_path / "shop"


def test_a_host_without_the_app_is_told_as_such(run_module: Run, tmp_path: Path) -> None:
    result = run_module("release_info", {"path": str(tmp_path / "shop"), "migrations": "migrations"})
    del result["invocation"]
    assert result == {
        "failed": False,
        "changed": False,
        "current": None,
        "releases": [],
        "rollback_target": None,
        "pending": None,
        "healthy": None,
        "health_detail": "",
        "service_state": None,
        "service_detail": "",
        "migrations": [],
        "needs_change": None,
    }
    assert not (tmp_path / "shop").exists()


def test_releases_are_told_the_newest_first(run_module: Run, shop: Path) -> None:
    result = run_module("release_info", {"path": str(shop), "migrations": "migrations", "version": "2.0"})
    current = result["current"]
    assert result["needs_change"] is False
    assert (current["version"], current["state"], current["deployed_by"]) == ("2.0", "good", "d2.0")
    assert current["since"].endswith("Z")
    assert current["checksum"].startswith("sha256:")
    assert [(r["version"], r["state"]) for r in result["releases"]] == [
        ("2.0", "good"),
        ("1.0", "good"),
        ("2.1", "staged"),
    ]
    assert set(result["releases"][0]) == {
        "version", "kind", "state", "reason", "checksum", "origin", "staged_at", "activated_at", "deployed_by",
        "size", "age", "files", "adopted",
    }  # fmt: skip
    assert result["releases"][0]["size"] == len("2.0")
    assert 0 <= result["releases"][0]["age"] < 600
    assert result["rollback_target"] == "1.0"
    assert result["migrations"] == ["001_a.sql", "002_b.sql"]


def test_what_does_not_answer_is_told_and_no_failure(run_module: Run, shop: Path, free_port: int) -> None:
    service = {"manager": "supervisord", "name": "shop", "address": f"http://127.0.0.1:{free_port}"}
    health = {"url": f"http://127.0.0.1:{free_port}/"}
    result = run_module("release_info", {"path": str(shop), "service": service, "health": health})
    assert (result["failed"], result["healthy"], result["service_state"]) == (False, False, "unknown")
    assert "refused" in result["health_detail"]
    assert "did not answer" in result["service_detail"]


def test_a_folder_of_migrations_that_is_not_there_is_null(run_module: Run, shop: Path) -> None:
    assert run_module("release_info", {"path": str(shop), "migrations": "migration"})["migrations"] is None
    (shop / "current/none").mkdir()
    assert run_module("release_info", {"path": str(shop), "migrations": "none"})["migrations"] == []
    assert run_module("release_info", {"path": str(shop)})["migrations"] == []


@pytest.mark.parametrize("migrations", ["/etc", "../..", "a/../b"])
def test_migrations_must_lie_within_the_release(run_module: Run, shop: Path, migrations: str) -> None:
    result = run_module("release_info", {"path": str(shop), "migrations": migrations})
    assert result["failed"]
    assert "must be relative" in result["msg"]
