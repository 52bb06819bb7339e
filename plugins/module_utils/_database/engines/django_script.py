# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Django's side of the engine ``django``: run inside a release, see `scripted`.

It does what the commands migrate and sqlmigrate do, by the same parts of Django. Needs Django 3.2 or later.
"""

# mypy: disable-error-code="import-untyped"

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._database.engines.script import (
    Progress,
    RefusalError,
    answer,
    is_long,
    limit,
    only_read,
    reason,
)

_SETTINGS = re.compile(r"""DJANGO_SETTINGS_MODULE["'],\s*["']([\w.]+)["']""")
_NOT_HERE = "it is not in this release. Take the release that brought it."


def main() -> None:
    answer(_work)


def _work(progress: Progress, verb: str, arguments: list[str]) -> dict[str, Any]:
    try:
        import django
        from django.db.backends.signals import connection_created
    except ImportError:
        raise RefusalError(
            f"{sys.executable} has no Django; the engine's option python names the interpreter that the "
            "release's packages are installed for, venv/bin/python for instance"
        ) from None
    _find_settings()
    connection_created.connect(_limit, weak=False)
    sys.argv = ["manage.py", "migrate"]  # for apps that do in other commands what needs the schema
    django.setup()
    project = _Project(os.environ["STRATA_DJANGO_DATABASE"], progress)
    if verb in ("plan", "targets"):
        _have_all_only_read()
    if verb == "plan":
        return project.plan()
    if verb == "targets":
        return project.targets(arguments[0])
    project.migrate(arguments, backwards=verb == "rollback")
    return {"done": progress.done}


class _Project:
    """The migrations of a release and what one of its databases has of them."""

    def __init__(self, alias: str, progress: Progress) -> None:
        from django.db import connections
        from django.db.migrations.executor import MigrationExecutor

        if alias not in connections:
            raise RefusalError(
                f"the settings have no database '{alias}': they have {', '.join(sorted(connections))}"
            )
        self._progress = progress
        self._connection = connections[alias]
        self._executor = MigrationExecutor(self._connection, self._report)
        self._loader = self._executor.loader
        conflicts = self._loader.detect_conflicts()
        if conflicts:
            shown = "; ".join(f"{' and '.join(names)} of {app}" for app, names in sorted(conflicts.items()))
            raise RefusalError(
                f"an app has more than one last migration, so their order is not said: {shown}; merge them, as "
                "`manage.py makemigrations --merge` does"
            )

    def plan(self) -> dict[str, Any]:
        records = sorted(self._executor.recorder.applied_migrations().items(), key=lambda each: each[1].pk)
        times = {key: record.applied.isoformat(timespec="seconds") for key, record in records}
        nodes = self._loader.graph.nodes
        here = [each for each in self._loader.applied_migrations if each in nodes and each not in times]
        gone = [each for each in times if each not in nodes and each not in self._loader.disk_migrations]
        history = self._executor.migration_plan(self._loader.graph.leaf_nodes(), clean_start=True)
        done = self._loader.applied_migrations
        left = [migration for migration, _way in history if _key_of(migration) not in done]
        return {
            "known": sorted(map(_name, {*self._loader.disk_migrations, *times})),
            "heads": [],
            "drift": [[_name(each), "out_of_order"] for each in self._overtaken()],
            "applied": [
                _stranger(each, times[each])
                if each in gone
                else self._item(nodes[each], applied_at=times.get(each, ""))
                for each in (*times, *here)
                if each in nodes or each in gone
            ],
            "pending": list(self._pending(left)),
        }

    def targets(self, wanted: str) -> dict[str, Any]:
        """What Django takes back to get to ``wanted``, the newest first, with what depends on it."""
        plan = self._executor.migration_plan([self._target(wanted)])
        targets = []
        for migration, _backwards in plan:
            before = self._loader.project_state(_key_of(migration), at_end=False)
            targets.append(self._item(migration, down=self._down(migration, before)))
        return {"known": sorted(map(_name, self._loader.disk_migrations)), "targets": targets}

    def migrate(self, names: Iterable[str], *, backwards: bool) -> None:
        """Carry out these migrations alone, with the signals that the command migrate sends."""
        from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal

        migrations = [self._loader.graph.nodes[_key(each)] for each in names]
        for migration in migrations:
            if (_key_of(migration) in self._loader.applied_migrations) != backwards:
                raise RefusalError(
                    "the database has been migrated by another since the plan was made; try again"
                )
        plan = [(migration, backwards) for migration in migrations]
        before = self._executor._create_project_state(with_applied_migrations=True)
        self._connection.prepare_database()
        emit_pre_migrate_signal(
            0, False, self._connection.alias, stdout=sys.stdout, apps=before.apps, plan=plan
        )
        with self._connection.execute_wrapper(self._executed):
            after = self._executor.migrate(None, plan=plan, state=before.clone())
        emit_post_migrate_signal(
            0, False, self._connection.alias, stdout=sys.stdout, apps=_current_apps(after), plan=plan
        )

    def _target(self, wanted: str) -> tuple[str, str | None]:
        from django.db.migrations.loader import AmbiguityError

        app, name = _key(wanted)
        if app not in self._loader.migrated_apps or not name:
            raise RefusalError(
                f"'{wanted}' names no migration: it is an app with migrations, a dot, and the migration's name, as in "
                "app.0002_name, or app.zero for before the first"
            )
        if name == "zero":
            return app, None
        try:
            found = _key_of(self._loader.get_migration_by_prefix(app, name))
        except (AmbiguityError, KeyError):
            raise RefusalError(f"{wanted} is not one migration of the release: give its whole name") from None
        if found not in self._loader.applied_migrations:
            raise RefusalError(f"{_name(found)} is not applied, so one cannot go back to it")
        return found

    def _overtaken(self) -> list[tuple[str, str]]:
        """Migrations that are not applied, though one that needs them is."""
        graph, applied = self._loader.graph, self._loader.applied_migrations
        return sorted(
            {
                parent.key
                for key in applied
                if key in graph.node_map
                for parent in graph.node_map[key].parents
                if parent.key not in applied
            }
        )

    def _pending(self, migrations: Iterable[Any]) -> Iterator[dict[str, Any]]:
        """Each with its SQL: what it does to the schema that those before it have made, none of them being applied."""
        state = self._executor._create_project_state(with_applied_migrations=True)
        # The models are made once, and then kept up to date; else each migration would make all of them anew.
        state.apps.get_app_configs()
        for migration in migrations:
            up, why = self._printed(migration, state, backwards=False)
            unreadable = "" if _has_sql(up) else why
            yield self._item(migration, up=up, down=self._down(migration, state), unreadable=unreadable)
            state = migration.mutate_state(state)

    def _down(self, migration: Any, state: Any) -> str:
        """The SQL that takes it back; "" where that is not all of it."""
        if _irreversible(migration.operations):
            return ""
        down, why = self._printed(migration, state, backwards=True)
        return "" if why else down or "-- nothing to do"

    def _printed(self, migration: Any, state: Any, *, backwards: bool) -> tuple[str, str]:
        """The SQL of one way, from or to the schema of ``state``, and why that is not all of it."""
        unseen = [each.describe() for each in _unseen(migration.operations, backwards)]
        why = f"it runs what is no SQL ({'; '.join(unseen)})" if unseen else ""
        if any(list(_unseen(_within(each), backwards)) for each in migration.operations):
            return "", why  # Django would run it, and not print it
        try:
            with self._connection.schema_editor(collect_sql=True, atomic=migration.atomic) as editor:
                way = migration.unapply if backwards else migration.apply
                way(state.clone(), editor, collect_sql=True)
        except Exception as error:
            return "", f"its SQL cannot be printed ({reason(error)})"
        return "\n".join(editor.collected_sql), why

    def _item(
        self,
        migration: Any,
        *,
        up: str = "",
        down: str = "",
        unreadable: str = "",
        applied_at: str = "",
    ) -> dict[str, Any]:
        key = _key_of(migration)
        return {
            "version": _name(key),
            "name": _name(key),
            "docstring": sys.modules[migration.__class__.__module__].__doc__ or "",
            "contract": False,
            "parents": sorted(_name(each.key) for each in self._loader.graph.node_map[key].parents),
            "here": True,
            "up": up,
            "down": down,
            "transactional": migration.atomic,
            "unreadable": unreadable,
            "irreversible": _irreversible(migration.operations),
            "applied_at": applied_at,
        }

    def _report(self, action: str, migration: Any = None, _fake: bool = False) -> None:
        """What Django's executor tells of its progress."""
        if action in ("apply_start", "unapply_start"):
            self._progress.begin(_name(_key_of(migration)))
            self._progress.takes_back = self._connection.features.can_rollback_ddl
        elif action in ("apply_success", "unapply_success"):
            self._progress.end()

    def _executed(
        self, execute: Any, sql: Any, parameters: Any, many: bool, context: Mapping[str, Any]
    ) -> Any:
        statement, alone = str(sql), not self._connection.in_atomic_block
        self._progress.executing(statement, alone=alone)
        long = alone and is_long(statement)
        if long:
            _limit(self, self._connection, long=True)
        result = execute(sql, parameters, many, context)
        self._progress.executed()
        if self._connection.in_atomic_block and not self._is_told_of_commit():
            self._connection.on_commit(self._progress.committed)
        if long:
            _limit(self, self._connection)
        return result

    def _is_told_of_commit(self) -> bool:
        """Whether the transaction tells ``progress`` of its end; a savepoint that is taken back takes that back."""
        hooks = self._connection.run_on_commit
        return bool(hooks) and hooks[-1][1] == self._progress.committed


