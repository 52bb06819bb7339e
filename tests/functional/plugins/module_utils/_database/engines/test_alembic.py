# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``alembic`` with real Alembic projects: on SQLite, and what depends on the system on PostgreSQL and MariaDB.

STRATA_TEST_ALEMBIC names another interpreter, with another Alembic, for the releases.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

import psycopg
import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Migration,
    MigrationOutcome,
)

REPOSITORY = Path(__file__).resolve().parents[6]
PROJECTS = REPOSITORY / "molecule" / "db_migrate" / "projects"
PYTHON = os.environ.get("STRATA_TEST_ALEMBIC", sys.executable)
WAIT = 30.0

REVISION = '''\
"""{about}

{doc}
"""
import sqlalchemy as sa
from alembic import op
revision = {version!r}
down_revision = {after!r}
branch_labels = {label!r}
depends_on = {needs!r}


def upgrade():
    {up}


def downgrade():
    {down}
'''
CREATE = 'op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.String(9)))'
DROP = 'op.drop_table("orders")'


@dataclass(frozen=True)
class Shop:
    """An app whose release 2.0 is an Alembic project, and its database; ``url`` is as Strata takes it."""

    root: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def release(self) -> Path:
        return self.root / "releases" / "2.0"

    @property
    def database(self) -> Path:
        """SQLite's file."""
        return Path(self.url[len("sqlite:///") :])

    def take(self, project: str) -> None:
        """Have one of the projects that the scenarios deploy."""
        shutil.copytree(PROJECTS / project, self.release)

    def revise(
        self,
        version: str,
        after: str | tuple[str, ...] | None,
        up: str,
        down: str = "pass",
        *,
        doc: str = "",
        label: str | None = None,
        needs: str | None = None,
    ) -> None:
        """Write a revision, in a project that has no other than those written so."""
        versions = self.release / "migrations" / "versions"
        if not self.release.exists():
            shutil.copytree(PROJECTS / "alembic", self.release)
            for file in versions.glob("*.py"):
                file.unlink()
        (versions / f"{version}_step.py").write_text(
            REVISION.format(
                about=f"Step {version}",
                doc=doc,
                version=version,
                after=after,
                label=label,
                needs=needs,
                up=up.replace("\n", "\n    "),
                down=down.replace("\n", "\n    "),
            )
        )

    def drop(self, version: str) -> None:
        (self.release / "migrations" / "versions" / f"{version}_step.py").unlink()

    @property
    def options(self) -> dict[str, Any]:
        return {
            "url": self.url,
            "path": str(self.root),
            "release": "2.0",
            "environment": {
                "DATABASE_URL": self.url.replace("mysql://", "mysql+pymysql://"),
                **self.environment,
            },
            "options": {"python": PYTHON, "config": "alembic.ini"},
            "lock_timeout": 0.3,
            "retries": 0,
        }

    def migrator(self, **options: Any) -> Migrator:
        made = Migrator("alembic", EngineOptions(**{**self.options, **options}))
        made.validate()
        return made

    def migrate(self, phase: str = "expand", *, check: bool = False, **options: Any) -> MigrationOutcome:
        return self.migrator(**options).ensure_latest(phase=phase, check_mode=check)

    def roll_back(self, to: str, *, check: bool = False, **options: Any) -> MigrationOutcome:
        return self.migrator(**options).ensure_rolled_back(
            phase="expand", version=to, running=[], allow_data_loss=True, check_mode=check
        )

    def pending(self) -> tuple[Migration, ...]:
        return self.migrator().status().pending or ()

    def applied(self) -> list[str]:
        return [each.name for each in self.migrator().status().applied or ()]

    def alembic(self, *arguments: str) -> str:
        """What Alembic's own command prints."""
        environment = {**os.environ, **self.options["environment"]}
        command = [PYTHON, "-m", "alembic", *arguments]
        done = subprocess.run(
            command, cwd=self.release, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def tables(self) -> list[str]:
        with sqlite3.connect(self.database) as connection:
            return sorted(row[0] for row in connection.execute("SELECT name FROM sqlite_master"))


@pytest.fixture(autouse=True)
def _own_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "RUN", tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "srv", f"sqlite:///{tmp_path / 'shop.db'}")


@pytest.fixture
def postgresql_shop(tmp_path: Path, url: str) -> Shop:
    return Shop(tmp_path / "srv", url)


