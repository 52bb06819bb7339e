# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into statements and these into words, as far as the linter and a run in steps need it: not a parser."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<skipped> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<string>  [eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*' | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$ )
    | (?P<quoted>  "(?:[^"]|"")*" | `[^`]*` )
    | (?P<word>    [A-Za-z_][\w$]* )
    | (?P<other>   . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ROUTINES = frozenset(("TRIGGER", "FUNCTION", "PROCEDURE"))


@dataclass(frozen=True)
class Statement:
    """``words`` outside parentheses, keywords in capitals; ``line`` counts from 0 in the text, ``text`` is its own."""

    line: int
    words: tuple[str, ...]
    text: str


def statements(sql: str) -> list[Statement]:
    """Cut ``sql`` at its semicolons; comments, the content of strings and of parentheses are left out.

    The body of a trigger or an SQL routine (BEGIN ... END) belongs to the statement that creates it.
    """
    found: list[Statement] = []
    words: list[str] = []
    line = start = begin = nested = blocks = 0
    for token in _TOKEN.finditer(sql):
        text = token.group()
        here = line
        line += text.count("\n")
        if token.lastgroup == "skipped":
            continue
        if text == ";" and not blocks:
            if words:
                found.append(Statement(start, tuple(words), sql[begin : token.start()].strip()))
            words, nested = [], 0
            continue
        if not words:
            start, begin = here, token.start()
        if text == ")":
            nested = max(0, nested - 1)
        if not nested:
            words.append(_word(token))
        if text == "(":
            nested += 1
        if words[0] == "CREATE" and not _ROUTINES.isdisjoint(words[:5]):
            blocks = _depth(blocks, text.upper())
    if words:
        found.append(Statement(start, tuple(words), sql[begin:].strip()))
    return found


def _word(token: re.Match[str]) -> str:
    if token.group("string") is not None:
        return "''"
    return token.group().upper() if token.group("word") else token.group()


def _depth(blocks: int, word: str) -> int:
    if word in ("BEGIN", "CASE"):
        return blocks + 1
    return max(0, blocks - 1) if word == "END" else blocks
