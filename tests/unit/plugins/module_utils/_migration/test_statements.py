# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting SQL into statements."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._migration.statements import statements


def cut(sql: str) -> list[str]:
    return [" ".join(statement.words) for statement in statements(sql)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1; select 2", ["SELECT 1", "SELECT 2"]),
        (";; -- none\n /* none; */", []),
        ("a 'x; y' b", ["A '' B"]),
        ("a 'it''s; x'; b", ["A ''", "B"]),
        (r"a E'it\'s; x'; b", ["A ''", "B"]),
        ('a "Drop; Table"; b', ['A "Drop; Table"', "B"]),
        ("a $$ x; y $$; b", ["A ''", "B"]),
        ("do $body$ x; $$ y; $body$; b", ["DO ''", "B"]),
        ("f (a, (b, c), d) e; g", ["F ( ) E", "G"]),
        ("/* ; */ a -- ; b\n ; c", ["A", "C"]),
    ],
)
def test_statements_end_at_their_own_semicolons(sql: str, expected: list[str]) -> None:
    found = cut(sql)
    assert found == expected


@pytest.mark.parametrize(
    "body",
    [
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN y THEN 1 END; DELETE FROM b; END",
        "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END",
    ],
)
def test_a_body_belongs_to_the_routine_that_it_defines(body: str) -> None:
    assert len(cut(f"{body}; DROP TABLE c")) == 2


def test_lines_are_those_of_the_first_words() -> None:
    sql = "-- why\nSELECT\n 1;\n\n/* long\n comment */ SELECT 'a\nb'; SELECT 3"
    assert [statement.line for statement in statements(sql)] == [1, 5, 6]
