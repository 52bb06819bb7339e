# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL cut into tokens."""

from __future__ import annotations

import time

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.tokens import (
    SKIPPED,
    capitals,
    grammar,
    tokens,
)


def test_a_word_and_any_other_character_are_tokens_of_every_grammar() -> None:
    pattern = grammar(SKIPPED)
    assert [found.group() for found in pattern.finditer("a1 ;")] == ["a1", " ", ";"]


def test_a_token_says_what_and_where_it_is() -> None:
    found = tokens("-- a\nSelect\n'b' ;", POSTGRESQL.grammar, True)
    assert [(each.kind, each.value, each.spelled, each.line, each.begin) for each in found] == [
        ("word", "SELECT", "Select", 1, 5),
        ("string", "'b'", "'b'", 2, 12),
        (";", ";", ";", 2, 16),
    ]


def test_a_statement_begins_before_the_comment_that_it_is_executed_in() -> None:
    found = tokens("a /*!50001 b */ c", MYSQL.grammar, False)
    assert [(each.value, each.start, each.begin, each.executed) for each in found] == [
        ("A", 0, 0, False),
        ("B", 2, 11, True),
        ("C", 16, 16, False),
    ]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [("a 'b", "unclosed"), (r"a \b c", "client"), ("a /* b", "unclosed"), ("a $x$ b", "unclosed")],
)
def test_nothing_is_read_from_where_it_cannot_be_read(sql: str, kind: str) -> None:
    assert [each.kind for each in tokens(sql, POSTGRESQL.grammar, True)] == ["word", kind]


def test_letters_outside_ascii_are_in_no_keyword() -> None:
    assert [capitals(text) for text in ("begin", "beg\u0131n", "größe")] == ["BEGIN", "BEG\u0131N", "GRößE"]


@pytest.mark.parametrize(
    "text", ["E'a'\n" + "-" * 5000, "E'a'" + "\n" * 5000 + "b", "E'a'\n" + "-- b\n" * 5000]
)
def test_a_string_that_might_go_on_takes_little_time(text: str) -> None:
    started = time.monotonic()
    tokens(text, POSTGRESQL.grammar, True)
    assert time.monotonic() - started < 2