def _find_settings() -> None:
    """Have Django find them: what was said, else what the environment or the release's own manage.py says."""
    said = os.environ.pop("STRATA_DJANGO_SETTINGS", "") or os.environ.get("DJANGO_SETTINGS_MODULE", "")
    if not said:
        manage = Path("manage.py")
        found = _SETTINGS.search(manage.read_text(encoding="utf-8")) if manage.exists() else None
        if not found:
            raise RefusalError(
                "which settings the project has is not known: there is no manage.py in the release's folder that says; "
                "the engine's option settings names it"
            )
        said = found[1]
    os.environ["DJANGO_SETTINGS_MODULE"] = said


def _limit(sender: Any, connection: Any, *, long: bool = False, **_more: Any) -> None:
    """Have a connection keep the timeouts."""
    with closing(connection.connection.cursor()) as cursor:  # the driver's own, for no wrapper is to see this
        limit(connection.vendor, cursor.execute, long=long)


def _have_all_only_read() -> None:
    """Have no database of the settings changed from now on."""
    from django.db import connections
    from django.db.backends.signals import connection_created

    connection_created.connect(_only_read, weak=False)
    for connection in connections.all():
        if connection.connection is not None:
            _only_read(None, connection)


def _only_read(sender: Any, connection: Any, **_more: Any) -> None:
    with closing(connection.connection.cursor()) as cursor:
        only_read(connection.vendor, cursor.execute)


