# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into tokens. What is a comment, a string and a name is each database system's own, see `Dialect.grammar`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

_COMMENT_EDGE = re.compile(r"/\*|\*/")
LETTERS = r"A-Za-z_\x80-\U0010ffff"
"""Of names, as a range of characters: all outside ASCII are, be they letters or not."""
_IN_ESCAPED = r"(?:[^'\\]|\\.|'')*"
# A string goes on after a line break, and a comment may stand between. The lookahead keeps this linear.
_CONTINUED = (
    r"(?:[ \t\f\v]|--[^\n\r]*(?=[\n\r]))*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*(?=[\n\r]))*"
    rf"'{_IN_ESCAPED}'"
)

# The kinds of tokens, for `grammar`.
SPACE = r"[ \t\n\r\f\v]+"
BLOCK_COMMENT = r"(?P<comment> /\*.*?\*/ )"
SKIPPED = rf"(?P<skipped> {SPACE} | --[^\n]* )"
BACKTICKS = r"`(?:[^`]|``)*`"
DOLLARS = rf"\$(?P<tag>(?:[{LETTERS}][{LETTERS}0-9]*)?)\$.*?\$(?P=tag)\$"
DOUBLE_QUOTED = r'"(?:[^"]|"")*"'
ESCAPED = rf"[eE]'{_IN_ESCAPED}'(?:{_CONTINUED})*"
SINGLE_QUOTED = r"'(?:[^']|'')*'"
WORD = rf"(?P<word> [{LETTERS}0-9][{LETTERS}0-9$]* )"
WORD_OR_NUMBER = rf"(?P<word> [{LETTERS}][{LETTERS}0-9$]* | [0-9][{LETTERS}0-9]* )"
"""Where a number ends before a dollar sign."""
WORD_WITH_DOLLARS = rf"(?P<word> [{LETTERS}0-9$]+ )"
OPENS_DOLLARS = rf"\$(?:[{LETTERS}][{LETTERS}0-9]*)?\$"


class UnreadableError(StrataError):
    """SQL in which it is not certain where the statements end.

    Args:
        why: a sentence.
        line: of the text, from 0 on.
        rule: the linter's, that says so of a file.
    """

    def __init__(self, why: str, line: int, rule: str = "unreadable") -> None:
        super().__init__(f"Line {line + 1} of the SQL: {why}")
        self.why, self.line, self.rule = why, line, rule


@dataclass(frozen=True)
class Token:
    """A word, a name in quotes, a string, a semicolon or another character.

    Attributes:
        kind: word, quoted, string, ";" or other; at the end of a text that goes no further unclosed, client or ambiguous.
        value: a word in capitals; else what the text has.
        spelled: what the text has.
        start: where a statement begins that begins with it: before the comment that it is executed in.
        line: of that place.
        begin: where it begins itself.
        executed: whether it is in a comment that some servers execute.
    """

    kind: str
    value: str
    spelled: str
    start: int
    line: int
    begin: int
    executed: bool


def grammar(*kinds: str, word: str = WORD, opens: str = "") -> re.Pattern[str]:
    """A pattern for one token of these kinds; a word and any other character are tokens in every dialect.

    Args:
        kinds: patterns with the named groups ``skipped``, ``comment``, ``executed``, ``string``, ``quoted`` (a name), ``client``
            (a command of a client program) and ``ambiguous``.
        opens: what opens a string, a name or a comment beside quotes and ``/*``; alone, it is not closed.
    """
    unclosed = " | ".join(filter(None, (opens, "'", '"', r"/\*")))
    return re.compile(
        " | ".join((*kinds, f"(?P<unclosed> {unclosed} )", word, "(?P<other> . )")), re.VERBOSE | re.DOTALL
    )


def tokens(sql: str, pattern: re.Pattern[str], nests_comments: bool) -> list[Token]:
    """The tokens of a text, up to the first one from which on it cannot be read."""
    found: list[Token] = []
    at = line = counted = 0
    opened: int | None = None
    lead: int | None = None
    while at < len(sql):
        if opened is not None and sql.startswith("*/", at):
            opened = lead = None
            at += 2
            continue
        matched = cast("re.Match[str]", pattern.match(sql, at))  # the last alternative is any character
        kind, after = str(matched.lastgroup), matched.end()
        if kind == "comment" and nests_comments:
            after = _end_of_nested(sql, at)
            kind = kind if after else "unclosed"
        if kind == "executed":
            opened = lead = at
        elif kind not in ("skipped", "comment"):
            spelled = matched.group()
            start = at if lead is None else lead
            line += sql.count("\n", counted, start)
            counted, lead = start, None
            value = capitals(spelled) if kind == "word" else spelled
            found.append(
                Token(";" if spelled == ";" else kind, value, spelled, start, line, at, opened is not None)
            )
            if kind in ("unclosed", "client", "ambiguous"):
                return found
        at = after
    if opened is not None:
        found.append(Token("unclosed", "/*", "/*", opened, sql.count("\n", 0, opened), opened, True))
    return found


def capitals(text: str) -> str:
    """In capitals where it is ASCII: no keyword has another letter."""
    return text.upper() if text.isascii() else re.sub("[a-z]+", lambda found: found.group().upper(), text)


def _end_of_nested(sql: str, at: int) -> int:
    """Where a comment ends; 0 where it does not."""
    nested = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        nested += 1 if edge.group() == "/*" else -1
        if not nested:
            return edge.end()
    return 0
