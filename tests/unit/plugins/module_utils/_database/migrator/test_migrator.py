# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every engine: which options make no sense, and another try where a lock was refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.sql import _SqlSession
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration


@pytest.fixture
def shop(tmp_path: Path) -> dict[str, Any]:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for number in (1, 2):
        (folder / f"{number}_t.sql").write_text(
            f"-- migrate:up\nCREATE TABLE t{number} (id integer);\n-- migrate:down\nDROP TABLE t{number};\n"
        )
    return {"url": f"sqlite://{tmp_path}/shop.db", "folder": str(folder), "lock_timeout": 0.001}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"lock_wait": -1}, "must not be negative"),
        ({"retries": -1}, "must not be negative"),
        ({"statement_timeout": -1}, "must not be negative"),
        ({"lock_timeout": 0}, "must be 0.001 s or more"),
        ({"lock_timeout": 10**9}, "must not be above"),
        ({"url": None}, "No database is given"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    shop: dict[str, Any], options: dict[str, Any], why: str
) -> None:
    with pytest.raises(StrataError, match=why):
        Migrator("sql", EngineOptions(**{**shop, **options})).validate()
    Migrator("sql", EngineOptions(**shop)).validate()


def test_every_engine_is_registered_by_its_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert {name: engine.NAME for name, engine in PROVIDERS.items()} == {name: name for name in PROVIDERS}


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of migrations that do not get their lock, one try each."""
    refused: list[str] = []
    apply = _SqlSession.apply

    def refusing(self: _SqlSession, migrations: Sequence[Migration]) -> Iterator[str]:
        for migration in migrations:
            if migration.name in refused:
                refused.remove(migration.name)
                raise LockedError(f"{migration.name} did not get its lock.")
            yield from apply(self, [migration])

    monkeypatch.setattr(_SqlSession, "apply", refusing)
    return refused


def test_a_refused_lock_is_tried_again_from_where_it_was(shop: dict[str, Any], refusals: list[str]) -> None:
    refusals += ["2_t.sql"] * 2
    outcome = Migrator("sql", EngineOptions(**shop, retries=2)).ensure_latest(
        phase="expand", check_mode=False
    )
    assert outcome.applied == ("1_t.sql", "2_t.sql")
    assert refusals == []


def test_tries_are_counted_and_the_error_says_what_is_done(shop: dict[str, Any], refusals: list[str]) -> None:
    refusals += ["2_t.sql"] * 2
    with pytest.raises(StrataError, match=r"Tried 2 times .* Done before it in this run: 1_t\.sql") as caught:
        Migrator("sql", EngineOptions(**shop, retries=1)).ensure_latest(phase="expand", check_mode=False)
    assert (caught.value.details["changed"], caught.value.details["done"]) == (True, ["1_t.sql"])
    again = Migrator("sql", EngineOptions(**shop)).ensure_latest(phase="expand", check_mode=False)
    assert again.applied == ("2_t.sql",)


def test_check_mode_names_what_would_be_done_with_the_same_diff(shop: dict[str, Any], tmp_path: Path) -> None:
    migrator = Migrator("sql", EngineOptions(**shop))
    planned = migrator.ensure_latest(phase="expand", check_mode=True)
    assert (planned.applied, planned.pending) == (("1_t.sql", "2_t.sql"),) * 2
    assert not (tmp_path / "shop.db").exists()
    done = migrator.ensure_latest(phase="expand", check_mode=False)
    assert (done.before, done.after) == (planned.before, planned.after)
    assert (done.pending, done.version) == ((), "2")
