# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statement import Word


def test_a_word_compares_as_its_value_and_keeps_its_spelling_and_depth() -> None:
    word = Word("DROP", "drop", 1)
    assert word == "DROP"
    assert word in {"DROP", "ALTER"}
    assert (word.spelled, word.depth) == ("drop", 1)
