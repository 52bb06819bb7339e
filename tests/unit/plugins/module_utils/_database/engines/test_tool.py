# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tool's command as it is written, and options that are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.tool import Tool, argv


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("bin/plan --config '/etc/a b.ini'", ("bin/plan", "--config", "/etc/a b.ini")),
        (["bin/plan", "a b", 3], ("bin/plan", "a b", "3")),
        (["sh", "-c", "a && b"], ("sh", "-c", "a && b")),
        (r"""bin/plan 'a;b$c' "a>b" \; --only=x""", ("bin/plan", "a;b$c", "a>b", ";", "--only=x")),
    ],
)
def test_a_command_is_words(command: Any, expected: tuple[str, ...]) -> None:
    assert argv("plan", command) == expected


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("", "is empty"),
        ([], "is empty"),
        ([""], "is empty"),
        ("bin/plan 'x", "No closing quotation"),
        ("cd app && bin/plan", "has '&' in it, and no shell reads it"),
        ("bin/plan 2>/dev/null", "has '>' in it"),
        ("a; b", "has ';' in it"),
        ("bin/plan `id`", "has '`' in it"),
        ("bin/plan $VAR", r"has '\$' in it"),
        ('bin/plan --to "$VAR"', r"has '\$' in it"),
        ("RAILS_ENV=x bin/plan", "has 'RAILS_ENV=' in it"),
        ({"a": 1}, "neither a string nor a list"),
        ([["a"]], "neither a string nor a list"),
    ],
)
def test_what_is_no_command_is_refused(command: Any, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        argv("plan", command)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"timeout": 0}, "timeout must be above 0"),
        ({"environment": {"DEBUG": True}}, "value of DEBUG .* quote it"),
        ({"environment": {"LIST": ["s3cr3t"]}}, "value of LIST .* quote it"),
        ({"environment": {"A=B": "s3cr3t"}}, "no name"),
        ({"user": "no-such-user"}, "no user 'no-such-user'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(StrataError, match=why) as caught:
        Tool(**{"user": None, "environment": None, "timeout": 1, **options}).validate()
    assert "s3cr3t" not in str(caught.value)
