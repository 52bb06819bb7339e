# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``sql`` and dbmate itself in turn, over one folder and one database; and drift that is accepted."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import opened
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import MigrationOutcome

CONCURRENTLY = {"postgresql": " CONCURRENTLY"}
FILES = {
    "20260101_orders.sql": """-- The first one.
-- strata: phase=expand
-- migrate:up
CREATE TABLE orders (id integer PRIMARY KEY, note varchar(40));

-- migrate:down
DROP TABLE orders;
""",
    "20260102_currency.sql": """-- strata: lock_timeout=2s statement_timeout=1min
-- migrate:up
-- strata: allow=rename because nothing is renamed here
ALTER TABLE orders ADD COLUMN currency varchar(3);
-- migrate:down
ALTER TABLE orders DROP COLUMN currency;
""",
    "20260103_by_currency.sql": """-- migrate:up transaction:false
CREATE INDEX{concurrently} by_currency ON orders (currency);
-- migrate:down transaction:false
DROP INDEX{concurrently} by_currency{on};
""",
    "20260104_customers.sql": """-- migrate:up
CREATE TABLE customers (id integer PRIMARY KEY);
INSERT INTO customers VALUES (1), (2);
-- migrate:down
DELETE FROM customers;
DROP TABLE customers;
""",
}
VERSIONS = [name.partition("_")[0] for name in FILES]
FORM = {
    "mysql": "SHOW CREATE TABLE schema_migrations",
    "postgresql": (
        "SELECT c.table_schema, column_name, data_type, character_maximum_length, is_nullable, column_default, "
        "constraint_name FROM information_schema.columns c "
        "LEFT JOIN information_schema.key_column_usage k USING (table_name, column_name) WHERE table_name = 'schema_migrations'"
    ),
    "sqlite": "SELECT name, lower(type), \"notnull\", dflt_value, pk FROM pragma_table_info('schema_migrations')",
}


