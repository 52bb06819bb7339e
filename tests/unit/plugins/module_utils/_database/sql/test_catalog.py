# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken to be there where no database can be asked."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import UNKNOWN_CATALOG


def test_what_may_matter_to_a_running_release_is_taken_to_be_there() -> None:
    assert not UNKNOWN_CATALOG.is_empty()
    assert UNKNOWN_CATALOG.is_unique(("i",), ("t",))
    assert UNKNOWN_CATALOG.constraint(("t",), ("k",)) == "unique"


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    assert UNKNOWN_CATALOG.columns(("v",)) is None
    assert UNKNOWN_CATALOG.is_volatile(("f",), 0, anywhere=False) is None
