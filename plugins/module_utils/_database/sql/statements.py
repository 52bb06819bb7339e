# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into statements and these into words, as far as the linter and a run in steps need it: not a parser.

What is a comment, a string and a name is each database system's own, see `Dialect.grammar`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import cast

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN, Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word

_COMMENT_EDGE = re.compile(r"/\*|\*/")
_ROUTINES = frozenset(("EVENT", "FUNCTION", "PROCEDURE", "TRIGGER"))
_DEFINED = _ROUTINES | {"SQL", "VIEW"}
_BEFORE_KIND = frozenset(("OR", "REPLACE", "TEMP", "TEMPORARY", "CONSTRAINT", "AGGREGATE"))
_LOOPS = frozenset(("FOR", "LOOP", "REPEAT", "WHILE"))


def statements(sql: str, dialect: Dialect = UNKNOWN) -> list[Statement]:
    """Cut ``sql`` at its semicolons; comments and the content of strings are left out of the words.

    The body of a trigger or an SQL routine (BEGIN ... END) belongs to the statement that creates it.
    """
    found: list[Statement] = []
    tokens: list[Word] = []
    body = _Body()
    line = start = depth = 0
    begin: int | None = None
    counted = 0

    def end(at: int) -> None:
        if tokens:
            outside = tuple(word for word in tokens if not word.depth)
            found.append(Statement(start, outside, sql[begin:at].strip(), tuple(tokens)))

    for kind, at, after in _tokens(sql, dialect):
        if kind == ";" and not depth and not body.is_open:
            end(at)
            tokens, depth, begin, body = [], 0, None, _Body()
            continue
        if begin is None:
            line += sql.count("\n", counted, at)
            start, begin, counted = line, at, at
        if kind == "executed":
            continue
        text = sql[at:after]
        if text == ")":
            depth = max(0, depth - 1)
        value = text.upper() if kind == "word" else "''" if kind == "string" else text
        tokens.append(Word(value, text, depth))
        if text == "(":
            depth += 1
        body.read(tokens)
    end(len(sql))
    return found


def _tokens(sql: str, dialect: Dialect) -> Iterator[tuple[str, int, int]]:
    """Kind, begin and end of each, without spaces and comments; the kind of a semicolon is itself."""
    at = 0
    executed = False
    while at < len(sql):
        if executed and sql.startswith("*/", at):
            executed = False
            yield "executed", at, at + 2
            at += 2
            continue
        token = cast("re.Match[str]", dialect.grammar.match(sql, at))  # the last alternative is any character
        kind, after = str(token.lastgroup), token.end()
        if kind == "comment" and dialect.nests_comments:
            after = _end_of_nested(sql, at)
        elif kind == "executed":
            executed = True
        if kind not in ("skipped", "comment"):
            yield ";" if token.group() == ";" else kind, at, after
        at = after


def _end_of_nested(sql: str, at: int) -> int:
    nested = 0
    for edge in _COMMENT_EDGE.finditer(sql, at):
        nested += 1 if edge.group() == "/*" else -1
        if not nested:
            return edge.end()
    return len(sql)


class _Body:
    """How far a statement is in the body of a routine, whose semicolons do not end it."""

    def __init__(self) -> None:
        self._routine: bool | None = None
        self._blocks = 0
        self._ifs = 0
        self._ended_block = False

    @property
    def is_open(self) -> bool:
        return self._blocks > 0 or self._ifs > 0

    def read(self, tokens: Sequence[Word]) -> None:
        """Take note of the last of ``tokens``."""
        if self._routine is None:
            self._routine = _is_routine(tokens)
            self._blocks = int(bool(self._routine) and tokens[0] == "BEGIN")
        word, before = tokens[-1], tokens[-2] if len(tokens) > 1 else ""
        if not self._routine or before == ".":
            return
        if word == "BEGIN" or (word == "CASE" and before != "END"):
            self._blocks += 1
        elif word == "END":
            self._ended_block = self._blocks > 0
            self._blocks -= self._ended_block
        elif before == "END" and word in _LOOPS:
            self._blocks += self._ended_block  # that END was no block's
        elif before == "END" and word == "IF":
            self._blocks += self._ended_block
            self._ifs -= not self._ended_block
        elif not self._blocks and word == "THEN":  # an IF that is the whole body
            self._ifs += 1
        elif not self._blocks and word == "ELSEIF":
            self._ifs -= 1


def _is_routine(tokens: Sequence[Word]) -> bool | None:
    """Whether the statement, as it begins, defines a routine; None where that is not known yet."""
    if tokens[0] == "BEGIN":  # MariaDB's BEGIN NOT ATOMIC, a body without a routine
        return None if len(tokens) < 3 else tuple(tokens[1:3]) == ("NOT", "ATOMIC")
    if tokens[0] not in ("CREATE", "ALTER"):
        return False
    kinds = [word for word in tokens[1:] if word not in _BEFORE_KIND]
    if kinds[:1] == ["DEFINER"]:
        kinds = [word for word in kinds if word in _DEFINED]
    return kinds[0] in _ROUTINES if kinds else None
