# SPDX-License-Identifier: GPL-3.0-or-later
"""What is common to the SQL of database systems."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


@pytest.mark.parametrize(
    ("text", "kind", "token"),
    [
        ("-- a\nb", "skipped", "-- a"),
        ("/* a */ b", "comment", "/* a */"),
        ("E'it\\'s' b", "string", "E'it\\'s'"),
        ("$x$ a $x$ b", "string", "$x$ a $x$"),
        ('"a""b" c', "quoted", '"a""b"'),
        ("`a` b", "quoted", "`a`"),
        ("abc;", "word", "abc"),
        (";abc", "other", ";"),
    ],
)
def test_a_token_of_an_unknown_system_is_that_of_any(text: str, kind: str, token: str) -> None:
    found = UNKNOWN.grammar.match(text)
    assert found
    assert (found.lastgroup if kind != "string" else "string", found[kind]) == (kind, token)


def test_nothing_is_known_against_an_unknown_system() -> None:
    (statement,) = statements("DROP TABLE t", UNKNOWN)
    assert list(UNKNOWN.traffic_rules(statement, (), True)) == []
    assert UNKNOWN.remarks([]) == {}
