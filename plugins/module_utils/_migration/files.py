# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration files: plain SQL in dbmate's form, and Strata's own directive in it.

Format: https://github.com/amacneil/dbmate#creating-migrations; ``-- strata: phase=contract`` on a line of its
own says that the migration is for after the old code is gone, ``allow=RULE,RULE`` waives rules of the linter.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError

PHASES = ("expand", "contract")

_NAME = re.compile(r"([0-9]{1,128})[^/]*\.sql")
_MARKER = re.compile(r"^--[ \t]*migrate:(up|down)\b([^\n]*)\n?", re.MULTILINE)
_DIRECTIVE = re.compile(r"^--[ \t]*strata:([^\n]*)$", re.MULTILINE)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


@dataclass(frozen=True)
class Migration:
    """One file; ``up_line`` is the line of the file on which ``up`` begins, ``down`` is "" where there is none."""

    version: str
    name: str
    checksum: str
    phase: str
    allowed: frozenset[str]
    up: str
    up_line: int
    down: str


def order(version: str) -> int:
    """The number by which versions are ordered: their leading digits, so that "10" follows "9"."""
    digits = re.match(r"[0-9]{1,128}", version)
    if digits is None:
        raise StrataError(f"'{version}' is not a migration's version: it does not begin with digits.")
    return int(digits.group())


def parse(name: str, content: bytes) -> Migration:
    """Read one file.

    Raises:
        StrataError: the name or the content is not of the form.
    """
    matched = _NAME.fullmatch(name)
    if matched is None:
        raise StrataError(
            f"Migration file '{name}': its name does not begin with a version. "
            "Name it like 20260131120000_add_invoices.sql, or keep it in another folder."
        )
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise StrataError(f"Migration file '{name}' is not UTF-8 text: {error}.") from error
    up, up_line, down = _sections(name, text)
    phase, allowed = _directives(name, text)
    checksum = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    return Migration(matched.group(1), name, checksum, phase, allowed, up, up_line, down)


def parse_all(contents: Mapping[str, bytes]) -> tuple[Migration, ...]:
    """Read a folder's files, in the order in which they apply."""
    migrations: dict[int, Migration] = {}
    for name in sorted(contents):
        migration = parse(name, contents[name])
        twin = migrations.setdefault(order(migration.version), migration)
        if twin is not migration:
            raise StrataError(
                f"Migration files '{twin.name}' and '{name}' have the same version. Renumber the newer one."
            )
    return tuple(migrations[key] for key in sorted(migrations))


def is_blank(sql: str) -> bool:
    """Whether there is nothing to execute, only comments."""
    return not _COMMENT.sub("", sql).strip(" \t\n;")


def _sections(name: str, text: str) -> tuple[str, int, str]:
    markers = list(_MARKER.finditer(text))
    if [marker.group(1) for marker in markers] not in (["up"], ["up", "down"]):
        raise StrataError(
            f"Migration file '{name}' must have one line '-- migrate:up', with the SQL that applies it after it, "
            "and then at most one line '-- migrate:down' with the SQL that takes it back."
        )
    for marker in markers:
        if marker.group(2).strip():
            raise StrataError(
                f"Migration file '{name}' has the option '{marker.group(2).strip()}' at migrate:{marker.group(1)}. "
                "Every migration runs in one transaction here and no option is known; remove it, and run what the "
                "database refuses in a transaction by hand."
            )
    if not is_blank(text[: markers[0].start()]):
        raise StrataError(f"Migration file '{name}' has SQL before '-- migrate:up', which would never run.")
    end = markers[1].start() if len(markers) > 1 else len(text)
    down = text[markers[1].end() :] if len(markers) > 1 else ""
    start = markers[0].end()
    return text[start:end], text.count("\n", 0, start) + 1, "" if is_blank(down) else down


def _directives(name: str, text: str) -> tuple[str, frozenset[str]]:
    settings = {"phase": "expand", "allow": ""}
    for directive in _DIRECTIVE.finditer(text):
        for setting in directive.group(1).split():
            key, _equals, value = setting.partition("=")
            if key not in settings or not value or (key == "phase" and value not in PHASES):
                raise StrataError(
                    f"Migration file '{name}' has '-- strata: {setting}', which is not known. "
                    "Known are phase=expand, phase=contract and allow=RULE,RULE."
                )
            settings[key] = value
    return settings["phase"], frozenset(filter(None, settings["allow"].split(",")))
