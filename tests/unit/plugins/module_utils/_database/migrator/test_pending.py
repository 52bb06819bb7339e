# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan command may print."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.pending import read_pending


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("\n \n", []),
        ("[]", []),
        ("0001_a\n\n  V2__b (late) \r\n", [Migration("0001_a"), Migration("V2__b (late)")]),
        ('["a", "b"]', [Migration("a"), Migration("b")]),
        (
            '[{"name": "a"}, {"name": " b ", "phase": "contract", "sql": "DROP TABLE t;"}]\n',
            [Migration("a"), Migration("b", phase="contract", up="DROP TABLE t;")],
        ),
    ],
)
def test_names_are_read_from_lines_and_from_json(text: str, expected: list[Migration]) -> None:
    assert list(read_pending("plan", text)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('["a",', "begins like JSON but is not valid JSON"),
        ("[ ] 0001_a", "begins like JSON but is not valid JSON"),
        ('{"name": "a"}', "must be a list"),
        ("[1]", "neither a string nor an object of strings"),
        ('[{"name": 1}]', "neither a string nor an object of strings"),
        ('[{"sql": "x"}]', "has no name"),
        ('[" "]', "has no name"),
        ('[{"name": "a", "phse": "contract"}]', "has 'phse'"),
        ('[{"name": "a", "phase": "later"}]', "a has the phase 'later'"),
        ("\x1b[32m0001_a\x1b[0m", "control characters"),
    ],
)
def test_what_is_no_list_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(StrataError, match=r"^The plan command succeeded, and what it printed") as caught:
        read_pending("plan", text)
    assert why in str(caught.value)