@pytest.fixture
def mysql_shop(tmp_path: Path, mysql_url: str) -> Shop:
    return Shop(tmp_path / "srv", mysql_url)


def execute(shop: Shop, sql: str) -> list[Any]:
    """Have the server of a shop do something."""
    with drivers.opened(resolve(shop.url, None, {}), read_only=False) as database:
        return database.query(sql)


def names(*versions: str) -> tuple[str, ...]:
    return tuple(f"{each}_step" for each in versions)


EXPAND = (
    "3f0a1c5d7e21_create_customers",
    "8b42d6e9f013_create_orders",
    "1d95c7a2b864_add_order_currency",
    "c6e83b0f4d17_index_orders_by_currency",
    "92a7f4e1c350_fill_order_currency",
    "e57b2d08a946_lower_customer_email",
)
CONTRACT = ("70d1f9b6e48c_drop_order_note",)


def test_a_project_is_migrated_in_phases_and_alembic_agrees(shop: Shop) -> None:
    shop.take("alembic")
    first = shop.migrate()
    assert (first.changed, first.applied, first.version) == (True, EXPAND, "e57b2d08a946")
    assert shop.alembic("current").split() == ["e57b2d08a946"]
    assert not shop.migrate().changed
    contract = shop.migrate("contract")
    assert (contract.applied, contract.version) == (CONTRACT, "70d1f9b6e48c")
    assert shop.alembic("current").split() == ["70d1f9b6e48c", "(head)"]
    assert not shop.migrate("contract").changed


def test_what_alembic_itself_has_applied_is_known(shop: Shop) -> None:
    shop.take("alembic")
    shop.alembic("upgrade", "1d95c7a2b864")
    assert shop.applied() == list(EXPAND[:3])
    assert shop.migrate().applied == EXPAND[3:]


def test_check_mode_changes_nothing_and_its_diff_is_that_of_the_change(shop: Shop) -> None:
    shop.take("alembic")
    plan = shop.migrate(check=True)
    assert (plan.changed, plan.applied, plan.pending) == (True, EXPAND, EXPAND)
    assert shop.tables() == []
    done = shop.migrate()
    assert (done.before, done.after) == (plan.before, plan.after)


def test_the_sql_is_what_alembic_prints(shop: Shop) -> None:
    shop.take("alembic")
    printed = shop.alembic("upgrade", "8b42d6e9f013:1d95c7a2b864", "--sql")
    shown = {each.name: each for each in shop.pending()}[EXPAND[2]]
    assert shown.up == "ALTER TABLE orders ADD COLUMN currency VARCHAR(3);"
    assert shown.up in printed
    assert shown.down == "ALTER TABLE orders DROP COLUMN currency;"


def test_sql_is_of_the_database_s_own_kind_with_its_percent_signs(postgresql_shop: Shop) -> None:
    postgresql_shop.revise("a1", None, CREATE)
    postgresql_shop.revise("a2", "a1", "op.execute(\"UPDATE orders SET note = 'x' WHERE note LIKE '5%'\")")
    first, second = postgresql_shop.pending()
    assert "id SERIAL NOT NULL" in first.up
    assert second.up == "UPDATE orders SET note = 'x' WHERE note LIKE '5%';"


def test_what_asks_the_database_cannot_be_printed_and_says_so(shop: Shop) -> None:
    shop.take("alembic")
    plan = shop.migrate(check=True)
    (warning,) = plan.warnings
    assert warning.startswith("92a7f4e1c350_fill_order_currency: its upgrade() cannot be printed without")
    assert "-- its upgrade() cannot be printed" in plan.after


