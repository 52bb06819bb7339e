# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A migration engine or a database system is added by its own file and one line of its registry, and nothing else.

A made-up one of each is added to a copy of the collection, and driven by ansible-playbook through the modules and the role.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROOT = Path(__file__).resolve().parents[2]
LAYER = Path("plugins/module_utils/_database")
MODULE_UTILS = "from ansible_collections.strata.deploy.plugins.module_utils."

ENGINE = f'''
"""The engine ``listed``: migrations that stand in the options themselves."""

from __future__ import annotations

from contextlib import contextmanager

{MODULE_UTILS}_core.errors import StrataError
{MODULE_UTILS}_database.databases.database import Timeouts
{MODULE_UTILS}_database.migrator.model import Applied, Migration, MigrationPlan


class ListedEngine:
    NAME = "listed"
    OPTIONS = {{
        "migrations": {{"type": "dict", "required": True}},
        "table": {{"type": "str", "default": "listed"}},
        "token": {{"type": "str", "no_log": True}},
    }}
    TOOL = False

    def __init__(self, options):
        self._options = options

    def validate(self):
        if not self._options.options["migrations"]:
            raise StrataError("The engine listed has no migrations.")

    @contextmanager
    def open(self, database, held, verb):
        yield Session(self._options, database)


class Session:
    def __init__(self, options, database):
        self._migrations = options.options["migrations"]
        self._table = options.options["table"]
        self._timeouts = Timeouts(options.lock_timeout, options.statement_timeout)
        self._database = database

    def plan(self, phase):
        done = self._done()
        applied = tuple(Applied(name, name, phase="expand", down=f"DROP TABLE {{name}}") for name in done)
        return MigrationPlan(applied, tuple(Migration(n, n, up=up) for n, up in self._migrations.items() if n not in done))

    def apply(self, migrations):
        for migration in migrations:
            with self._database.transaction(self._timeouts):
                self._database.query(f"CREATE TABLE IF NOT EXISTS {{self._table}} (name text)")
                self._database.script(migration.up)
                self._database.query(f"INSERT INTO {{self._table}} VALUES (?)", (migration.name,))
            yield migration.name

    def rollback_plan(self, version):
        return self.plan("expand").applied[:-2:-1]

    def rollback(self, migrations, version):
        for applied in migrations:
            with self._database.transaction(self._timeouts):
                self._database.script(applied.down)
                self._database.query(f"DELETE FROM {{self._table}} WHERE name = ?", (applied.name,))
            yield applied.name

    def accept(self, names):
        pass

    def _done(self):
        if not self._database.has_table(self._table):
            return []
        return [row[0] for row in self._database.query(f"SELECT name FROM {{self._table}} ORDER BY rowid")]
'''

DATABASE = f'''
"""The database system ``ledger``: SQLite's files, by another name and other options."""

from __future__ import annotations

{MODULE_UTILS}_core.errors import StrataError
{MODULE_UTILS}_database.databases.address import Address
{MODULE_UTILS}_database.databases.sqlite import Sqlite


class Ledger(Sqlite):
    NAME = "ledger"
    OPTIONS = {{"book": {{"type": "path"}}, "pin": {{"type": "str", "no_log": True}}}}
    SCHEMES = ("ledger",)
    DBMATE = None

    @staticmethod
    def locate(url, given, environ):
        if given.get("pin", "1234") != "1234":
            raise StrataError("The pin of the ledger is wrong.")
        path = given.get("book") or url.partition("://")[2]
        return Address(system="ledger", database=path, shown=f"ledger {{path}}", is_file=True)
'''


