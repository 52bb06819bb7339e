# SPDX-License-Identifier: GPL-3.0-or-later
"""A secret is concealed in every form in which it comes back, and a short one does not give itself away."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted, hidden

SECRET = 'p@ss wörd/"+\\?'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower(),
        quote(SECRET),
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("="),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
    ],
)
def test_each_form_is_blotted_out(form: str) -> None:
    text = blotted(f"before {form} after", [SECRET])
    assert text in ("before ******** after", 'before "********" after')
    assert any(each in form for each in hidden([SECRET]))


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        (
            "a",
            "a table has password=a, 'a' and bar",
            "******** table has password=********, '********' and bar",
        ),
        ("ab", "cab, ab_c, ab: ab", "cab, ab_c, ********: ********"),
        ("2.0", "12.0 2.01 is 2.0", "12.0 2.01 is ********"),
        ("", "text", "text"),
        ("long", "belonging", "be********ing"),
    ],
)
def test_a_short_secret_is_concealed_where_it_is_a_word(secret: str, text: str, shown: str) -> None:
    assert blotted(text, [secret]) == shown


def test_ansible_is_not_told_of_short_ones() -> None:
    assert hidden(["a", "abc", ""]) == set()
    assert "abcd" in hidden(["abcd"])


def test_the_longest_goes_first() -> None:
    assert blotted("secret-one", ["secret", "secret-one"]) == "********"
