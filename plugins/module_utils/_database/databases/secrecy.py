# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the commands' variables is secret: passwords wherever they stand, other values where they are words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import BLOT, hidden

SHORTEST = 6
_NAMED_SO = r"[\w.-]*(?:pass(?:w|phrase|(?![a-z]))|pwd|secret|token|credential)[\w.-]*|[\w.-]*key"
_VARIABLE = re.compile(_NAMED_SO, re.IGNORECASE)
_PARAMETER = re.compile(
    rf"(?<![\w.-])(?:{_NAMED_SO})\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^\s&;'\"]+))", re.IGNORECASE
)
_USERINFO = re.compile(r"://[^:/@\s]*:([^/\s]*)@")
_PATH = re.compile(r"(?:/[\w.@+-]+)+/?")


class Secrets:
    """The secrets of an environment; ``passwords`` are those that are blotted out wherever they stand."""

    def __init__(self, environment: Mapping[str, Any]) -> None:
        values: set[str] = set()
        passwords: set[str] = set()
        for name, value in environment.items():
            parts = _parts(str(value))
            values |= parts
            if _VARIABLE.fullmatch(name):
                passwords |= parts
            for part in parts:
                passwords.update(_passwords_in(part))
        passwords.discard("")
        self.passwords = {each for each in passwords if len(each) >= SHORTEST}
        always = hidden(self.passwords)
        words = {each for each in values if len(each) >= SHORTEST and not _PATH.fullmatch(each)}
        # The longest first, for one may be a part of another.
        self._patterns = [
            re.compile(re.escape(each) if each in always else rf"(?<![\w-]){re.escape(each)}(?![\w-])")
            for each in sorted(words | passwords | always, key=len, reverse=True)
        ]

    def conceal(self, text: str) -> str:
        """Text that a command wrote or that shows it, with the secrets blotted out."""
        for pattern in self._patterns:
            text = pattern.sub(BLOT, text)
        return urls.masked(text)


def _parts(value: str) -> set[str]:
    """A value as it is and without the ends that a tool strips off, and each line of it."""
    lines = {line.strip() for line in value.splitlines()}
    return {value, value.strip(), *(line for line in lines if len(line) >= SHORTEST)} - {""}


def _passwords_in(value: str) -> Iterator[str]:
    if "://" in value:
        yield from urls.secrets_in(value)
    found = _USERINFO.findall(value)
    found += [next(filter(None, groups), "") for groups in _PARAMETER.findall(value)]
    for each in found:
        yield each
        yield unquote(each)