def test_sql_before_what_cannot_be_printed_is_linted(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    shop.revise("a2", "a1", 'op.drop_table("orders")\nop.get_bind().execute(sa.text("SELECT 1")).scalar()')
    with pytest.raises(StrataError, match=r"drop-table \(a2_step line 1 of its SQL\)"):
        shop.migrate(check=True)


@pytest.mark.parametrize("pool", ["NullPool", "QueuePool"])
@pytest.mark.parametrize("system", ["sqlite", "postgresql", "mysql"])
def test_a_revision_that_writes_by_an_engine_of_its_own_does_so_only_when_it_is_applied(
    system: str, pool: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue("shop" if system == "sqlite" else f"{system}_shop")
    shop.revise("a1", None, 'op.execute("CREATE TABLE log (id integer)")')
    shop.alembic("upgrade", "heads")
    (shop.release / "own.py").write_text(
        "import os\nimport sqlalchemy as sa\n"
        f"engine = sa.create_engine(os.environ['DATABASE_URL'], poolclass=sa.pool.{pool})\n"
        "def write(sql):\n    with engine.begin() as connection:\n        connection.execute(sa.text(sql))\n"
    )
    env = shop.release / "migrations" / "env.py"
    env.write_text(f"import own\nown.write('SELECT 1')\n{env.read_text()}")
    shop.environment["PYTHONPATH"] = str(shop.release)
    insert = 'import own; own.write("INSERT INTO log VALUES ({})")'
    shop.revise("a2", "a1", insert.format(1), insert.format(2))
    (warning,) = shop.migrate(check=True).warnings
    assert warning.startswith("a2_step: its upgrade() cannot be printed without the database (")
    assert execute(shop, "SELECT * FROM log") == []
    shop.migrate()
    assert execute(shop, "SELECT * FROM log") == [(1,)]
    shop.roll_back("a1", check=True)
    assert execute(shop, "SELECT * FROM log") == [(1,)]
    shop.roll_back("a1")
    assert [row[0] for row in execute(shop, "SELECT * FROM log ORDER BY id")] == [1, 2]


def test_printing_runs_nothing_that_is_offline_s_own(shop: Shop) -> None:
    """A revision that asks whether it is printed is told so."""
    shop.revise(
        "a1", None, 'from alembic import context\nassert context.is_offline_mode()\nop.execute("SELECT 1")'
    )
    assert shop.pending()[0].up == "SELECT 1;"
    with pytest.raises(StrataError, match=r"AssertionError \(migrations/versions/a1_step.py, line 15\)"):
        shop.migrate()


def test_contract_migrations_on_a_branch_of_their_own_wait_for_their_phase(shop: Shop) -> None:
    shop.take("alembic_branches")
    expand = (
        "a10c4e7b92d3_create_shop",
        "b2f6d8130c5a_add_order_remark",
        "d4719ea5f06b_index_customers_by_name",
    )
    assert shop.migrate().applied == expand
    assert [(each.name, each.phase) for each in shop.pending()] == [
        ("f85b03c6d71e_drop_order_note", "contract")
    ]
    assert shop.migrate("contract").applied == ("f85b03c6d71e_drop_order_note",)
    assert sorted(shop.alembic("current").split()) == ["(head)", "(head)", "d4719ea5f06b", "f85b03c6d71e"]


def test_a_label_counts_from_its_revision_on_as_far_as_a_merge(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    shop.revise("c1", "a1", "pass", label="contract")
    shop.revise("c2", "c1", "pass")
    shop.revise("a2", "a1", "pass")
    shop.revise("a3", ("a2", "c2"), "pass")
    shop.alembic("upgrade", "a1")
    with pytest.raises(StrataError, match="Expand migration a3_step needs contract migration c2_step"):
        shop.migrate(check=True)
    shop.alembic("upgrade", "c2")
    assert [(each.name, each.phase) for each in shop.pending()] == [
        ("a2_step", "expand"),
        ("a3_step", "expand"),
    ]
    assert shop.migrate().applied == names("a2", "a3")


def test_a_docstring_waives_and_limits(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    doc = "-- strata: allow=drop-table because nobody has used it yet\n-- strata: lock_timeout=2s statement_timeout=1min"
    shop.revise("a2", "a1", DROP, doc=doc)
    migration = shop.pending()[1]
    assert dict(migration.allowed) == {"drop-table": "nobody has used it yet"}
    assert (migration.lock_timeout, migration.statement_timeout) == (2, 60)
    assert shop.migrate().applied == names("a1", "a2")


def test_a_directive_that_is_not_known_is_an_error_that_names_the_migration(shop: Shop) -> None:
    shop.revise("a1", None, CREATE, doc="-- strata: phase=later")
    with pytest.raises(StrataError, match="Migration a1_step has '-- strata: phase=later'"):
        shop.migrate()


def test_an_expand_migration_that_needs_a_contract_one_is_refused_until_that_is_applied(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    shop.revise("a2", "a1", 'op.execute("UPDATE orders SET note = NULL")', doc="-- strata: phase=contract")
    shop.revise("a3", "a2", "pass")
    shop.revise("a4", "a3", "pass")
    with pytest.raises(
        StrataError, match="Expand migration a3_step needs contract migration a2_step, which is not applied"
    ):
        shop.migrate(check=True)
    assert shop.migrate("contract").applied == names("a2")
    assert shop.migrate().applied == names("a3", "a4")


def test_a_new_database_gets_the_contract_migrations_that_later_ones_need(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    shop.revise("a2", "a1", 'op.execute("UPDATE orders SET note = NULL")', doc="-- strata: phase=contract")
    shop.revise("a3", "a2", "pass")
    shop.revise("a4", "a3", "pass", doc="-- strata: phase=contract")
    assert shop.migrate().applied == names("a1", "a2", "a3")
    assert shop.migrate("contract").applied == names("a4")


def test_heads_that_nobody_merged_are_named(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    shop.revise("a2", "a1", "pass")
    shop.revise("b2", "a1", "pass")
    with pytest.raises(StrataError, match=r"end in 2 heads, (a2|b2)_step and (a2|b2)_step.*merge heads"):
        shop.migrate()
    shop.revise("a3", ("a2", "b2"), "pass")
    assert set(shop.migrate().applied) == set(names("a1", "a2", "b2", "a3"))


def test_a_database_that_is_ahead_of_the_release_is_left_alone(shop: Shop) -> None:
    shop.revise("a1", None, CREATE, DROP)
    shop.revise("a2", "a1", "pass")
    shop.alembic("upgrade", "heads")
    shop.drop("a2")
    plan = shop.migrator().status()
    assert plan.pending == ()
    assert plan.applied is not None
    assert [(each.version, each.irreversible) for each in plan.applied] == [
        ("a2", "its revision is not in this release. Take the release that brought it.")
    ]
    assert not shop.migrate().changed
    with pytest.raises(StrataError, match="has revision a2, which is not in this release"):
        shop.roll_back("base")


def test_a_rollback_takes_the_newest_back_first(shop: Shop) -> None:
    shop.revise("a1", None, CREATE, DROP)
    for version, after in (("b2", "a1"), ("b3", "b2")):
        column = f'"{version}", sa.Integer'
        shop.revise(
            version,
            after,
            f'op.add_column("orders", sa.Column({column}))',
            f'op.drop_column("orders", "{version}")',
        )
    shop.alembic("upgrade", "heads")
    plan = shop.roll_back("a1", check=True)
    assert (plan.rolled_back, shop.applied()) == (names("b3", "b2"), [*names("a1", "b2", "b3")])
    assert "-- b3_step, rolled back\nALTER TABLE orders DROP COLUMN b3;" in plan.after
    done = shop.roll_back("a1")
    assert (done.rolled_back, done.version, done.after) == (names("b3", "b2"), "a1", plan.after)
    assert not shop.roll_back("a1").changed
    assert shop.roll_back("base").rolled_back == names("a1")
    assert shop.migrate().applied == names("a1", "b2", "b3")
    assert shop.roll_back("0").version is None


def test_a_rollback_of_a_branch_leaves_the_others(shop: Shop) -> None:
    shop.revise("a1", None, CREATE, DROP)
    shop.revise("a2", "a1", 'op.create_index("i2", "orders", ["note"])', 'op.drop_index("i2", "orders")')
    shop.revise("b2", "a1", 'op.create_index("i3", "orders", ["note"])', 'op.drop_index("i3", "orders")')
    shop.revise("a3", ("a2", "b2"), "pass")
    shop.alembic("upgrade", "heads")
    assert shop.roll_back("a2").rolled_back == names("a3")
    assert set(shop.applied()) == set(names("a1", "a2", "b2"))


def test_a_revision_whose_way_back_only_passes_is_refused(shop: Shop) -> None:
    shop.take("alembic")
    shop.alembic("upgrade", "e57b2d08a946")
    with pytest.raises(
        StrataError, match=r"e57b2d08a946_lower_customer_email is refused: its downgrade\(\) does nothing"
    ):
        shop.roll_back("92a7f4e1c350")


@pytest.mark.parametrize(
    ("down", "why"),
    [
        ("raise NotImplementedError", "raises an exception"),
        ('"""No way."""\n...', "does nothing"),
        ("pass\n\ndel downgrade", "has no downgrade"),
    ],
)
def test_a_revision_without_a_way_back_is_refused_before_anything_is_taken_back(
    shop: Shop, down: str, why: str
) -> None:
    shop.revise("a1", None, CREATE, DROP)
    shop.revise("a2", "a1", 'op.execute("UPDATE orders SET note = 1")', down)
    if "del" in down:
        file = shop.release / "migrations" / "versions" / "a2_step.py"
        file.write_text(file.read_text().replace("    del downgrade", "del downgrade"))
    shop.revise("a3", "a2", "pass")
    shop.alembic("upgrade", "heads")
    with pytest.raises(
        StrataError, match=f"Rolling back migration a2_step is refused: its? .*{why}"
    ) as caught:
        shop.roll_back("base")
    assert caught.value.details["migration"] == "a2_step"
    assert shop.applied() == [*names("a1", "a2", "a3")]


def test_a_rollback_past_a_contract_migration_is_refused(shop: Shop) -> None:
    shop.take("alembic_branches")
    shop.alembic("upgrade", "heads")
    shop.migrate("contract")
    with pytest.raises(
        StrataError,
        match="b2f6d8130c5a_add_order_remark is refused: contract migration f85b03c6d71e_drop_order_note was applied after",
    ):
        shop.roll_back("a10c4e7b92d3")


def test_a_rollback_to_what_is_not_applied_is_refused(shop: Shop) -> None:
    shop.revise("a1", None, CREATE, DROP)
    shop.alembic("upgrade", "heads")
    shop.revise("a2", "a1", "pass")
    with pytest.raises(StrataError, match="revision a2 is not applied; the last that are: a1_step"):
        shop.roll_back("a2")
    with pytest.raises(StrataError, match="Can't locate revision identified by 'zz'"):
        shop.roll_back("zz")


def test_what_env_py_prints_disturbs_nothing(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    env = shop.release / "migrations" / "env.py"
    env.write_text(
        "import os\nos.system('echo noise')\nprint('{\"noise\": 1}')\n" + env.read_text() + "print('more')\n"
    )
    assert shop.migrate().applied == names("a1")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("import sys; sys.exit('no way')", r"SystemExit: no way \(migrations/env.py, line 1\)"),
        ("1 / 0", r"ZeroDivisionError: division by zero \(migrations/env.py, line 1\)"),
        ("raise ValueError('the password is ' + os.environ['SHOP_PASSWORD'])", r"the password is \*{8} \("),
        ("os._exit(0)", "ended without an answer"),
        ("os._exit(3)", "exit code 3"),
    ],
)
def test_a_project_that_fails_is_an_error_without_a_traceback(shop: Shop, line: str, why: str) -> None:
    shop.revise("a1", None, CREATE)
    env = shop.release / "migrations" / "env.py"
    env.write_text(f"{'import os; ' if 'os.' in line else ''}{line}\n{env.read_text()}")
    shop.environment["SHOP_PASSWORD"] = "hunter22"
    with pytest.raises(StrataError, match=why) as caught:
        shop.migrate()
    assert "Traceback" not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_an_env_py_for_several_databases_is_refused(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    env = shop.release / "migrations" / "env.py"
    env.write_text(env.read_text() + "run_migrations_online()\n")
    with pytest.raises(StrataError, match="migrates more than one database or schema"):
        shop.migrate()


def test_an_env_py_that_migrates_nothing_is_refused(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    (shop.release / "migrations" / "env.py").write_text("")
    with pytest.raises(StrataError, match=r"without context.run_migrations\(\)"):
        shop.migrate()


def test_an_interpreter_without_alembic_says_what_to_set(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    bare = shop.root / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(StrataError, match="has no Alembic; the engine's option python"):
        shop.migrate(options={"python": str(bare)})


def test_a_release_without_the_configuration_says_what_to_set(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    with pytest.raises(StrataError, match=r"has no conf/alembic.ini; the engine's option config"):
        shop.migrate(options={"python": PYTHON, "config": "conf/alembic.ini"})


def test_the_configuration_may_be_in_a_folder_and_partly_in_pyproject_toml(shop: Shop) -> None:
    shop.revise("a1", None, CREATE)
    ini = shop.release / "alembic.ini"
    (shop.release / "conf").mkdir()
    text = ini.read_text().replace("script_location = %(here)s/migrations\n", "")
    (shop.release / "conf" / "alembic.ini").write_text(text)
    ini.unlink()
    (shop.release / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/migrations"\n')
    if (
        "toml_file"
        not in subprocess.run(
            [PYTHON, "-c", "import inspect, alembic.config as c; print(inspect.getsource(c.Config))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    ):
        pytest.skip("this Alembic does not read pyproject.toml")
    assert shop.migrate(options={"python": PYTHON, "config": "conf/alembic.ini"}).applied == names("a1")


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before(
    postgresql_shop: Shop,
) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    shop.revise(
        "a2", "a1", 'op.add_column("orders", sa.Column("a", sa.Integer))\nop.execute("SELECT nonsense")'
    )
    shop.revise("a3", "a2", "pass")
    with pytest.raises(StrataError) as caught:
        shop.migrate()
    said = str(caught.value)
    assert "Applying migration a2_step failed, and nothing of it was kept. UndefinedColumn: column" in said
    assert ", at SELECT nonsense" in said
    assert caught.value.details["migration"] == "a2_step"
    assert caught.value.details["done"] == [*names("a1")]
    assert caught.value.details["pending"] == [*names("a2", "a3")]
    assert execute(shop, "SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders'") == [
        (2,)
    ]
    shop.revise("a2", "a1", "pass")
    assert shop.migrate().applied == names("a2", "a3")


def test_a_failed_way_back_is_named(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE, 'op.execute("SELECT nonsense")')
    shop.revise("a2", "a1", "pass", "op.execute('SELECT 1')")
    shop.alembic("upgrade", "heads")
    with pytest.raises(
        StrataError, match="Rolling back migration a1_step failed, and nothing of it was kept"
    ) as caught:
        shop.roll_back("base")
    assert caught.value.details["done"] == [*names("a2")]


def test_what_an_autocommit_block_has_done_stays_and_is_told(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    block = 'with op.get_context().autocommit_block():\n    op.execute("{}")\n'
    shop.revise("a2", "a1", block.format("CREATE TABLE b (id integer)") + 'op.execute("SELECT nonsense")')
    shop.revise("a3", "a2", "pass")
    assert [each.transactional for each in shop.pending()] == [True, False, True]
    with pytest.raises(StrataError) as caught:
        shop.migrate()
    assert "a2_step failed half-way, and what it had done outside a transaction stays" in str(caught.value)
    assert "statements carried out are 1, the last of them CREATE TABLE b (id integer)." in str(caught.value)


def test_what_mariadb_cannot_take_back_is_told_and_the_next_plan_is_right(mysql_shop: Shop) -> None:
    shop = mysql_shop
    shop.revise("a1", None, CREATE)
    shop.revise("a2", "a1", 'op.execute("CREATE TABLE b (id integer)")\nop.execute("SELECT nonsense")')
    with pytest.raises(StrataError) as caught:
        shop.migrate()
    assert "a2_step failed half-way, and what it had done outside a transaction stays" in str(caught.value)
    assert "the last of them CREATE TABLE b (id integer)" in str(caught.value)
    assert "Unknown column 'nonsense'" in str(caught.value)
    assert caught.value.details["done"] == [*names("a1")]
    assert [each.name for each in shop.pending()] == [*names("a2")]
    execute(shop, "DROP TABLE b")
    shop.revise("a2", "a1", 'op.execute("CREATE TABLE b (id integer)")')
    assert shop.migrate().applied == names("a2")


@contextmanager
def locked(shop: Shop) -> Iterator[None]:
    """Another transaction has the table orders."""
    with drivers.opened(resolve(shop.url, None, {}), read_only=False) as other:
        other.query("BEGIN")
        other.query("SELECT * FROM orders")
        yield


@pytest.mark.parametrize("system", ["postgresql", "mysql"])
def test_a_lock_that_cannot_be_had_in_time_is_tried_for_again(
    system: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue(f"{system}_shop")
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    shop.revise("a2", "a1", 'op.add_column("orders", sa.Column("a", sa.Integer))')
    with locked(shop):
        began = time.monotonic()
        with pytest.raises(StrataError, match=r"Tried 2 times with a lock timeout of 0\.3 s") as caught:
            shop.migrate(retries=1)
        assert time.monotonic() - began < WAIT
    assert "a2_step failed, and nothing of it was kept" in str(caught.value)
    assert [each.name for each in shop.pending()] == [*names("a2")]
    assert shop.migrate().applied == names("a2")


@pytest.mark.parametrize("how", ["autocommit_block", "COMMIT"])
def test_what_was_committed_before_the_statement_that_fails_stays_and_is_not_tried_again(
    postgresql_shop: Shop, how: str
) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE + '\nop.create_table("log", sa.Column("id", sa.Integer))')
    shop.alembic("upgrade", "heads")
    alter = 'op.execute("ALTER TABLE orders ADD COLUMN a integer")'
    commit = {
        "autocommit_block": f"with op.get_context().autocommit_block():\n    {alter}",
        "COMMIT": f'op.execute("COMMIT")\n{alter}',
    }
    shop.revise("a2", "a1", f'op.execute("INSERT INTO log VALUES (1)")\n{commit[how]}')
    with locked(shop), pytest.raises(StrataError, match="lock timeout") as caught:
        shop.migrate(retries=2)
    assert "a2_step failed half-way" in str(caught.value)
    assert "are 1, the last of them INSERT INTO log" in str(caught.value)
    assert execute(shop, "SELECT * FROM log") == [(1,)]


def test_a_migration_that_had_to_wait_succeeds_once_the_table_is_free(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    shop.revise("a2", "a1", 'op.add_column("orders", sa.Column("a", sa.Integer))')
    done: list[MigrationOutcome] = []
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
    with locked(shop):
        thread = threading.Thread(target=lambda: done.append(shop.migrate(retries=100)))
        thread.start()
        until(lambda: execute(shop, waiting), "the migration waits for the table")
        until(lambda: not execute(shop, waiting), "its lock timeout is over")
    thread.join(WAIT)
    assert done[0].applied == names("a2")


def test_an_index_built_concurrently_waits_for_others_without_a_limit(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    build = 'op.create_index("i", "orders", ["note"], postgresql_concurrently=True)'
    shop.revise("a2", "a1", f"with op.get_context().autocommit_block():\n    {build}")
    done: list[MigrationOutcome] = []
    began = time.monotonic()
    waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX CONCURRENTLY%'"
    with psycopg.connect(shop.url) as writer:
        writer.execute("INSERT INTO orders (note) VALUES ('x')")
        thread = threading.Thread(target=lambda: done.append(shop.migrate(statement_timeout=0.3)))
        thread.start()
        until(lambda: execute(shop, waiting), "the index waits for the writer")
        since = time.monotonic()
        until(lambda: time.monotonic() - since > 0.6 or not execute(shop, waiting), "both limits are over")
        assert execute(shop, waiting)
    thread.join(WAIT)
    assert done[0].applied == names("a2")
    assert time.monotonic() - began < WAIT


def test_an_index_that_could_not_be_finished_is_dropped_by_the_next_try(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    shop.alembic("upgrade", "heads")
    build = 'op.create_index("i", "orders", ["note"], postgresql_concurrently=True)'
    doc = "-- strata: lock_timeout=300ms"
    shop.revise("a2", "a1", f"with op.get_context().autocommit_block():\n    {build}", doc=doc)
    valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('i')"
    with psycopg.connect(shop.url) as writer:
        writer.execute("INSERT INTO orders (note) VALUES ('x')")
        with pytest.raises(StrataError, match="a2_step failed, and at most an invalid index is left of it"):
            shop.migrate()
    assert execute(shop, valid) == [(False,)]
    assert shop.migrate().applied == names("a2")
    assert execute(shop, valid) == [(True,)]


def test_a_statement_that_takes_too_long_is_ended(postgresql_shop: Shop) -> None:
    postgresql_shop.revise("a1", None, 'op.execute("SELECT pg_sleep(60)")')
    with pytest.raises(StrataError, match=r"statement timeout .*, at SELECT pg_sleep"):
        postgresql_shop.migrate(statement_timeout=0.2)
    postgresql_shop.revise(
        "a1", None, 'op.execute("SELECT pg_sleep(0.4)")', doc="-- strata: statement_timeout=0"
    )
    assert postgresql_shop.migrate(statement_timeout=0.2).applied == names("a1")


def test_the_way_back_has_the_limits_of_its_migration(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    slow = 'op.execute("SELECT pg_sleep({})")'.format
    shop.revise("a2", "a1", CREATE.replace("orders", "b"), slow(0.4), doc="-- strata: statement_timeout=0")
    shop.revise("a3", "a2", CREATE.replace("orders", "c"), slow(0))
    shop.revise("a4", "a3", CREATE.replace("orders", "d"), slow(60), doc="-- strata: statement_timeout=100ms")
    shop.alembic("upgrade", "heads")
    with pytest.raises(StrataError, match=r"a4_step failed, and nothing of it was kept.*statement timeout"):
        shop.roll_back("a1", statement_timeout=0)
    shop.alembic("stamp", "a3")
    assert shop.roll_back("a1", statement_timeout=0.2).rolled_back == names("a3", "a2")


def test_mariadb_ends_a_statement_that_takes_too_long(mysql_shop: Shop) -> None:
    mysql_shop.revise("a1", None, 'op.execute("SELECT SLEEP(60)")')
    with pytest.raises(StrataError, match="max_statement_time exceeded"):
        mysql_shop.migrate(statement_timeout=0.2)


@pytest.mark.parametrize("killed", ["the module", "the tool"])
def test_a_migration_that_is_killed_is_read_right_by_the_next_plan(
    postgresql_shop: Shop, killed: str
) -> None:
    shop = postgresql_shop
    shop.revise("a1", None, CREATE)
    shop.revise(
        "a2", "a1", 'op.add_column("orders", sa.Column("a", sa.Integer))\nop.execute("SELECT pg_sleep(600)")'
    )
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions\n"
        "guard.RUN = Path(sys.argv[2])\n"
        "migrator = Migrator('alembic', EngineOptions(**json.loads(sys.argv[1])))\n"
        "migrator.ensure_latest(phase='expand', check_mode=False)\n"
    )
    options = json.dumps({**shop.options, "statement_timeout": 0})
    module = subprocess.Popen(
        [sys.executable, "-c", code, options, str(shop.root.parent)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.PIPE,
        text=True,
    )
    sleeping = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    try:
        until(
            lambda: module.poll() is not None or execute(shop, sleeping),
            "the migration is at its long statement",
        )
        assert module.poll() is None, module.stderr.read() if module.stderr else ""
        children = Path(f"/proc/{module.pid}/task/{module.pid}/children").read_text().split()
        os.kill(module.pid if killed == "the module" else int(children[0]), signal.SIGKILL)
        _out, errors = module.communicate(timeout=WAIT)
    finally:
        module.kill()
        module.wait()
    if killed == "the tool":
        assert "was ended by signal 9" in errors
        assert "Applied in this run: a1_step. Still pending: a2_step." in errors
    assert shop.applied() == [*names("a1")]
    assert [each.name for each in shop.pending()] == [*names("a2")]
    until(lambda: not execute(shop, sleeping), "the server has noticed")
    shop.revise("a2", "a1", 'op.add_column("orders", sa.Column("a", sa.Integer))')
    assert shop.migrate(lock_wait=WAIT).applied == names("a2")


def test_another_migrator_between_plan_and_apply_is_noticed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.revise("a1", None, CREATE)
    shop.revise("a2", "a1", "pass")
    from ansible_collections.strata.deploy.plugins.module_utils._database.engines import scripted

    apply = scripted.ScriptedSession.apply

    def late(session: Any, migrations: Sequence[Migration]) -> Iterator[str]:
        shop.alembic("upgrade", "a1")
        return apply(session, migrations)

    monkeypatch.setattr(scripted.ScriptedSession, "apply", late)
    with pytest.raises(StrataError, match="has been migrated by another since the plan was made"):
        shop.migrate()


def test_the_module_has_the_script_as_ansible_ships_it(shop: Shop, tmp_path: Path) -> None:
    shop.revise("a1", None, CREATE)
    options = {**shop.options, "engine": "alembic"}
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("ansible")), "localhost", "-c", "local"),
            *("-m", "strata.deploy.migration", "-a", json.dumps(options)),
            *("-e", f"ansible_python_interpreter={sys.executable}"),
        ],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(REPOSITORY / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_REMOTE_TEMP": str(tmp_path / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(re.sub(r"\A.*?=> ", "", done.stdout, flags=re.DOTALL))["applied"] == [*names("a1")]


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)
