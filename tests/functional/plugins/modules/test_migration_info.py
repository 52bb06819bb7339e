# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The migration_info module with a release's own tool."""

from __future__ import annotations

from typing import Any, Callable

Run = Callable[..., dict[str, Any]]


def test_of_a_release_s_own_tool_what_is_pending_is_told(run_module: Run, migrating_shop: Any) -> None:
    options = {"engine": "command", **migrating_shop.options()}
    result = run_module("migration_info", options)
    assert (result["engine"], result["version"], result["applied"], result["drift"]) == (
        "command",
        None,
        [],
        [],
    )
    assert result["pending"][1:] == [
        {"version": None, "name": "0002_currency", "phase": "expand"},
        {"version": None, "name": "0003_drop_note", "phase": "contract"},
    ]
    assert migrating_shop.calls() == ["plan expand 2.0 -"]
