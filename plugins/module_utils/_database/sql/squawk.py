# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter squawk, where it is installed: https://squawkhq.com. It knows PostgreSQL's grammar, and more of its locks."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command, CommandError
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import PHASES, Migration

PREFIX = "squawk/"
TIMEOUT = 60.0
_EXPAND = ("expand",)
# Its rules that refuse a migration, each with the phases and with the rule of ours that says the same, "" for none.
#
# Those about traffic refuse in either phase, those about code in the expand phase: in the contract phase they are what
# the phase is for. The others are left out: what is a matter of style (prefer-*, ban-char-field, require-table-schema,
# require-enum-value-ordering, ban-create-domain-with-constraint, identifier-too-long), what the server itself says
# before it does harm (syntax-error, ban-duplicate-column-assignments), what this collection sees to (require-*-timeout,
# transaction-nesting, ban-uncommitted-transaction, ban-concurrent-index-creation-in-transaction), what takes but a
# moment once it has its lock (require-concurrent-index-deletion, require-concurrent-partition-detach), and what an expand
# migration is for (ban-drop-not-null).
REFUSING: Mapping[str, tuple[tuple[str, ...], str]] = {
    "adding-field-with-default": (PHASES, "rewrite-table"),
    "adding-foreign-key-constraint": (PHASES, "add-constraint"),
    "adding-not-nullable-field": (PHASES, "set-not-null"),
    "adding-required-field": (_EXPAND, "add-not-null"),
    "adding-serial-primary-key-field": (PHASES, "add-constraint"),
    "ban-alter-domain-with-add-constraint": (PHASES, ""),
    "ban-drop-column": (_EXPAND, "drop-column"),
    "ban-drop-database": (PHASES, "drop-object"),
    "ban-drop-table": (_EXPAND, "drop-table"),
    "ban-truncate-cascade": (PHASES, "truncate"),
    "changing-column-type": (PHASES, "change-type"),
    "constraint-missing-not-valid": (PHASES, "add-constraint"),
    "disallowed-unique-constraint": (PHASES, "add-constraint"),
    "renaming-column": (_EXPAND, "rename"),
    "renaming-table": (_EXPAND, "rename"),
    "require-concurrent-index-creation": (PHASES, "add-index"),
    "require-concurrent-reindex": (PHASES, "lock-table"),
}


@dataclass(frozen=True)
class Remark:
    """What squawk says; ``line`` counts from 0 in the migration's SQL, ``ours`` is the rule of ours that says the same."""

    rule: str
    line: int
    text: str
    ours: str


def refuses(rule: str) -> bool:
    """Whether ``rule``, as a waiver names it, is one of squawk's that refuse a migration."""
    return rule.startswith(PREFIX) and rule[len(PREFIX) :] in REFUSING


def remarks(migrations: Sequence[Migration]) -> dict[str, list[Remark]]:
    """What squawk says against migrations, by their names; nothing where it is not installed.

    Raises:
        StrataError: it failed.
    """
    program = shutil.which("squawk")
    found: dict[str, list[Remark]] = {}
    for transactional in (True, False):
        chosen = [each for each in migrations if each.up.strip() and each.transactional is transactional]
        if not program or not chosen:
            continue
        for migration, item in _run(program, chosen, transactional):
            phases, ours = REFUSING.get(item["rule_name"], ((), ""))
            if migration.phase in phases:
                text = " ".join(filter(None, (item["message"], item["help"])))
                remark = Remark(PREFIX + item["rule_name"], int(item["line"]), text, ours)
                found.setdefault(migration.name, []).append(remark)
    return found


def _run(
    program: str, migrations: Sequence[Migration], transactional: bool
) -> list[tuple[Migration, dict[str, Any]]]:
    with tempfile.TemporaryDirectory(prefix="strata-squawk-") as private:
        folder = Path(private)
        files = {}
        for number, migration in enumerate(migrations):
            files[f"{number}.sql"] = migration
            (folder / f"{number}.sql").write_text(migration.up, encoding="utf-8")
        # A file of its own, for it would look for one in the folders above, too.
        (folder / "squawk.toml").touch()
        command = [program, "--config", "squawk.toml", "--reporter", "json"]
        command += ["--assume-in-transaction"] if transactional else []
        try:
            done = Command((*command, *files), TIMEOUT, name="squawk", folder=folder).run()
        except CommandError as error:
            raise _failure(program, str(error).rstrip(".")) from error
    try:
        return [
            (files[os.path.basename(item["file"])], _checked(item))
            for item in json.loads(done.whole_output())
        ]
    except (ValueError, KeyError, TypeError) as error:
        printed = done.errors.strip() or f"{type(error).__name__}: {error}"
        raise _failure(program, f"its exit code is {done.code}, and it printed: {printed[-500:]}") from error


def _checked(item: dict[str, Any]) -> dict[str, Any]:
    return {key: item[key] for key in ("rule_name", "line", "message", "help")}


def _failure(program: str, said: str) -> StrataError:
    return StrataError(
        f"Checking the migrations with {program} failed: {said}. squawk 2 or later is needed. Fix it, or take it off "
        "the PATH of this host: the migrations are then checked without it."
    )
