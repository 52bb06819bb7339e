# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine ``django`` with real Django projects: on SQLite, and what depends on the system on PostgreSQL and MariaDB.

STRATA_TEST_DJANGO names another interpreter, with another Django, for the releases.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
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

PROJECT = Path(__file__).resolve().parents[6] / "molecule" / "db_migrate" / "projects" / "django"
PYTHON = os.environ.get("STRATA_TEST_DJANGO", sys.executable)
WAIT = 30.0

MIGRATION = '''\
"""{doc}"""
from pathlib import Path
from django.db import migrations, models


def touch(apps, schema_editor):
    Path("touched").touch()


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = {needs!r}
    replaces = {replaces!r}
    operations = [{operations}]
'''
ORDERS = 'migrations.RunSQL("CREATE TABLE orders (id integer)", "DROP TABLE orders")'
NOTHING = 'migrations.RunSQL("SELECT 1", "SELECT 1")'
COLUMN = 'migrations.RunSQL("ALTER TABLE orders ADD COLUMN a integer", "ALTER TABLE orders DROP COLUMN a")'


@dataclass(frozen=True)
class Shop:
    """An app whose release 2.0 is a Django project, and its database; ``url`` is as Strata takes it."""

    root: Path
    url: str
    environment: dict[str, str] = field(default_factory=dict)
    contract: list[str] = field(default_factory=list)

    @property
    def release(self) -> Path:
        return self.root / "releases" / "2.0"

    def take(self) -> None:
        """Have the project that the scenarios deploy."""
        shutil.copytree(PROJECT, self.release)

    def migration(
        self,
        name: str,
        *operations: str,
        needs: Sequence[str] | None = None,
        replaces: Sequence[str] = (),
        doc: str = "",
        atomic: bool = True,
    ) -> None:
        """Write the migration app.name, after the app's last one, in a project that has no other than those written so."""
        if not self.release.exists():
            self.take()
            for app in ("shop", "billing"):
                (self.release / app / "models.py").write_text("")
                for file in (self.release / app / "migrations").glob("0*.py"):
                    file.unlink()
        app, _dot, own = name.partition(".")
        folder = self.release / app / "migrations"
        if needs is None:
            before = sorted(each.stem for each in folder.glob("0*.py") if each.stem < own)
            needs = [f"{app}.{each}" for each in before[-1:]]
        (folder / f"{own}.py").write_text(
            MIGRATION.format(
                doc=doc,
                atomic=atomic,
                needs=[tuple(each.split(".")) for each in needs],
                replaces=[tuple(each.split(".")) for each in replaces],
                operations=", ".join(operations),
            )
        )

    @property
    def options(self) -> dict[str, Any]:
        address = resolve(self.url, None, {})
        return {
            "url": self.url,
            "path": str(self.root),
            "release": "2.0",
            "environment": {
                "DB_ENGINE": "sqlite3" if address.system == "sqlite" else address.system,
                "DB_NAME": address.database,
                "DB_HOST": address.host,
                "DB_PORT": address.port,
                "DB_USER": address.user,
                "DB_PASSWORD": address.password,
                "PYTHONDONTWRITEBYTECODE": "1",  # a migration is rewritten faster than its time tells
                **self.environment,
            },
            "options": {"python": PYTHON, "database": "default", "contract": self.contract},
            "lock_timeout": 0.3,
            "retries": 0,
        }

    def migrator(self, **options: Any) -> Migrator:
        made = Migrator("django", EngineOptions(**{**self.options, **options}))
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

    def manage(self, *arguments: str) -> str:
        """What Django's own command prints."""
        environment = {**os.environ, **self.options["environment"]}
        command = [PYTHON, "manage.py", *arguments]
        done = subprocess.run(
            command, cwd=self.release, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with drivers.opened(resolve(self.url, None, {}), read_only=False) as database:
            return database.query(sql)


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


EXPAND = {
    "shop.0001_initial",
    "shop.0002_order_currency",
    "shop.0003_orders_currency",
    "shop.0004_fill_order_currency",
    "billing.0001_initial",
    "billing.0002_invoice_paid_at",
}


def contract_of(shop: Shop) -> str:
    (file,) = (shop.release / "shop" / "migrations").glob("0005_*.py")
    return f"shop.{file.stem}"


def test_a_project_is_migrated_in_phases_and_django_agrees(shop: Shop) -> None:
    shop.take()
    shop.contract.append(contract_of(shop))
    plan = shop.migrate(check=True)
    assert (plan.changed, set(plan.pending)) == (True, EXPAND)
    assert shop.query("SELECT * FROM sqlite_master") == []
    first = shop.migrate()
    assert (first.applied, first.after) == (plan.applied, plan.after)
    assert first.version == first.applied[-1] == "shop.0004_fill_order_currency"
    assert shop.manage("showmigrations", "--plan").count("[X]") == len(EXPAND)
    assert not shop.migrate().changed
    assert shop.migrate("contract").applied == (contract_of(shop),)
    shop.manage("migrate", "--check")


def test_what_django_itself_has_applied_is_known(shop: Shop) -> None:
    shop.take()
    shop.contract.append(contract_of(shop))
    shop.manage("migrate", "billing", "0001")
    status = shop.migrator().status()
    assert status.applied is not None
    assert [each.name for each in status.applied] == [
        "shop.0001_initial",
        "shop.0002_order_currency",
        "billing.0001_initial",
    ]
    assert all(each.applied_at.startswith("20") for each in status.applied)
    assert {each.name for each in status.pending or () if each.phase == "expand"} == EXPAND - {
        each.name for each in status.applied
    }


def test_the_sql_is_what_django_prints(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.take()
    pending = {each.name: each for each in shop.pending()}
    for name in ("shop.0001_initial", "shop.0002_order_currency", "billing.0002_invoice_paid_at"):
        app, _dot, own = name.partition(".")
        lines = shop.manage("sqlmigrate", app, own).splitlines()
        assert pending[name].up.splitlines() == [each for each in lines if each not in ("BEGIN;", "COMMIT;")]


def test_what_runs_python_cannot_be_printed_and_is_not_run(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_touch", "migrations.RunPython(touch, migrations.RunPython.noop)")
    within = "migrations.SeparateDatabaseAndState(database_operations=[migrations.RunPython(touch)])"
    shop.migration("shop.0003_within", within)
    shop.migration(
        "shop.0004_noop", "migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)"
    )
    shop.migration("shop.0005_both", COLUMN, "migrations.RunPython(touch)")
    plan = shop.migrate(check=True)
    assert plan.warnings == (
        "shop.0002_touch: it runs what is no SQL (Raw Python operation)",
        "shop.0003_within: it runs what is no SQL (Raw Python operation)",
    )
    assert not (shop.release / "touched").exists()
    shop.migrate()
    assert (shop.release / "touched").exists()


def test_an_operation_that_writes_while_it_is_printed_is_refused_by_the_database(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.manage("migrate")
    writes = (
        "type('Own', (migrations.operations.base.Operation,), {'reduces_to_sql': True, 'reversible': True, "
        "'state_forwards': lambda *_: None, 'describe': lambda self: 'writes', "
        "'database_forwards': lambda self, app, editor, before, after: "
        "editor.connection.cursor().execute('INSERT INTO orders VALUES (1)'), "
        "'database_backwards': lambda *_: None})()"
    )
    shop.migration("shop.0002_writes", writes)
    (warning,) = shop.migrate(check=True).warnings
    assert warning.startswith(
        "shop.0002_writes: its SQL cannot be printed (OperationalError: attempt to write"
    )
    assert shop.query("SELECT * FROM orders") == []
    shop.migrate()
    assert shop.query("SELECT * FROM orders") == [(1,)]


def test_an_operation_that_writes_to_another_database_does_so_only_when_it_is_applied(
    shop: Shop, tmp_path: Path
) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    settings = shop.release / "shopsite" / "settings.py"
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "other.db")}
    settings.write_text(f"{settings.read_text()}DATABASES['other'] = {other}\n")
    with closing(sqlite3.connect(tmp_path / "other.db")) as database:
        database.execute("CREATE TABLE log (id integer)")
        shop.manage("migrate")
        shop.migration(
            "shop.0002_writes",
            "type('Own', (migrations.operations.base.Operation,), {'reduces_to_sql': True, 'reversible': True, "
            "'state_forwards': lambda *_: None, 'describe': lambda self: 'writes', "
            "'database_forwards': lambda *_: "
            "__import__('django.db').db.connections['other'].cursor().execute('INSERT INTO log VALUES (1)'), "
            "'database_backwards': lambda *_: None})()",
        )
        (warning,) = shop.migrate(check=True).warnings
        assert "attempt to write" in warning
        assert database.execute("SELECT * FROM log").fetchall() == []
        shop.migrate()
        assert database.execute("SELECT * FROM log").fetchall() == [(1,)]


def test_a_docstring_says_the_phase_waives_and_limits(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.manage("migrate")
    shop.migration(
        "shop.0002_drop",
        'migrations.RunSQL("DROP TABLE orders")',
        doc="Gone.\n\n-- strata: allow=drop-table because nobody has used it yet\n-- strata: lock_timeout=2s\n",
    )
    shop.migration("shop.0003_later", NOTHING, doc="-- strata: phase=contract")
    second, third = shop.pending()
    assert (dict(second.allowed), second.lock_timeout) == ({"drop-table": "nobody has used it yet"}, 2)
    assert (second.phase, third.phase) == ("expand", "contract")
    assert shop.migrate().applied == ("shop.0002_drop",)


def test_a_contract_migration_that_there_is_not_is_an_error(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.contract.append("shop.0002_gone")
    with pytest.raises(StrataError, match=r"has 'shop\.0002_gone', which is no migration of the release"):
        shop.migrate(check=True)


def test_an_expand_migration_that_needs_a_contract_one_is_refused_until_that_is_applied(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.manage("migrate")
    shop.migration("shop.0002_drop", NOTHING)
    shop.migration("billing.0001_initial", NOTHING, needs=["shop.0002_drop"])
    shop.contract.append("shop.0002_drop")
    with pytest.raises(
        StrataError,
        match=r"migration billing\.0001_initial needs contract migration shop\.0002_drop, which is not applied",
    ):
        shop.migrate(check=True)
    assert shop.migrate("contract").applied == ("shop.0002_drop",)
    assert shop.migrate().applied == ("billing.0001_initial",)


def test_a_migration_put_before_one_that_is_applied_is_drift_that_can_be_accepted(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0003_last", NOTHING)
    shop.manage("migrate")
    shop.migration("shop.0002_between", NOTHING)
    shop.migration("shop.0003_last", NOTHING)
    with pytest.raises(
        StrataError, match=r"shop\.0002_between is new, and sorts before one that is applied"
    ) as caught:
        shop.migrate()
    assert caught.value.details["drift"] == [{"name": "shop.0002_between", "problem": "out_of_order"}]
    assert shop.migrate(accept_drift=["shop.0002_between"]).applied == ("shop.0002_between",)


def test_two_last_migrations_of_an_app_are_named(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_this", NOTHING, needs=["shop.0001_orders"])
    shop.migration("shop.0002_that", NOTHING, needs=["shop.0001_orders"])
    with pytest.raises(StrataError, match=r"0002_th(is|at) and 0002_th(is|at) of shop; merge them"):
        shop.migrate()


def test_a_dependency_that_there_is_not_is_an_error_that_names_it(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS, needs=["shop.0000_gone"])
    with pytest.raises(StrataError, match="0000_gone"):
        shop.migrate()


@pytest.mark.parametrize("are_gone", [False, True])
def test_a_squashed_migration_stands_for_those_that_it_replaces(shop: Shop, are_gone: bool) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_column", COLUMN)
    shop.manage("migrate")
    replaced = ["shop.0001_orders", "shop.0002_column"]
    shop.migration("shop.0001_squashed", ORDERS, COLUMN, needs=[], replaces=replaced)
    if are_gone:
        for name in replaced:
            (shop.release / "shop" / "migrations" / f"{name[5:]}.py").unlink()
    shop.migration("shop.0003_more", NOTHING, needs=["shop.0001_squashed"])
    assert shop.migrate().applied == ("shop.0003_more",)
    assert {"shop.0001_squashed", "shop.0003_more"} <= set(shop.applied())
    assert not shop.migrate(check=True).changed


def test_a_new_database_gets_the_squashed_migration(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_column", COLUMN)
    shop.migration(
        "shop.0001_squashed", ORDERS, COLUMN, needs=[], replaces=["shop.0001_orders", "shop.0002_column"]
    )
    assert shop.migrate().applied == ("shop.0001_squashed",)
    assert not shop.migrate(check=True).changed


def test_a_database_that_is_ahead_of_the_release_is_left_alone(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_more", NOTHING)
    shop.manage("migrate")
    (shop.release / "shop" / "migrations" / "0002_more.py").unlink()
    plan = shop.migrator().status()
    assert plan.applied is not None
    assert (plan.pending, plan.version) == ((), "shop.0002_more")
    assert plan.applied[1].irreversible == "it is not in this release. Take the release that brought it."
    assert not shop.migrate().changed


def test_a_rollback_takes_back_what_depends_on_it_the_newest_first(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_column", COLUMN)
    create = 'migrations.RunSQL("CREATE TABLE invoices (id integer)", "DROP TABLE invoices")'
    shop.migration("billing.0001_initial", create, needs=["shop.0002_column"])
    shop.manage("migrate")
    plan = shop.roll_back("shop.0001_orders", check=True)
    both = ("billing.0001_initial", "shop.0002_column")
    assert plan.rolled_back == both
    assert "-- billing.0001_initial, rolled back\n" in plan.after
    assert "DROP TABLE invoices" in plan.after
    done = shop.roll_back("shop.0001")
    assert (done.rolled_back, done.after) == (both, plan.after)
    assert shop.roll_back("shop.zero").rolled_back == ("shop.0001_orders",)
    assert [each[0] for each in shop.query("SELECT name FROM django_migrations")] == []
    assert not shop.roll_back("shop.zero").changed


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("0", "'0' names no migration: it is an app with migrations"),
        ("nowhere.0001", "'nowhere.0001' names no migration"),
        ("shop.0009", r"shop\.0009 is not one migration of the release"),
        ("shop.000", r"shop\.000 is not one migration of the release"),
        ("shop.0002", r"shop\.0002_more is not applied"),
    ],
)
def test_a_rollback_to_what_there_is_not_is_refused(shop: Shop, to: str, why: str) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_more", NOTHING)
    shop.manage("migrate", "shop", "0001")
    with pytest.raises(StrataError, match=why):
        shop.roll_back(to)


def test_a_rollback_past_a_contract_migration_is_refused(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_drop", NOTHING)
    shop.contract.append("shop.0002_drop")
    shop.manage("migrate")
    with pytest.raises(
        StrataError,
        match=r"contract migration shop\.0002_drop was applied after it, and what the older release",
    ):
        shop.roll_back("shop.zero")


@pytest.mark.parametrize(
    ("operation", "why"),
    [
        ("migrations.RunPython(touch)", r"RunPython \(Raw Python operation\) has no way back"),
        ('migrations.RunSQL("SELECT 1")', r"RunSQL \(Raw SQL operation\) has no way back"),
        (
            'migrations.SeparateDatabaseAndState(database_operations=[migrations.RunSQL("SELECT 1")])',
            r"RunSQL \(Raw SQL operation\) has no way back",
        ),
    ],
)
def test_a_migration_without_a_way_back_is_refused_before_anything_is_taken_back(
    shop: Shop, operation: str, why: str
) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_once", operation)
    shop.migration("shop.0003_more", NOTHING)
    shop.manage("migrate")
    with pytest.raises(StrataError, match=rf"shop\.0002_once is refused: its operation {why}") as caught:
        shop.roll_back("shop.0001_orders")
    assert caught.value.details["migration"] == "shop.0002_once"


def test_a_way_back_in_python_is_not_told_as_sql(shop: Shop) -> None:
    """Its SQL would be a part of what it does, and what it drops is to be seen whole or not at all."""
    shop.migration("shop.0001_orders", ORDERS, "migrations.RunPython(touch, touch)")
    shop.migration("shop.0002_noop", COLUMN, "migrations.RunPython(touch, migrations.RunPython.noop)")
    first, second = shop.pending()
    assert first.down == ""
    assert "ALTER TABLE orders DROP COLUMN a" in second.down


APPS = """\
from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
def told(signal, plan, using, **more):
    open("told", "a").write(f"{using} {[str(each[0]) for each in plan]}\\n")
    if signal is post_migrate and "breaks" in str(plan):
        raise ValueError("no way")
class Shop(AppConfig):
    name = "shop"
    default = True
    def ready(self):
        pre_migrate.connect(told, sender=self)
        post_migrate.connect(told, sender=self)
"""


def test_apps_are_told_before_and_after_as_django_s_own_command_tells_them(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    (shop.release / "shop" / "apps.py").write_text(APPS)
    settings = shop.release / "shopsite" / "settings.py"
    settings.write_text(settings.read_text().replace('"shop", "billing"', '"shop.apps.Shop", "billing"'))
    shop.migrate()
    assert (shop.release / "told").read_text() == "default ['shop.0001_orders']\n" * 2
    shop.migration("shop.0002_breaks", NOTHING)
    with pytest.raises(
        StrataError,
        match="The migrations are done, and what Django does after them failed: ValueError: no way",
    ) as caught:
        shop.migrate()
    assert caught.value.details["done"] == ["shop.0002_breaks"]


def test_django_s_own_apps_are_set_up_whatever_their_history_drops(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_orders", ORDERS)
    settings = shop.release / "shopsite" / "settings.py"
    own = '"django.contrib.contenttypes", "django.contrib.auth"'
    settings.write_text(settings.read_text().replace('"shop", "billing"', f'{own}, "shop", "billing"'))
    assert "contenttypes.0002_remove_content_type_name" in shop.migrate().applied
    assert ("add_permission",) in shop.query("SELECT codename FROM auth_permission")


def test_what_the_settings_print_disturbs_nothing(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    settings = shop.release / "shopsite" / "settings.py"
    settings.write_text(f"import os\nos.system('echo noise')\nprint('{{}}')\n{settings.read_text()}")
    assert shop.migrate().applied == ("shop.0001_orders",)


@pytest.mark.parametrize("how", ["manage.py", "the environment", "the option"])
def test_the_settings_are_what_the_release_the_environment_or_the_option_says(shop: Shop, how: str) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    options: dict[str, Any] = dict(shop.options["options"])
    if how != "manage.py":
        (shop.release / "manage.py").unlink()
        with pytest.raises(StrataError, match=r"there is no manage\.py in the release's folder that says"):
            shop.migrate(check=True)
    if how == "the environment":
        shop.environment["DJANGO_SETTINGS_MODULE"] = "shopsite.settings"
    if how == "the option":
        shop.environment["DJANGO_SETTINGS_MODULE"] = "shopsite.nowhere"
        options["settings"] = "shopsite.settings"
    assert shop.migrate(check=True, options=options).pending == ("shop.0001_orders",)


def test_another_database_of_the_settings_is_migrated_by_its_alias(shop: Shop, tmp_path: Path) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    settings = shop.release / "shopsite" / "settings.py"
    other = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "other.db")}
    settings.write_text(f"{settings.read_text()}DATABASES['other'] = {other}\n")
    options = {**shop.options["options"], "database": "other"}
    assert shop.migrate(options=options).applied == ("shop.0001_orders",)
    assert shop.pending() != ()
    with pytest.raises(StrataError, match="have no database 'third': they have default, other"):
        shop.migrate(options={**options, "database": "third"})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("raise SystemExit('no way')", r"SystemExit: no way \(shopsite/settings.py, line 1\)"),
        ("raise ValueError('it is hunter22')", r"ValueError: it is \*{8} \(shopsite/settings.py, line 1\)"),
        ("import os; os._exit(0)", "ended without an answer"),
    ],
)
def test_a_project_that_fails_is_an_error_without_a_traceback(shop: Shop, line: str, why: str) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    settings = shop.release / "shopsite" / "settings.py"
    settings.write_text(f"{line}\n{settings.read_text()}")
    shop.environment["SHOP_PASSWORD"] = "hunter22"
    with pytest.raises(StrataError, match=why) as caught:
        shop.migrate()
    assert "Traceback" not in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_an_interpreter_without_django_says_what_to_set(shop: Shop) -> None:
    shop.migration("shop.0001_orders", ORDERS)
    bare = shop.root / "python"
    bare.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(StrataError, match="has no Django; the engine's option python"):
        shop.migrate(options={"python": str(bare)})


def test_a_migration_that_fails_leaves_nothing_of_itself_and_keeps_those_before(
    postgresql_shop: Shop,
) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_breaks", COLUMN, 'migrations.RunSQL("SELECT nonsense")')
    shop.migration("shop.0003_more", NOTHING)
    with pytest.raises(StrataError) as caught:
        shop.migrate()
    said = str(caught.value)
    assert (
        "Applying migration shop.0002_breaks failed, and nothing of it was kept. ProgrammingError: column"
        in said
    )
    assert ", at SELECT nonsense" in said
    assert caught.value.details["migration"] == "shop.0002_breaks"
    assert caught.value.details["done"] == ["shop.0001_orders"]
    assert shop.query("SELECT count(*) FROM information_schema.columns WHERE table_name = 'orders'") == [(1,)]
    shop.migration("shop.0002_breaks", COLUMN)
    assert shop.migrate().applied == ("shop.0002_breaks", "shop.0003_more")


@pytest.mark.parametrize("system", ["postgresql", "mysql"])
def test_what_stays_of_a_migration_without_a_transaction_is_told(
    system: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue(f"{system}_shop")
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration(
        "shop.0002_breaks", COLUMN, 'migrations.RunSQL("SELECT nonsense")', atomic=system == "mysql"
    )
    assert shop.pending()[1].transactional is (system == "mysql")
    with pytest.raises(StrataError) as caught:
        shop.migrate()
    assert "shop.0002_breaks failed half-way, and what it had done outside a transaction stays" in str(
        caught.value
    )
    assert "are 1, the last of them ALTER TABLE orders ADD COLUMN a integer" in str(caught.value)
    assert [each.name for each in shop.pending()] == ["shop.0002_breaks"]
    shop.query("ALTER TABLE orders DROP COLUMN a")
    shop.migration("shop.0002_breaks", COLUMN)
    assert shop.migrate().applied == ("shop.0002_breaks",)


@pytest.mark.parametrize("last", ["a statement alone", "another transaction"])
def test_what_a_transaction_within_a_migration_has_committed_stays_and_is_not_tried_again(
    postgresql_shop: Shop, last: str
) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_orders", ORDERS, 'migrations.RunSQL("CREATE TABLE log (id integer)")')
    shop.manage("migrate")
    execute = "lambda _apps, editor: editor.execute({!r})".format
    alter = "ALTER TABLE orders ADD COLUMN a integer"
    operations = {
        "a statement alone": f"migrations.RunSQL({alter!r})",
        "another transaction": f"migrations.RunPython({execute(alter)}, atomic=True)",
    }
    insert = f"migrations.RunPython({execute('INSERT INTO log VALUES (1)')}, atomic=True)"
    shop.migration("shop.0002_fill", insert, operations[last], atomic=False)
    with drivers.opened(resolve(shop.url, None, {}), read_only=False) as other:
        other.query("BEGIN")
        other.query("SELECT * FROM orders")
        with pytest.raises(StrataError, match="lock timeout") as caught:
            shop.migrate(retries=2)
    assert "shop.0002_fill failed half-way" in str(caught.value)
    assert "are 1, the last of them INSERT INTO log" in str(caught.value)
    assert shop.query("SELECT * FROM log") == [(1,)]


@pytest.mark.parametrize("system", ["postgresql", "mysql"])
def test_a_lock_that_cannot_be_had_in_time_is_tried_for_again(
    system: str, request: pytest.FixtureRequest
) -> None:
    shop: Shop = request.getfixturevalue(f"{system}_shop")
    shop.migration("shop.0001_orders", ORDERS)
    shop.manage("migrate")
    shop.migration("shop.0002_column", COLUMN)
    with drivers.opened(resolve(shop.url, None, {}), read_only=False) as other:
        other.query("BEGIN")
        other.query("SELECT * FROM orders")
        with pytest.raises(StrataError, match=r"Tried 2 times with a lock timeout of 0\.3 s") as caught:
            shop.migrate(retries=1)
        other.query("ROLLBACK")
    assert "shop.0002_column failed, and nothing of it was kept" in str(caught.value)
    assert shop.migrate().applied == ("shop.0002_column",)


def test_a_statement_that_takes_too_long_is_ended(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_slow", 'migrations.RunSQL("SELECT pg_sleep(60)")')
    with pytest.raises(StrataError, match="statement timeout, at SELECT pg_sleep"):
        shop.migrate(statement_timeout=0.2)


def test_an_index_built_concurrently_has_no_limit_of_its_own(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_orders", ORDERS)
    slow = "CREATE FUNCTION slow(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1 FROM pg_sleep(0.6)'"
    shop.migration("shop.0002_slow", f'migrations.RunSQL(["INSERT INTO orders VALUES (1)", "{slow}"])')
    build = "CREATE INDEX CONCURRENTLY i ON orders (slow(id))"
    shop.migration("shop.0003_index", f'migrations.RunSQL("{build}")', atomic=False)
    assert shop.migrate(statement_timeout=0.3).applied[-1] == "shop.0003_index"
    shop.migration("shop.0004_slow", 'migrations.RunSQL("SELECT slow(1)")')
    with pytest.raises(StrataError, match="statement timeout"):
        shop.migrate(statement_timeout=0.3)


def test_a_migration_that_is_killed_is_read_right_by_the_next_plan(postgresql_shop: Shop) -> None:
    shop = postgresql_shop
    shop.migration("shop.0001_orders", ORDERS)
    shop.migration("shop.0002_slow", COLUMN, 'migrations.RunSQL("SELECT pg_sleep(600)")')
    code = (
        "import json, sys\n"
        "from pathlib import Path\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import guard\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator\n"
        "from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions\n"
        "guard.RUN = Path(sys.argv[2])\n"
        "migrator = Migrator('django', EngineOptions(**json.loads(sys.argv[1])))\n"
        "migrator.ensure_latest(phase='expand', check_mode=False)\n"
    )
    options = json.dumps({**shop.options, "statement_timeout": 0})
    module = subprocess.Popen(
        [sys.executable, "-c", code, options, str(shop.root.parent)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    sleeping = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'"
    with psycopg.connect(shop.url, autocommit=True) as observer:

        def sleeps() -> bool:
            return bool(observer.execute(sleeping).fetchall())

        try:
            until(lambda: module.poll() is not None or sleeps(), "the migration is at its long statement")
            assert module.poll() is None
            module.send_signal(signal.SIGKILL)
        finally:
            module.kill()
            module.wait()
        assert shop.applied() == ["shop.0001_orders"]
        assert [each.name for each in shop.pending()] == ["shop.0002_slow"]
        until(lambda: not sleeps(), "the server has noticed")
    shop.migration("shop.0002_slow", COLUMN)
    assert shop.migrate(lock_wait=WAIT).applied == ("shop.0002_slow",)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT} s in vain until {what}"
        time.sleep(0.02)
