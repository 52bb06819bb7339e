# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a statement ends, by the grammar of each database system: semicolons in the body of a routine do not end it.

A body opens only where the grammar lets one open. BEGIN and END are names elsewhere: no system reserves both.
"""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import Token, UnreadableError

_FOR_EACH_ROW = ("FOR", "EACH", "ROW")
# What may stand between a procedure's parameters and its body.
_CHARACTERISTICS = frozenset(
    (
        *("COMMENT", "CONTAINS", "DATA", "DEFINER", "DETERMINISTIC", "INVOKER", "LANGUAGE"),
        *("MODIFIES", "NO", "NOT", "READS", "SECURITY", "SQL"),
    )
)
_COMPOUND = frozenset(("BEGIN", "CASE", "FOR", "IF", "LOOP", "REPEAT", "WHILE"))
# After these an expression goes on, so a word that follows is a name.
_UNFINISHED = frozenset(
    (
        *(
            "AND",
            "BETWEEN",
            "BINARY",
            "CASE",
            "COLLATE",
            "DIV",
            "ELSE",
            "ESCAPE",
            "FOR",
            "IN",
            "INTERVAL",
            "IS",
        ),
        *("LIKE", "MOD", "NOT", "OR", "REGEXP", "RLIKE", "THEN", "UNTIL", "WHEN", "WHILE", "XOR"),
    )
)


def end_in_postgresql(tokens: Sequence[Token], at: int) -> int:
    """Where the statement ends that begins at ``at``: the place of its semicolon, or behind the last token.

    Raises:
        UnreadableError: it does not end.
    """
    kind = _after_create(tokens, at)
    if not (_follows(tokens, at, "CREATE") and _follows(tokens, kind, "FUNCTION", "PROCEDURE")):
        return _semicolon(tokens, at, inside=True)
    depth = 0
    for begin in range(at, len(tokens)):
        value = tokens[begin].value
        depth += (value == "(") - (value == ")")
        if value == ";" and depth <= 0:
            return begin
        if value == "BEGIN" and depth <= 0 and _follows(tokens, begin + 1, "ATOMIC"):
            # END begins a statement here, and no other statement begins with it.
            after = begin + 2
            while not _follows(tokens, after, "END"):
                after = _semicolon(tokens, after, inside=True) + 1
                if after > len(tokens):
                    raise _no_end(tokens[begin], "BEGIN ATOMIC", "END")
            return _semicolon(tokens, after)
    return _semicolon(tokens, at, inside=True)


def end_in_sqlite(tokens: Sequence[Token], at: int) -> int:
    """As `end_in_postgresql`; the semicolons of a trigger are all in its body."""
    first = at
    while _follows(tokens, first, "EXPLAIN", "QUERY", "PLAN"):
        first += 1
    trigger = first + 2 if _follows(tokens, first + 1, "TEMP", "TEMPORARY") else first + 1
    end = _semicolon(tokens, at)
    if not (_follows(tokens, first, "CREATE") and _follows(tokens, trigger, "TRIGGER")):
        return end
    while end < len(tokens):
        if _follows(tokens, end + 1, "END") and (end + 2 == len(tokens) or _follows(tokens, end + 2, ";")):
            return end + 2
        end = _semicolon(tokens, end + 1)
    raise _no_end(tokens[trigger], "TRIGGER", "END")


def end_in_mysql(tokens: Sequence[Token], at: int) -> int:
    """As `end_in_postgresql`, with the compound statements of MySQL and MariaDB, which MariaDB has outside routines, too."""
    body = _body(tokens, at)
    if body is None and not _is_compound(tokens, at):
        return _semicolon(tokens, at)
    program = _Program(tokens, at if body is None else body)
    try:
        program.statement()
    except RecursionError:
        raise UnreadableError("its blocks are nested too deeply to be read.", tokens[at].line) from None
    return program.at


def end_in_any(tokens: Sequence[Token], at: int) -> int:
    """As `end_in_postgresql`, for a system that is not known. In doubt a statement ends, so that the linter sees more."""
    end = _semicolon(tokens, at, inside=True)
    values = tuple(token.value for token in tokens[at:end])
    kind = tokens[_after_create(tokens, at)].value if values[0] == "CREATE" else ""
    pairs = set(zip(values, values[1:]))
    if ("BEGIN", "ATOMIC") in pairs:
        return end_in_postgresql(tokens, at)
    if any(before == "LANGUAGE" and word != "SQL" for before, word in pairs):
        return end
    if kind in ("TRIGGER", "TEMP", "TEMPORARY"):
        row = _after(tokens, at, *_FOR_EACH_ROW)
        if row is not None and not _follows(tokens, row, "WHEN"):
            return end_in_mysql(tokens, at)
        return end_in_sqlite(tokens, at) if "BEGIN" in values and "EXECUTE" not in values else end
    return end if ";" in values else end_in_mysql(tokens, at)


def inside(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """The statements in a compound one that is in no routine, each from its first token up to its semicolon."""
    if not _is_compound(tokens, 0):
        return []
    program = _Program(tokens, 0)
    program.statement()
    return program.simple


class _Program:
    """Reads the statements of a body, one after the other.

    Attributes:
        at: the next token.
        simple: those that have no others inside, each from its first token up to its semicolon.
    """

    def __init__(self, tokens: Sequence[Token], at: int) -> None:
        self._tokens = tokens
        self.at = at
        self.simple: list[tuple[int, int]] = []

    def statement(self) -> None:
        """Read one, up to its semicolon."""
        if _is_label(self._tokens, self.at):
            self.at += 2
        if self.at < len(self._tokens):
            first = self._tokens[self.at]
            if first.value in _COMPOUND:
                self.at += 1
                getattr(self, f"_{first.value.lower()}")(first)
            elif self._is("DECLARE") and self._is("HANDLER", 2):
                return self._handler()
            else:
                self.simple.append((self.at, _semicolon(self._tokens, self.at)))
        self.at = _semicolon(self._tokens, self.at)
        return None

    def _begin(self, first: Token) -> None:
        if self._is("NOT") and self._is("ATOMIC", 1):
            self.at += 2
        self._statements(first, "END")

    def _if(self, first: Token) -> None:
        stop = "ELSEIF"
        while stop != "END":
            if stop == "ELSEIF":
                self._expression(first, "THEN")
            stop = self._statements(first, "ELSEIF", "ELSE", "END")
        self._close(first)

    def _case(self, first: Token) -> None:
        self._expression(first, "WHEN")
        stop = "WHEN"
        while stop != "END":
            if stop == "WHEN":
                self._expression(first, "THEN")
            stop = self._statements(first, "WHEN", "ELSE", "END")
        self._close(first)

    def _loop(self, first: Token) -> None:
        self._statements(first, "END")
        self._close(first)

    def _repeat(self, first: Token) -> None:
        self._statements(first, "UNTIL")
        self._expression(first, "END")
        self._close(first)

    def _while(self, first: Token) -> None:
        self._expression(first, "DO")
        self._loop(first)

    _for = _while

    def _handler(self) -> None:
        """DECLARE, its kind, HANDLER, FOR, what it handles, and the statement that does so."""
        self.at += 4
        while True:
            if self._is("SQLSTATE"):
                self.at += 3 if self._is("VALUE", 1) else 2
            else:
                self.at += 2 if self._is("NOT") else 1
            if not self._is(","):
                return self.statement()
            self.at += 1

    def _statements(self, first: Token, *stops: str) -> str:
        """Read statements up to one of the words, and this, too."""
        while self.at < len(self._tokens):
            if _follows(self._tokens, self.at, *stops):
                self.at += 1
                return self._tokens[self.at - 1].value
            self.statement()
            self.at += 1
        raise _no_end(first, first.value, stops[-1])

    def _expression(self, first: Token, stop: str) -> None:
        """Read an expression, and the word that ends it."""
        depth = 0
        while self.at < len(self._tokens) and self._tokens[self.at].value != ";":
            value = self._tokens[self.at].value
            depth += (value == "(") - (value == ")")
            self.at += 1
            if depth <= 0 and value in (stop, "CASE") and self._is_keyword(value):
                if value == stop:
                    return
                self._expression(first, "END")
        raise _no_end(first, first.value, stop)

    def _is_keyword(self, value: str) -> bool:
        """Whether the word before ``at`` is one, and not a name."""
        before = self._tokens[self.at - 2]
        if before.value in (".", "@"):
            return False
        if value in ("CASE", "THEN", "WHEN"):  # reserved
            return True
        return before.value not in _UNFINISHED and (before.kind != "other" or before.value == ")")

    def _close(self, first: Token) -> None:
        if not self._is(first.value):
            raise _no_end(first, first.value, f"END {first.value}")
        self.at += 1

    def _is(self, value: str, further: int = 0) -> bool:
        return _follows(self._tokens, self.at + further, value)


def _body(tokens: Sequence[Token], at: int) -> int | None:
    """Where the body of the routine begins that is defined at ``at``; None where none is."""
    kind = _after_create(tokens, at)
    if _follows(tokens, kind, "PACKAGE"):
        raise UnreadableError("where the statements of a package end cannot be read.", tokens[at].line)
    if _follows(tokens, kind, "EVENT"):
        return _after(tokens, _after_name(tokens, kind + 1), "DO")
    if not _follows(tokens, at, "CREATE"):
        return None
    if _follows(tokens, kind, "TRIGGER"):
        place = _after(tokens, kind, *_FOR_EACH_ROW)
        return place + 2 if place and _follows(tokens, place, "FOLLOWS", "PRECEDES") else place
    if not _follows(tokens, kind, "FUNCTION", "PROCEDURE"):
        return None
    place = _after_name(tokens, kind + 1)
    if not _follows(tokens, place, "("):
        return None  # a function of a library, which has none
    place = _closing(tokens, place) + 1
    is_function = _follows(tokens, kind, "FUNCTION")
    if is_function and _follows(tokens, place, "RETURNS"):
        place += 2
    while place < len(tokens) and not _follows(tokens, place, ";"):
        if _follows(tokens, place, "LANGUAGE") and not _follows(tokens, place + 1, "SQL"):
            raise UnreadableError(
                "where a routine of another language than SQL ends cannot be read.", tokens[place].line
            )
        if is_function:
            if _follows(tokens, place, "RETURN", *_COMPOUND) or _is_label(tokens, place):
                return place
        elif _is_label(tokens, place) or not (
            _follows(tokens, place, *_CHARACTERISTICS) or tokens[place - 1].value == "COMMENT"
        ):
            return place
        place = _closing(tokens, place) + 1 if _follows(tokens, place, "(") else place + 1
    return None


def _after_create(tokens: Sequence[Token], at: int) -> int:
    """The place of the kind of thing that is created or altered at ``at``; ``at`` for other statements."""
    if not _follows(tokens, at, "CREATE", "ALTER"):
        return at
    at += 1
    if _follows(tokens, at, "OR") and _follows(tokens, at + 1, "REPLACE"):
        at += 2
    if _follows(tokens, at, "DEFINER") and _follows(tokens, at + 1, "="):
        at += 3
        if _follows(tokens, at, "("):
            at += 2
        if _follows(tokens, at, "@"):
            at += 2
            while _follows(tokens, at, ".", "-"):
                at += 2
    return at + 1 if _follows(tokens, at, "AGGREGATE") else min(at, len(tokens) - 1)


def _after_name(tokens: Sequence[Token], at: int) -> int:
    """The place after a name, before which IF NOT EXISTS may stand."""
    if _follows(tokens, at, "IF"):
        at += 3 if _follows(tokens, at + 1, "NOT") else 2
    at += 1
    while _follows(tokens, at, "."):
        at += 2
    return at


def _after(tokens: Sequence[Token], at: int, *words: str) -> int | None:
    """The place after the first such words outside parentheses; None where the statement ends before."""
    place = at
    while place < len(tokens) and tokens[place].value != ";":
        if tokens[place].value == "(":
            place = _closing(tokens, place)
        elif all(_follows(tokens, place + index, word) for index, word in enumerate(words)):
            return place + len(words)
        place += 1
    return None


def _closing(tokens: Sequence[Token], at: int) -> int:
    """The place of the parenthesis that closes the one at ``at``."""
    depth = 0
    for place in range(at, len(tokens)):
        value = tokens[place].value
        depth += (value == "(") - (value == ")")
        if not depth:
            return place
    raise UnreadableError("its parenthesis is not closed.", tokens[at].line)


def _semicolon(tokens: Sequence[Token], at: int, *, inside: bool = False) -> int:
    """The place of the next semicolon; those in parentheses are passed over where they may be ``inside`` them."""
    opened: list[Token] = []
    for place in range(at, len(tokens)):
        value = tokens[place].value
        if value == "(":
            opened.append(tokens[place])
        elif value == ")" and opened:
            opened.pop()
        elif value == ";" and not (opened and inside):
            if opened:
                raise UnreadableError("a semicolon stands in its parentheses.", opened[-1].line)
            return place
    if opened:
        raise UnreadableError("its parenthesis is not closed.", opened[-1].line)
    return len(tokens)


def _is_compound(tokens: Sequence[Token], at: int) -> bool:
    """Whether a statement outside a routine is compound. BEGIN alone begins a transaction."""
    if _is_label(tokens, at):
        return _follows(tokens, at + 2, *_COMPOUND)
    if _follows(tokens, at, "BEGIN"):
        return _follows(tokens, at + 1, "NOT") and _follows(tokens, at + 2, "ATOMIC")
    return _follows(tokens, at, *_COMPOUND)


def _is_label(tokens: Sequence[Token], at: int) -> bool:
    return (
        at < len(tokens)
        and tokens[at].kind in ("word", "quoted")
        and _follows(tokens, at + 1, ":")
        and not _follows(tokens, at + 2, "=")
    )


def _follows(tokens: Sequence[Token], at: int, *words: str) -> bool:
    """Whether one of the words is at that place."""
    return at < len(tokens) and tokens[at].value in words


def _no_end(token: Token, opened: str, closing: str) -> UnreadableError:
    return UnreadableError(
        f"its {opened} has no {closing}, so where the statement ends is not known.", token.line
    )