@dataclass(frozen=True)
class Collection:
    """A copy of the collection, to which providers are added."""

    folder: Path

    def add(self, kind: str, name: str, provider: str, text: str) -> None:
        """Write the file of a provider, and its line of the registry with the import that it needs."""
        package = self.folder / LAYER / kind
        (package / f"{name}.py").write_text(text, encoding="utf-8")
        registry = package / "__init__.py"
        lines = registry.read_text(encoding="utf-8").splitlines()
        first = next(number for number, line in enumerate(lines) if line.startswith(MODULE_UTILS))
        lines.insert(first, f"{MODULE_UTILS}_database.{kind}.{name} import {provider}")
        end = max(number for number, line in enumerate(lines) if line == "}")
        lines.insert(end, f"    {provider}.NAME: {provider},")
        registry.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def play(self, tasks: list[dict[str, Any]]) -> dict[str, Any]:
        """Run tasks on this host by ansible-playbook; what they registered."""
        here = self.folder.parents[2]
        answers = here / "answers.json"
        names = [task["register"] for task in tasks if "register" in task]
        kept = "{{ {" + ", ".join(f"'{name}': {name}" for name in names) + "} | to_json }}"
        last = {"ansible.builtin.copy": {"content": kept, "dest": str(answers), "mode": "0600"}}
        play = {"hosts": "localhost", "gather_facts": False, "tasks": [*tasks, last]}
        (here / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(here),
            "ANSIBLE_LOCALHOST_WARNING": "0",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        }
        program = str(Path(sys.executable).parent / "ansible-playbook")
        completed = subprocess.run(
            [program, "-i", "localhost,", "-c", "local", "play.yml"],
            cwd=here,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        kept_answers: dict[str, Any] = json.loads(answers.read_text(encoding="utf-8"))
        return kept_answers


@pytest.fixture
def collection(tmp_path: Path) -> Collection:
    folder = tmp_path / "ansible_collections/strata/deploy"
    folder.mkdir(parents=True)
    for name in ("meta", "plugins", "roles"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "galaxy.yml", folder)
    return Collection(folder)


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def module(name: str, register: str, options: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": register, f"strata.deploy.{name}": dict(options), "register": register, **more}


def role(tasks_from: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    parts = {"name": "strata.deploy.db_migrate", "tasks_from": tasks_from}
    return {"name": tasks_from, "ansible.builtin.include_role": parts, "vars": dict(variables)}


def test_an_engine_is_a_file_and_a_line(collection: Collection, tmp_path: Path) -> None:
    collection.add("engines", "listed", "ListedEngine", ENGINE)
    database = tmp_path / "shop.db"
    own = {"migrations": {"orders": "CREATE TABLE orders (id integer)"}, "token": "s3cr3t-t0ken"}
    options = {"engine": "listed", "options": own, "url": f"sqlite://{database}"}
    more = {**own, "migrations": {**own["migrations"], "notes": "CREATE TABLE notes (id integer)"}}
    variables = {
        "db_migrate_engine": "listed",
        "db_migrate_options": more,
        "db_migrate_url": f"sqlite://{database}",
    }
    answers = collection.play(
        [
            module("migration", "r_check", options, check_mode=True),
            module("migration", "r_first", options),
            module("migration", "r_again", options),
            module("migration_info", "r_info", {**options, "options": more}),
            module("migration", "r_wrong", {**options, "options": {"tabel": "t"}}, ignore_errors=True),
            role("main", variables),
            {"name": "applied", "ansible.builtin.set_fact": {"r_role": "{{ __db_migrate_apply }}"}},
            role("rollback", variables),
            {
                "name": "Keep",
                "ansible.builtin.debug": {
                    "msg": ["{{ r_role.applied }}", "{{ __db_migrate_rollback.rolled_back }}"]
                },
                "register": "r_of_the_role",
            },
        ]
    )
    assert answers["r_check"]["pending"] == answers["r_first"]["applied"] == ["orders"]
    assert (answers["r_first"]["changed"], answers["r_again"]["changed"]) == (True, False)
    assert [each["name"] for each in answers["r_info"]["pending"]] == ["notes"]
    assert "'tabel' is unknown (did you mean 'table'?" in answers["r_wrong"]["msg"]
    assert "missing required arguments: migrations" in answers["r_wrong"]["msg"]
    assert answers["r_of_the_role"]["msg"] == [["notes"], ["notes"]]
    assert tables(database) == {"orders", "listed"}
    assert "s3cr3t-t0ken" not in json.dumps(answers)


def test_a_database_system_is_a_file_and_a_line(collection: Collection, tmp_path: Path) -> None:
    collection.add("databases", "ledger", "Ledger", DATABASE)
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_orders.sql").write_text(
        "-- migrate:up\nCREATE TABLE orders (id integer);\n-- migrate:down\nDROP TABLE orders;\n"
    )
    database = tmp_path / "shop.ledger"
    connection = {"system": "ledger", "book": str(database), "pin": "1234"}
    options = {"connection": connection, "folder": str(folder)}
    variables = {
        "db_migrate_connection": connection,
        "db_migrate_folder": str(folder),
        "db_migrate_backup": "database",
        "db_migrate_backup_folder": str(tmp_path / "backups"),
    }
    answers = collection.play(
        [
            module("migration", "r_check", options, check_mode=True),
            module("migration", "r_first", options),
            module("migration_info", "r_info", {"url": f"ledger://{database}"}),
            module(
                "database_backup", "r_backup", {"url": f"ledger://{database}", "folder": str(tmp_path / "b")}
            ),
            module(
                "migration",
                "r_pin",
                {**options, "connection": {**connection, "pin": "0000"}},
                ignore_errors=True,
            ),
            module(
                "migration",
                "r_host",
                {**options, "connection": {**connection, "host": "db1"}},
                ignore_errors=True,
            ),
            module("migration", "r_scheme", {"url": "ledgr:///x", "folder": str(folder)}, ignore_errors=True),
            role("rollback", variables),
            role("main", variables),
            {
                "name": "Keep",
                "ansible.builtin.debug": {
                    "msg": ["{{ __db_migrate_rollback.rolled_back }}", "{{ __db_migrate_apply.applied }}"]
                },
                "register": "r_of_the_role",
            },
            {"name": "Keep the backup", "ansible.builtin.stat": {"path": "{{ __db_migrate_backup.path }}"}}
            | {"register": "r_kept"},
        ]
    )
    assert answers["r_check"]["pending"] == answers["r_first"]["applied"] == ["1_orders.sql"]
    assert answers["r_info"]["version"] == "1"
    assert Path(answers["r_backup"]["path"]).parent == tmp_path / "b"
    assert "The pin of the ledger is wrong" in answers["r_pin"]["msg"]
    assert "'host' is unknown (known: book, pin)" in answers["r_host"]["msg"]
    assert "ledger://" in answers["r_scheme"]["msg"]
    assert answers["r_of_the_role"]["msg"] == [["1_orders.sql"], ["1_orders.sql"]]
    assert answers["r_kept"]["stat"]["exists"]
    assert "orders" in tables(database)


@pytest.mark.parametrize("kind", ["databases", "engines"])
def test_a_registry_is_alphabetical_and_its_providers_say_what_they_are(kind: str) -> None:
    providers = _providers(kind)
    assert list(providers) == sorted(providers)
    for name, provider in providers.items():
        assert name == provider.NAME
        assert provider.__module__.endswith(f"._database.{kind}.{name}")
        assert isinstance(provider.OPTIONS, Mapping)


@pytest.mark.parametrize("kind", ["databases", "engines"])
def test_no_other_file_names_a_provider(kind: str) -> None:
    """A condition on a name would have to be changed for each new provider."""
    named = []
    for path in sorted((ROOT / LAYER).rglob("*.py")):
        own = {name for name in _providers(kind) if path.parent.name == kind and path.stem.startswith(name)}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                words = {each.value for each in ast.walk(node) if isinstance(each, ast.Constant)}
            elif isinstance(node, ast.Dict):
                words = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            else:
                continue
            found = {word for word in words if isinstance(word, str)} & set(_providers(kind)) - own
            named += [(path.name, node.lineno, word) for word in sorted(found)]
    assert named == []


def test_the_role_names_no_engine_and_no_database_system() -> None:
    """Save in the table of the options that had a variable of their own before there was db_migrate_options."""
    folder = ROOT / "roles/db_migrate"
    names = {*_providers("databases"), *_providers("engines")} - {"command", "sql"}  # which are words, too
    for path in [*folder.rglob("tasks/*.yml"), folder / "vars/main.yml"]:
        text = re.sub(r"(?m)^\s*#.*$", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"(?s)__db_migrate_older_options:\n.*?\n\n", "", text)
        assert [name for name in sorted(names) if re.search(rf"\b{name}\b", text)] == [], path


@pytest.mark.parametrize(
    ("engine", "older"),
    [
        ("alembic", "db_migrate_alembic"),
        ("command", "db_migrate_commands"),
        ("dbmate", "db_migrate_dbmate"),
        ("django", "db_migrate_django"),
    ],
)
def test_the_older_variable_of_an_engine_still_works(engine: str, older: str) -> None:
    assert _options_of_the_role(engine, **{older: {"a": 1}}) == {"a": 1}
    given = {older: {"a": 1, "b": 2}, "db_migrate_options": {"b": 3}, "db_migrate_contract": ["c"]}
    assert _options_of_the_role(engine, **given) == {"a": 1, "b": 3, "contract": ["c"]}
    assert _options_of_the_role("sql", **{older: {"a": 1}}) == {}


@pytest.mark.parametrize("kind", ["databases", "engines"])
def test_every_provider_has_a_page_with_its_options(kind: str) -> None:
    for name, provider in _providers(kind).items():
        page = (ROOT / "docs" / kind / f"{name}.md").read_text(encoding="utf-8")
        assert [option for option in provider.OPTIONS if f"`{option}`" not in page] == [], name


def _options_of_the_role(engine: str, **given: Any) -> Any:
    """What the role gives the modules as options."""
    role = ROOT / "roles/db_migrate"
    files = ("defaults/main.yml", "vars/main.yml")
    parts = [yaml.safe_load((role / file).read_text(encoding="utf-8")) for file in files]
    variables = {**parts[0], "db_migrate_engine": engine, **given}
    older = "__db_migrate_older_options"
    variables[older] = {name: trust_as_template(value) for name, value in parts[1][older].items()}
    templar = Templar(DataLoader(), variables=variables)
    return templar.template(trust_as_template(parts[1]["__db_migrate_database"]["options"]))


def _providers(kind: str) -> Mapping[str, Any]:
    from importlib import import_module

    package = import_module(f"ansible_collections.strata.deploy.plugins.module_utils._database.{kind}")
    providers: Mapping[str, Any] = package.PROVIDERS
    return providers
