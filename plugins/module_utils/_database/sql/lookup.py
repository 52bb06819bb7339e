# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a name without a schema is looked up, as far as statements say it: two such names may be two tables."""

from __future__ import annotations

import itertools
import re
from collections.abc import Hashable, Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_SETTINGS = {
    "SEARCH_PATH": "path",
    "SCHEMA": "path",
    "ROLE": "role",
    "SESSION_AUTHORIZATION": "user",
}
"""The role counts, because the search path may have ``"$user"`` in it."""
_IN_TEXT = re.compile(
    r"search_path|set_config|pg_settings|\b(?:set|reset)\s+(?:local\s+|session\s+)?(?:role|schema|session)\b",
    re.IGNORECASE,
)
_HARMLESS_NAME = re.compile(r"'(?!search_path'|role'|session_authorization')[\w.]+'", re.IGNORECASE)


class Lookup:
    """Follows the statements of a run; names that are looked up in equal places are the same.

    Attributes:
        place: where names are looked up now.
    """

    def __init__(self) -> None:
        self._new = itertools.count()
        self._base = 0
        self._said: dict[str, str] = {}

    @property
    def place(self) -> Hashable:
        return (self._base, *sorted(self._said.items()))

    def restart(self) -> None:
        """Begin a migration: what the one before has set for its session is gone."""
        self._said.clear()

    def follow(self, statement: Statement, *, transactional: bool = True) -> None:
        """Take note of what a statement sets.

        Args:
            transactional: whether what it sets with LOCAL holds at all.
        """
        words = [_plain(word) for word in statement.words]
        first = words[0]
        if first == "SET":
            self._set(words[1:], transactional)
        elif first == "RESET":
            self._reset("SESSION_AUTHORIZATION" if words[1:2] == ["SESSION"] else "".join(words[1:2]))
        elif first == "USE":
            self._said["path"] = " ".join(words[1:])
        elif first == "DISCARD" and words[1:2] == ["ALL"]:
            self._said.clear()
        elif first == "ALTER" and _is_for_later_sessions(words):
            self._base = next(self._new) + 1
        elif _may_move(statement, words):
            self._said["path"] = f"unknown {next(self._new)}"

    def _set(self, words: Sequence[str], transactional: bool) -> None:
        is_local = words[:1] == ["LOCAL"]
        if words[:2] == ["SESSION", "AUTHORIZATION"]:
            words = ["SESSION_AUTHORIZATION", *words[2:]]
        elif is_local or words[:1] == ["SESSION"]:
            words = words[1:]
            if words[:2] == ["SESSION", "AUTHORIZATION"]:
                words = ["SESSION_AUTHORIZATION", *words[2:]]
        setting = _SETTINGS.get(words[0]) if words else None
        if setting is None:
            return
        value = " ".join(words[2:] if words[1:2] in (["TO"], ["="]) else words[1:])
        if is_local and not transactional:
            self._said[setting] = f"unknown {next(self._new)}"
        elif value in ("DEFAULT", "NONE"):
            self._reset(words[0])
        else:
            self._said[setting] = value
            if setting == "user":
                self._said.pop("role", None)

    def _reset(self, name: str) -> None:
        self._said.pop(_SETTINGS.get({"ALL": "SEARCH_PATH"}.get(name, name), ""), None)
        if name == "SESSION_AUTHORIZATION":
            self._said.pop("role", None)


def forgets(statement: Statement) -> bool:
    """Whether names may be those of other things after a statement, or what was created may be gone."""
    words = statement.words
    return (
        words[0] in ("ATTACH", "DETACH", "DISCARD")
        or (words[0] == "ROLLBACK" and "TO" in words)
        or (words[:2] == ("ALTER", "SCHEMA") and "RENAME" in words)
    )


def _plain(word: Word) -> str:
    """A word as it is compared: a string and a name in quotes with what they hold, and a setting's name in capitals."""
    text = word.spelled
    if text[:1] == '"' and text[1:-1].upper() in (*_SETTINGS, "SET_CONFIG", "PG_SETTINGS"):
        return text[1:-1].upper()
    return text if word == "''" else str(word)


def _is_for_later_sessions(words: Sequence[str]) -> bool:
    """ALTER ROLE, USER, DATABASE or SYSTEM that sets where later sessions look names up."""
    return (
        words[1:2] in (["ROLE"], ["USER"], ["DATABASE"], ["SYSTEM"])
        and not {"SET", "RESET"}.isdisjoint(words)
        and not {"SEARCH_PATH", "ALL", "ROLE", "SESSION_AUTHORIZATION"}.isdisjoint(words[2:])
    )


def _may_move(statement: Statement, words: Sequence[str]) -> bool:
    """Whether a statement that is not about settings may set where names are looked up."""
    tokens = statement.tokens
    if words[0] in ("CALL", "EXECUTE") or (words[0] == "UPDATE" and "PG_SETTINGS" in words):
        return True
    if words[0] == "DO":
        return any(_IN_TEXT.search(word.spelled) for word in tokens)
    return any(
        _plain(name) == "SET_CONFIG" and opened == "(" and not _HARMLESS_NAME.fullmatch(setting.spelled)
        for name, opened, setting in zip(tokens, tokens[1:], tokens[2:])
    )
