# SPDX-License-Identifier: GPL-3.0-or-later
"""The error of the cores."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_an_error_has_a_message_and_facts_for_the_module() -> None:
    error = StrataError("Fetching it failed.", version="2.0", changed=True)
    assert str(error) == "Fetching it failed."
    assert error.details == {"version": "2.0", "changed": True}
    assert StrataError("It failed.").details == {}
