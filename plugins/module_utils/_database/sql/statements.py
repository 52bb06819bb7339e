# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into statements and these into words, as far as the linter and a run in steps need it: not a parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.bodies import inside
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN, Dialect
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Statement, Word
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    Token,
    UnreadableError,
    tokens,
)

_UNREADABLE = {
    "unclosed": "what {spelled} opens is not closed.",
    "client": "a command of the client program begins with {spelled}, and the server does not know it.",
    "ambiguous": "{spelled} is read in different ways by different database systems. Give url or connection, so that it is "
    "known which system it is.",
}
_CODE_POINT = re.compile(r"\\(?:([0-9a-fA-F]{4})|\+([0-9a-fA-F]{6})|(\\))")


def statements(sql: str, dialect: Dialect = UNKNOWN) -> list[Statement]:
    """Cut ``sql`` at its semicolons; comments and the content of strings are left out of the words.

    The body of a trigger or an SQL routine belongs to the statement that creates it.

    Raises:
        UnreadableError: it is not certain where a statement ends, or what comes after it is no SQL.
    """
    found = []
    for words, end in _cut(tokens(sql, dialect.grammar, dialect.nests_comments), dialect):
        stop = len(sql) if end is None else end.begin
        statement = _statement(words, sql[words[0].start : stop].strip())
        found.append(statement)
        if reason := dialect.stops(statement, sql[stop:]):
            rule, why = reason
            raise UnreadableError(why, statement.line, rule)
    return found


def opened(statement: Statement, dialect: Dialect) -> list[Statement]:
    """The statements in a compound one that is in no routine, and is carried out at once; else the statement alone."""
    found = tokens(statement.text, dialect.grammar, dialect.nests_comments)
    inner = []
    for first, end in inside(found):
        stop = found[end].begin if end < len(found) else len(statement.text)
        inner.append(_statement(found[first:end], statement.text[found[first].start : stop].strip()))
    return [replace(each, line=statement.line + each.line) for each in inner] or [statement]


def _cut(found: Sequence[Token], dialect: Dialect) -> Iterator[tuple[Sequence[Token], Token | None]]:
    """The tokens of each statement, and the semicolon behind it."""
    at = 0
    while at < len(found):
        if found[at].kind != ";":
            if found[at].value in dialect.client_commands:
                why = _UNREADABLE["client"].format(spelled=found[at].spelled)
                rule = "delimiter" if found[at].value == "DELIMITER" else "client-command"
                raise UnreadableError(why, found[at].line, rule)
            end = _end(found, at, dialect)
            yield found[at:end], found[end] if end < len(found) else None
            at = end
        at += 1


def _end(found: Sequence[Token], at: int, dialect: Dialect) -> int:
    last = found[-1]
    problem = None
    try:
        end = dialect.ends(found, at)
    except UnreadableError as error:
        end, problem = len(found), error
    if end == len(found) and last.kind in _UNREADABLE:
        why = _UNREADABLE[last.kind].format(spelled=last.spelled.split("\n")[0][:40])
        raise UnreadableError(why, last.line, "client-command" if last.kind == "client" else "unreadable")
    if problem:
        raise problem
    if any(token.executed for token in found[at : end + 1]):
        _check_executed(found[at : end + 1], dialect)
    return end


def _check_executed(found: Sequence[Token], dialect: Dialect) -> None:
    """Raise UnreadableError unless a statement ends in the same place for servers that do not execute its comments."""
    without = [token for token in found if not token.executed]
    is_cut = found[-1].executed and found[-1].kind == ";"
    try:
        end = dialect.ends(without, 0) if without and without[0].kind != ";" else 0
    except UnreadableError:
        end = -1
    if is_cut or (without and end != len(without) - (without[-1].kind == ";")):
        raise UnreadableError(
            "a comment that some servers execute, and others do not, decides where the statement ends.",
            found[0].line,
        )


def _statement(found: Sequence[Token], text: str) -> Statement:
    words: list[Word] = []
    depth = 0
    for token in found:
        if token.value == ")":
            depth = max(0, depth - 1)
        value = "''" if token.kind == "string" else token.value
        spelled = token.spelled
        if token.kind == "quoted" and spelled[:1] in "uU":
            value = spelled = _decoded(token, found)
        words.append(Word(value, spelled, depth))
        depth += token.value == "("
    return Statement(found[0].line, tuple(word for word in words if not word.depth), text, tuple(words))


def _decoded(token: Token, found: Sequence[Token]) -> str:
    """A name in the form U&"..." as one in plain quotes."""
    if any(each.value == "UESCAPE" for each in found):
        raise UnreadableError("a name is spelled with UESCAPE. Write it out.", token.line)
    return _CODE_POINT.sub(lambda code: code[3] or _character(code[1] or code[2]), token.spelled[2:])


def _character(code: str) -> str:
    number = int(code, 16)
    return chr(number).replace('"', '""') if number <= 0x10FFFF else "\ufffd"
