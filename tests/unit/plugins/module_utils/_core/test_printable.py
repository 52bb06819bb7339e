# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal would obey is shown instead."""

from __future__ import annotations

import json

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, é, 日本, a\tb\nc", "plain, é, 日本, a\tb\nc"),
        ("\x1b[1;31mERROR\x1b[0m: no", "ERROR: no"),
        ("\x9b31mred", "red"),
        ("\x1b[2J\x1b[Hgone", r"\u001b[2J\u001b[Hgone"),
        ("\x1b]52;c;cm0gLXJmIC8=\x07", r"\u001b]52;c;cm0gLXJmIC8=\u0007"),
        ("\x1b]8;;http://evil\x1b\\here", "\\u001b]8;;http://evil\\u001b\\here"),
        ("\x9d0;title\x9c", r"\u009d0;title\u009c"),
        ("one\r\ntwo\rthree", "one\ntwo\\u000dthree"),
        ("a\x00b\x08c\x7fd\x85e\x0bf\x0c", r"a\u0000b\u0008c\u007fd\u0085e\u000bf\u000c"),
        ("\u202etxt.exe\u2066\u200f\u061c\u2028", r"\u202etxt.exe\u2066\u200f\u061c\u2028"),
    ],
)
def test_control_characters_are_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_json_stays_the_same() -> None:
    text = json.dumps({"a": "\x9c\u202e"}, ensure_ascii=False)
    assert json.loads(printable(text)) == json.loads(text)
