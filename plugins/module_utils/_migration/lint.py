# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter: what must not be in an expand migration, for the running release still needs it.

It reads statements, not schemas, and does not look into strings or parentheses: SQL in a DO block, or a DELETE in a
WITH clause, is not seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._migration.statements import Statement, statements

_NEW_COLUMN = "add a new column beside it, write to both, and drop the old one in a contract migration"
ADVICE = {
    "add-not-null": "inserts of the running release would fail: give it a DEFAULT, or make it nullable for now",
    "change-type": f"the running release may not take the new type: {_NEW_COLUMN}",
    "delete": "the running release may still need the rows: do it in a contract migration",
    "drop-column": "the running release may still use it: drop it in a contract migration",
    "drop-default": "inserts of the running release may rely on it: drop it in a contract migration",
    "drop-object": "the running release may still use it: drop it in a contract migration",
    "drop-table": "the running release may still use it: drop it in a contract migration",
    "rename": f"the running release knows the old name: {_NEW_COLUMN}",
    "revoke": "the running release may need the privilege: revoke it in a contract migration",
    "set-not-null": "inserts of the running release may fail: do it in a contract migration",
    "transaction-control": "each migration already runs in a transaction of its own: remove it",
    "truncate": "the running release may still need the rows: do it in a contract migration",
}
_UNNAMED = frozenset(("INDEX", "STATISTICS"))  # no query names them


@dataclass(frozen=True)
class Finding:
    """A rule that a statement breaks; ``line`` is the file's."""

    rule: str
    name: str
    line: int

    def __str__(self) -> str:
        return f"{self.name} line {self.line}: {self.rule}: {ADVICE[self.rule]}"


def findings(migration: Migration) -> list[Finding]:
    """What is wrong with a migration, given its phase; what the file itself allows is left out."""
    found = []
    for statement in statements(migration.up):
        rules = set(_broken(statement) if migration.phase == "expand" else ()) - migration.allowed.keys()
        if _controls_transaction(statement):
            rules.add("transaction-control")
        found += [Finding(rule, migration.name, migration.up_line + statement.line) for rule in sorted(rules)]
    if any(_controls_transaction(statement) for statement in statements(migration.down)):
        found.append(
            Finding("transaction-control", migration.name, migration.up_line + migration.up.count("\n"))
        )
    return found


def check(migrations: Sequence[Migration]) -> None:
    """Raise StrataError, with all the findings, unless every migration keeps to its phase."""
    for migration in migrations:
        unknown = sorted(migration.allowed.keys() - ADVICE.keys())
        if unknown:
            raise StrataError(
                f"Migration file '{migration.name}' allows '{unknown[0]}', which is no rule. "
                f"The rules are {', '.join(sorted(ADVICE))}."
            )
    found = [finding for migration in migrations for finding in findings(migration)]
    if found:
        raise StrataError(
            "Migrations refused before anything was changed: "
            + "; ".join(str(finding) for finding in found)
            + ". A contract migration has the line '-- strata: phase=contract'; a statement that no running "
            "release can notice is let through with '-- strata: allow=RULE because REASON'.",
            findings=[{"rule": item.rule, "name": item.name, "line": item.line} for item in found],
        )


def _broken(statement: Statement) -> Iterator[str]:
    words = statement.words
    if words[0] in ("REVOKE", "TRUNCATE"):
        yield words[0].lower()
    elif words[0] == "DELETE" or (words[0] in ("MERGE", "WITH") and "DELETE" in words):
        yield "delete"
    elif words[0] == "DROP" and _UNNAMED.isdisjoint(words[1:2]):
        yield "drop-table" if words[1:2] == ("TABLE",) else "drop-object"
    elif words[:2] == ("ALTER", "TABLE"):
        for action in _actions(words[2:]):
            yield from _broken_by(action)
    elif words[:3] == ("ALTER", "FOREIGN", "TABLE"):
        for action in _actions(words[3:]):
            yield from _broken_by(action)
    elif (
        words[0] == "ALTER"
        and _UNNAMED.isdisjoint(words[1:2])
        and ("RENAME" in words or words[-3:-1] == ("SET", "SCHEMA"))
    ):
        yield "rename"


def _actions(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The comma-separated actions after ALTER TABLE [IF EXISTS] [ONLY] [schema.]name [*]."""
    if words[:2] == ("IF", "EXISTS"):
        words = words[2:]
    if words[:1] == ("ONLY",):
        words = words[1:]
    words = words[1:]
    while words[:1] == (".",):
        words = words[2:]
    action: list[str] = []
    for word in words:
        if word == "," and action:
            yield tuple(action)
            action = []
        elif word != "*":
            action.append(word)
    if action:
        yield tuple(action)


def _broken_by(action: tuple[str, ...]) -> Iterator[str]:
    verb, rest = action[0], action[1:]
    if verb == "DROP" and rest[:1] != ("CONSTRAINT",):
        yield "drop-column"
    elif (verb == "RENAME" and rest[:1] != ("CONSTRAINT",)) or (verb == "SET" and rest[:1] == ("SCHEMA",)):
        yield "rename"
    elif verb == "ALTER":
        change = rest[2:] if rest[:1] == ("COLUMN",) else rest[1:]
        if change[:3] == ("SET", "NOT", "NULL"):
            yield "set-not-null"
        elif change[:2] == ("DROP", "DEFAULT"):
            yield "drop-default"
        elif change[:1] == ("TYPE",) or change[:3] == ("SET", "DATA", "TYPE"):
            yield "change-type"
    elif verb == "ADD" and ("NOT", "NULL") in zip(rest, rest[1:]) and not _has_default(rest):
        yield "add-not-null"


def _has_default(words: tuple[str, ...]) -> bool:
    return any(word in ("DEFAULT", "GENERATED") or word.endswith("SERIAL") for word in words)


def _controls_transaction(statement: Statement) -> bool:
    words = statement.words
    if words[0] == "ROLLBACK":
        return "TO" not in words
    if words[:2] == ("PREPARE", "TRANSACTION"):
        return True
    return words[0] in ("ABORT", "BEGIN", "COMMIT", "END", "START")
