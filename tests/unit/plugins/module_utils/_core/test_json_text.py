# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import json_text


def test_json_is_read() -> None:
    assert json_text.parse(b'{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    "text", [b"", b"<html>", b"\xff", b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000], ids=range(6)
)
def test_everything_else_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_text.parse(text)


@pytest.mark.parametrize(
    ("value", "found"), [(1, True), (0, True), (True, False), (1.0, False), ("1", False)]
)
def test_true_is_no_number(value: object, found: bool) -> None:
    assert json_text.is_number(value) is found