def _current_apps(state: Any) -> Any:
    """The models after the migrations, for post_migrate: those of the apps' code in place of their history's."""
    from django.apps import apps
    from django.db.migrations.state import ModelState

    state.clear_delayed_apps_cache()
    found = state.apps
    with found.bulk_update():
        keys = [(each.app_label, each.name_lower) for each in found.real_models]
        for key in keys:
            found.unregister_model(*key)
    found.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    return found


def _irreversible(operations: Iterable[Any]) -> str:
    """Why they cannot be taken back."""
    for operation in operations:
        if not operation.reversible:
            return (
                f"its operation {type(operation).__name__} ({operation.describe()}) has no way back. "
                "Go forward with a new migration."
            )
        within = _irreversible(_within(operation))
        if within:
            return within
    return ""


def _unseen(operations: Iterable[Any], backwards: bool) -> Iterator[Any]:
    """Those that do something that cannot be written as SQL."""
    from django.db.migrations import RunPython

    for operation in operations:
        code = getattr(operation, "reverse_code" if backwards else "code", None)
        if not operation.reduces_to_sql and code is not RunPython.noop:
            yield operation
        yield from _unseen(_within(operation), backwards)


def _within(operation: Any) -> Iterable[Any]:
    """What SeparateDatabaseAndState has the database do."""
    return getattr(operation, "database_operations", ())


def _has_sql(text: str) -> bool:
    return any(line.strip() and not line.startswith("--") for line in text.splitlines())


def _stranger(key: tuple[str, str], applied_at: str) -> dict[str, Any]:
    return {
        "version": _name(key),
        "name": _name(key),
        "docstring": "",
        "contract": False,
        "here": False,
        "down": "",
        "irreversible": _NOT_HERE,
        "applied_at": applied_at,
    }


def _key(name: str) -> tuple[str, str]:
    app, _dot, migration = name.partition(".")
    return app, migration


def _key_of(migration: Any) -> tuple[str, str]:
    return migration.app_label, migration.name


def _name(key: tuple[str, str]) -> str:
    return f"{key[0]}.{key[1]}"
