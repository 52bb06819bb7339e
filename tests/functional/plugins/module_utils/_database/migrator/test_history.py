# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database keeps of migrations, on every system: whole ones, unfinished ones, and what another tool did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.history import (
    History,
    Progress,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Applied, Migration

ONE = Migration("1_a.sql", "1", up="SELECT 1;", down="SELECT 'ж?%s';", checksum="sha256:1")
TEN = Migration("10_b.sql", "10", "contract", checksum="sha256:10")
HALF = Progress("2", "2_x.sql", "up", 2, 3, "failed", "SELECT '?'", "sha256:2")


@pytest.fixture(params=["mysql", "postgresql", "sqlite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    names = {"mysql": "mysql_url", "postgresql": "url"}
    url = (
        request.getfixturevalue(names[request.param])
        if request.param in names
        else f"sqlite://{tmp_path}/shop.db"
    )
    with opened(resolve(url, None, {}), read_only=False) as database:
        yield database


@pytest.fixture
def history(database: Database) -> History:
    return History(database)


def test_a_database_without_the_tables_has_nothing_applied(history: History, database: Database) -> None:
    assert history.read() == ()
    assert history.progress() == {}
    assert not database.has_table("schema_migrations")


def test_what_is_recorded_is_read_in_the_order_of_numbers(history: History) -> None:
    history.record(TEN, "2.0")
    history.record(ONE, "1.0")
    one, ten = history.read()
    assert one.applied_at.endswith("+00:00")
    assert replace(one, applied_at="") == Applied(
        "1", "1_a.sql", "sha256:1", "expand", "SELECT 'ж?%s';", "1.0", ""
    )
    assert (ten.version, ten.phase, ten.release) == ("10", "contract", "2.0")
    assert "its file had no SQL under '-- migrate:down'" in ten.irreversible
    history.forget("10")
    assert [item.version for item in history.read()] == ["1"]


def test_what_is_recorded_again_is_as_it_was_recorded_last(history: History) -> None:
    history.record(ONE, "1.0")
    history.record(replace(ONE, checksum="sha256:2"), "2.0")
    (item,) = history.read()
    assert (item.checksum, item.release) == ("sha256:2", "2.0")
    history.accept(replace(ONE, checksum="sha256:3", down=""))
    (item,) = history.read()
    assert (item.checksum, item.release, item.down) == ("sha256:3", "2.0", "")


def test_what_another_tool_did_is_seen(history: History, database: Database) -> None:
    history.record(ONE, "1.0")
    database.query("INSERT INTO schema_migrations VALUES ('7')")
    database.query("DELETE FROM schema_migrations WHERE version = '1'")
    (item,) = history.read()
    assert (item.version, item.name, item.checksum, item.phase) == ("7", "7", "", "")
    assert "applied by another tool" in item.irreversible


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (HALF, "statement 1 of 3 done; statement 2 failed: SELECT '?'"),
        (
            replace(HALF, step=1, state="running"),
            "nothing of 3 done; statement 1 was running when its run ended, so",
        ),
        (
            replace(HALF, step=3, state="waiting"),
            "statements 1 to 2 of 3 done; statement 3 was next when its run ended",
        ),
        (replace(HALF, step=4, statement=""), "all 3 statements are done, and that is not recorded"),
    ],
)
def test_an_unfinished_migration_is_told_from_whole_ones(
    history: History, progress: Progress, text: str
) -> None:
    history.record(ONE, "1.0")
    history.create(for_steps=True)
    history.advance(replace(HALF, step=1, state="running"))
    history.advance(progress)
    assert history.progress() == {"2": progress}
    one, two = history.read()
    assert one.unfinished == ""
    assert (two.version, two.name, two.backwards) == ("2", "2_x.sql", False)
    assert two.unfinished.startswith(text)
    history.record(replace(ONE, name="2_x.sql", version="2"), "1.0")
    assert history.progress() == {}
    assert [item.unfinished for item in history.read()] == ["", ""]


def test_an_unfinished_way_back_keeps_what_was_recorded(history: History) -> None:
    history.record(ONE, "1.0")
    history.create(for_steps=True)
    history.advance(replace(HALF, version="1", name="1_a.sql", direction="down"))
    (item,) = history.read()
    assert (item.down, item.backwards) == (ONE.down, True)
    assert item.unfinished.startswith("statement 1 of 3 of the way back done; statement 2 failed")
    history.forget("1")
    assert history.read() == ()
    assert history.progress() == {}


def test_what_another_tool_brought_to_its_end_is_not_unfinished(history: History, database: Database) -> None:
    history.record(ONE, "1.0")
    history.create(for_steps=True)
    history.advance(HALF)
    history.advance(replace(HALF, version="1", name="1_a.sql", direction="down"))
    database.query("INSERT INTO schema_migrations VALUES ('2')")
    database.query("DELETE FROM schema_migrations WHERE version = '1'")
    assert [(item.version, item.unfinished) for item in history.read()] == [("2", "")]


def test_a_long_script_is_kept_whole(history: History) -> None:
    down = f"SELECT 1; -- {'long ' * 20_000}"
    history.record(replace(ONE, down=down), "1.0")
    assert history.read()[0].down == down


def test_the_tables_are_made_before_a_transaction_where_they_would_end_it(
    history: History, database: Database
) -> None:
    history.prepare()
    assert database.has_table("strata_migrations") is (not database.DIALECT.takes_back_schema)
