# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the migrations that a command prints: a name a line, or JSON."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import PHASES, Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import directives

_KEYS = frozenset(("name", "phase", "sql"))


def read_pending(what: str, text: str) -> tuple[Migration, ...]:
    """The migrations that a command printed, in its order; empty where it printed nothing.

    Args:
        what: how an error calls the command.

    Raises:
        StrataError: it is neither names nor JSON in the form that the module's documentation tells.
    """
    try:
        return _read(text.strip())
    except _FormError as error:
        raise StrataError(
            f"The {what} command succeeded, and what it printed is no list of migrations: {error}. It prints one name a "
            "line or a JSON list, and all else to its standard error."
        ) from None


class _FormError(ValueError):
    """Why a text is no list of migrations."""


def _read(text: str) -> tuple[Migration, ...]:
    if text[:1] in ("[", "{"):
        try:
            listed = json.loads(text)
        except ValueError as error:
            raise _FormError(f"it begins like JSON but is not valid JSON ({error})") from error
        if not isinstance(listed, list):
            raise _FormError("as JSON it must be a list")
        found = tuple(map(_item, listed))
    else:
        found = tuple(Migration(line.strip()) for line in text.splitlines() if line.strip())
    for each in found:
        if not each.name.isprintable():
            raise _FormError(
                f"the name {each.name!a} holds control characters; have the tool print no colours"
            )
    return found


def _item(value: Any) -> Migration:
    fields = {"name": value} if isinstance(value, str) else value
    if not isinstance(fields, dict) or not all(isinstance(each, str) for each in fields.values()):
        raise _FormError("an element is neither a string nor an object of strings")
    unknown = sorted(fields.keys() - _KEYS)
    if unknown:
        # Let through, a misspelt phase would have a contract migration applied before the code.
        raise _FormError(f"an element has '{unknown[0]}', which is not one of name, phase, sql")
    if not fields.get("name", "").strip():
        raise _FormError("an element has no name")
    if fields.get("phase", "expand") not in PHASES:
        raise _FormError(
            f"{fields['name']} has the phase '{fields['phase']}', which is not one of {', '.join(PHASES)}"
        )
    name, sql = fields["name"].strip(), fields.get("sql", "")
    said = directives(f"Migration {name}", sql)
    return Migration(name, phase=fields.get("phase", said.phase), up=sql, allowed=said.allowed)
