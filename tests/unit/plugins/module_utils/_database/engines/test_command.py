# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine ``command`` refuses before it runs anything."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fixtures.command_engine import migrate, migrator, roll_back

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def shop(migrating_shop: Any) -> Any:
    return migrating_shop


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ({}, "missing required arguments: apply, plan"),
        ({"plan": "x"}, "missing required arguments: apply"),
        ({"plan": "x | y", "apply": "x"}, "no shell reads it"),
        ({"plan": "x", "apply": "x", "rollback": "undo $STRATA_VERSION"}, r"The rollback command has '\$'"),
    ],
)
def test_commands_are_checked_before_anything_is_run(shop: Any, commands: Any, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        migrator(shop, options=commands)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"phase": "contract"}, "what they removed is gone"),
        (
            {"options": {"plan": "bin/tool plan", "apply": "bin/tool apply"}},
            "no rollback command, so the schema stays",
        ),
        ({"to": None}, "say which release's migrations"),
        ({"release": ""}, "say which release's migrations"),
        (
            {"running": [("web1", "1.0", None), ("web2", "2.0", None)]},
            "2.0, whose migrations these are, runs on web2",
        ),
    ],
)
def test_a_rollback_that_is_not_safe_to_run_is_refused_before_anything_is(
    shop: Any, options: dict[str, Any], why: str
) -> None:
    with pytest.raises(StrataError, match=re.escape(why)):
        roll_back(shop, **options)
    assert shop.calls() == []


def test_without_a_release_the_status_is_not_known_and_a_plan_is_an_error(shop: Any) -> None:
    nothing = {"archive": None, "checksum": None}
    assert migrator(shop, **nothing).status().pending is None
    with pytest.raises(StrataError, match=r"2\.0 is not under .*/shop on this host, and no archive is given"):
        migrate(shop, **nothing)
    with pytest.raises(StrataError, match="No path is given"):
        migrate(shop, **nothing, path=None)


def test_what_is_unpacked_is_verified(shop: Any) -> None:
    with pytest.raises(StrataError, match="its checksum is sha256:"):
        migrate(shop, checksum=f"sha256:{'0' * 64}")
    assert shop.calls() == []
