# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration files: plain SQL in dbmate's form, and Strata's own directive in it.

Format: https://github.com/amacneil/dbmate#creating-migrations. What goes beyond it stands in comments that dbmate
passes over, each ``-- strata: SETTING`` on a line of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import PHASES, Migration

_NAME = re.compile(r"([0-9]{1,128})[^/]*\.sql")
_MARKER = re.compile(r"^--[ \t]*migrate:(up|down)\b([^\n]*)\n?", re.MULTILINE)
_DIRECTIVE = re.compile(r"^[ \t]*--[ \t]*strata:([^\n]*)$", re.MULTILINE)
_ALLOW = re.compile(r"([\w/-][\w,/ \t-]*?)[ \t]+because[ \t]+(\S.*)")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]+)?)(ms|s|min|h)?")
_UNITS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}
LONGEST = 1_000_000
"""Seconds of a timeout; PostgreSQL, which counts milliseconds, takes them with room to spare."""
# Not one that MySQL executes; and on PostgreSQL a carriage return ends one, too.
_COMMENT = re.compile(r"--[^\r\n]*|/\*(?!M?!).*?\*/", re.DOTALL)


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
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise StrataError(
            f"Migration file '{name}' has a NUL byte on line {line}, where a server may take it to end. Remove it."
        )
    up, down = _sections(name, text)
    settings = directives(f"Migration file '{name}'", text)
    return Migration(
        name,
        matched.group(1),
        settings.phase,
        up.sql,
        _header(settings, down) + down.sql if down else "",
        checksum="sha256:" + hashlib.sha256(text.encode()).hexdigest(),
        allowed=settings.allowed,
        up_line=up.line,
        transactional=settings.transactional and not up.alone,
        lock_timeout=settings.lock_timeout,
        statement_timeout=settings.statement_timeout,
    )


def parse_all(contents: Mapping[str, bytes]) -> tuple[Migration, ...]:
    """Read a folder's files, in the order in which they apply."""
    migrations: dict[int, Migration] = {}
    for name in sorted(contents):
        migration = parse(name, contents[name])
        twin = migrations.setdefault(order(str(migration.version)), migration)
        if twin is not migration:
            raise StrataError(
                f"Migration files '{twin.name}' and '{name}' have the same version. Renumber the newer one."
            )
    return tuple(migrations[key] for key in sorted(migrations))


def is_blank(sql: str) -> bool:
    """Whether there is nothing to execute, only comments."""
    return not _COMMENT.sub("", sql).strip(" \t\r\n;")


@dataclass(frozen=True)
class Settings:
    """What the ``-- strata:`` lines of a migration say; see `Migration`."""

    phase: str = "expand"
    transactional: bool = True
    lock_timeout: float | None = None
    statement_timeout: float | None = None
    allowed: Mapping[str, str] = field(default_factory=dict)


def directives(shown: str, text: str) -> Settings:
    """Read the ``-- strata:`` lines.

    Raises:
        StrataError: one is not known; ``shown`` is what it calls the text.
    """
    settings = Settings()
    allowed: dict[str, str] = {}
    for line in _DIRECTIVE.finditer(text):
        before, allow, after = line.group(1).partition("allow=")
        for setting in before.split():
            settings = _set(shown, settings, setting)
        waiver = _ALLOW.fullmatch(after.strip())
        if waiver:
            allowed.update(dict.fromkeys(re.findall(r"[\w/-]+", waiver.group(1)), waiver.group(2).strip()))
        elif allow:
            raise StrataError(
                f"{shown} has '-- strata: {line.group(1).strip()}' without a reason. Say why no running release can notice: "
                "-- strata: allow=RULE,RULE because REASON."
            )
    return replace(settings, allowed=allowed)


def _set(shown: str, settings: Settings, setting: str) -> Settings:
    key, _equals, value = setting.partition("=")
    if setting == "no-transaction":
        return replace(settings, transactional=False)
    if key == "phase" and value in PHASES:
        return replace(settings, phase=value)
    duration = _DURATION.fullmatch(value)
    seconds = float(duration[1]) * _UNITS[duration[2] or "s"] if duration else None
    if seconds is not None and seconds > LONGEST:
        raise StrataError(f"{shown} has '-- strata: {setting}', which is more than {LONGEST} s.")
    if key == "lock_timeout" and duration:
        return replace(settings, lock_timeout=seconds)
    if key == "statement_timeout" and duration:
        return replace(settings, statement_timeout=seconds)
    raise StrataError(
        f"{shown} has '-- strata: {setting}', which is not known. Known are phase=expand, phase=contract, no-transaction, "
        "lock_timeout=5s, statement_timeout=10min (ms, s, min, h; 0 is without limit) and allow=RULE,RULE because REASON."
    )


@dataclass(frozen=True)
class _Section:
    """SQL from the line ``line`` of the file on; ``alone`` outside a transaction."""

    sql: str
    line: int
    alone: bool


def _header(settings: Settings, down: _Section) -> str:
    """The directives that hold for the way back, in a line before its SQL: a rollback has that, and no file."""
    said = ["no-transaction"] if down.alone or not settings.transactional else []
    for name in ("lock_timeout", "statement_timeout"):
        seconds = getattr(settings, name)
        said += [] if seconds is None else [f"{name}={round(seconds * 1000)}ms"]
    return f"-- strata: {' '.join(said)}\n" if said else ""


def _sections(name: str, text: str) -> tuple[_Section, _Section | None]:
    markers = list(_MARKER.finditer(text))
    if [marker.group(1) for marker in markers] not in (["up"], ["up", "down"]):
        raise StrataError(
            f"Migration file '{name}' must have one line '-- migrate:up', with the SQL that applies it after it, "
            "and then at most one line '-- migrate:down' with the SQL that takes it back."
        )
    for marker in markers:
        if marker.group(2).strip() not in ("", "transaction:false", "transaction:true"):
            raise StrataError(
                f"Migration file '{name}' has the option '{marker.group(2).strip()}' at migrate:{marker.group(1)}. "
                "Known is transaction:false."
            )
    if not is_blank(text[: markers[0].start()]):
        raise StrataError(f"Migration file '{name}' has SQL before '-- migrate:up', which would never run.")
    ends = [*(marker.start() for marker in markers[1:]), len(text)]
    sections = [
        _Section(
            text[marker.end() : end],
            text.count("\n", 0, marker.end()) + 1,
            marker.group(2).strip() == "transaction:false",
        )
        for marker, end in zip(markers, ends)
    ]
    down = sections[1] if len(sections) > 1 and not is_blank(sections[1].sql) else None
    return sections[0], down