@dataclass(frozen=True)
class Shop:
    """A database, a folder of migrations, and both tools over them."""

    system: str
    url: str
    dbmate_url: str
    folder: Path

    def strata(self, **options: Any) -> Migrator:
        known = {"url": self.url, "folder": str(self.folder), "release": "2.0", "lock_wait": 10}
        return Migrator("sql", EngineOptions(**{**known, **options}))

    def migrate(self, phase: str = "expand", **options: Any) -> MigrationOutcome:
        return self.strata(**options).ensure_latest(phase=phase, check_mode=False)

    def roll_back(self, version: str | None = None) -> MigrationOutcome:
        return self.strata().ensure_rolled_back(
            phase="expand", version=version, running=(), allow_data_loss=True, check_mode=False
        )

    def dbmate(self, *arguments: str) -> str:
        """Run dbmate; what it printed."""
        program = Path(sys.executable).with_name("dbmate")
        ran = subprocess.run(
            [program, "--migrations-dir", self.folder, "--no-dump-schema", *arguments],
            env={**os.environ, "DATABASE_URL": self.dbmate_url},
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def status(self) -> list[str]:
        """The versions that dbmate takes for applied."""
        return [line[4:].partition("_")[0] for line in self.dbmate("status").splitlines() if "[X]" in line]

    @contextmanager
    def database(self) -> Iterator[Database]:
        with opened(resolve(self.url, None, {}), read_only=False) as database:
            yield database

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database() as database:
            return database.query(sql)

    def hide(self, *names: str) -> None:
        """Take files out of the folder, as if they were not written yet."""
        for name in names:
            (self.folder / name).rename(self.folder.parent / name)

    def show(self, *names: str) -> None:
        for name in names:
            (self.folder.parent / name).rename(self.folder / name)


@pytest.fixture(params=["mysql", "postgresql", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    system = request.param
    if system == "sqlite":
        url = dbmate_url = f"sqlite://{tmp_path}/shop.db"
    else:
        url = request.getfixturevalue("mysql_url" if system == "mysql" else "url")
        dbmate_url = f"{url}?sslmode=disable" if system == "postgresql" else url
    folder = tmp_path / "migrations"
    folder.mkdir()
    for name, text in FILES.items():
        on = " ON orders" if system == "mysql" else ""
        (folder / name).write_text(text.format(concurrently=CONCURRENTLY.get(system, ""), on=on))
    return Shop(system, url, dbmate_url, folder)


def test_what_one_tool_does_the_other_sees_both_ways(shop: Shop) -> None:
    third, fourth = list(FILES)[2:]
    shop.hide(third, fourth)
    shop.dbmate("up")
    shop.show(third, fourth)
    assert [item.version for item in shop.strata().status().applied or ()] == VERSIONS[:2]
    assert shop.migrate().applied == (third, fourth)
    assert shop.status() == VERSIONS

    shop.dbmate("rollback")
    assert [item.name for item in shop.strata().status().pending or ()] == [fourth]
    assert shop.migrate().applied == (fourth,)

    assert shop.roll_back().rolled_back == (fourth,)
    assert shop.status() == VERSIONS[:3]
    shop.dbmate("up")
    assert not shop.migrate().changed
    assert shop.query("SELECT id FROM customers ORDER BY 1") == [(1,), (2,)]


def test_what_strata_applied_dbmate_takes_back_to_the_first(shop: Shop) -> None:
    assert shop.migrate().applied == tuple(FILES)
    before = shop.query("SELECT version, name FROM strata_migrations ORDER BY 1")
    shop.dbmate("up")
    assert shop.query("SELECT version, name FROM strata_migrations ORDER BY 1") == before
    for _ in FILES:
        shop.dbmate("rollback")
    assert shop.status() == []
    assert [item.name for item in shop.strata().status().pending or ()] == list(FILES)
    assert shop.strata().status().applied == ()


def test_what_dbmate_applied_strata_leaves_to_it_to_take_back(shop: Shop) -> None:
    shop.dbmate("up")
    assert not shop.migrate().changed
    with pytest.raises(StrataError, match="applied by another tool"):
        shop.roll_back()
    assert shop.status() == VERSIONS


def test_either_tool_makes_the_same_table_of_versions(shop: Shop) -> None:
    shop.migrate()
    made = shop.query(FORM[shop.system])
    for table in ("schema_migrations", "strata_migrations", "customers", "orders"):
        shop.query(f"DROP TABLE {table}")
    shop.dbmate("up")
    assert shop.query(FORM[shop.system]) == made


@pytest.mark.parametrize("shop", ["postgresql"], indirect=True)
def test_the_table_of_versions_is_in_the_schema_that_the_url_names_first(shop: Shop) -> None:
    shop.migrate()
    shop.query("CREATE SCHEMA app")
    of_app = Shop(
        "postgresql",
        f"{shop.url}?options=-csearch_path%3Dapp,public",
        f"{shop.dbmate_url}&search_path=app,public",
        shop.folder,
    )
    last = list(FILES)[-1]
    of_app.hide(last)
    assert of_app.status() == []
    assert of_app.migrate().applied == tuple(FILES)[:-1]
    of_app.show(last)
    assert of_app.status() == VERSIONS[:-1]
    of_app.dbmate("up")
    assert not of_app.migrate().changed
    schemas = shop.query("SELECT table_schema FROM information_schema.tables WHERE table_name = 'orders'")
    assert sorted(schemas) == [("app",), ("public",)]


@pytest.fixture
def changed(shop: Shop) -> Shop:
    """A shop that is at its latest, and the comment in whose second file is another since."""
    shop.migrate()
    file = shop.folder / list(FILES)[1]
    file.write_text(file.read_text().replace("nothing is renamed", "nothing at all is renamed"))
    return shop


def test_a_changed_file_that_is_accepted_is_recorded_as_it_is_now(changed: Shop) -> None:
    name = list(FILES)[1]
    with pytest.raises(StrataError, match=f"{name} was changed after it was applied"):
        changed.migrate()
    accepting = changed.strata(accept_drift=[name])
    accepting.ensure_latest(phase="expand", check_mode=True)
    assert [str(item) for item in changed.strata().status().drift]
    accepting.ensure_latest(phase="expand", check_mode=False)
    assert changed.strata().status().drift == ()
    assert not changed.migrate().changed


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_missing_file_is_accepted_by_name_each_time(shop: Shop) -> None:
    _first, second, _third, fourth = FILES
    shop.hide(fourth)
    shop.migrate()
    shop.show(fourth)
    shop.hide(second)
    with pytest.raises(StrataError, match=f"{second} is applied, and is not among the release's"):
        shop.migrate()
    assert shop.migrate(accept_drift=[second]).applied == (fourth,)
    with pytest.raises(StrataError, match=second):
        shop.migrate()


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_new_file_before_applied_ones_is_applied_where_it_is_accepted(shop: Shop) -> None:
    last = list(FILES)[-1]
    shop.hide(last)
    shop.migrate()
    shutil.copy(shop.folder.parent / last, shop.folder / "20260100_late.sql")
    with pytest.raises(StrataError, match=r"20260100_late\.sql is new, and sorts before one that is applied"):
        shop.migrate()
    accepted = shop.migrate(accept_drift=["20260100_late.sql"])
    assert accepted.applied == ("20260100_late.sql",)
    assert accepted.version == VERSIONS[2]
    assert not shop.migrate().changed
