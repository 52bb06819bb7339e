# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.diff import schema_text
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)

ONE = Migration("1_a", version="1", up="CREATE TABLE a (x int);")
TWO = Migration("2_b", version="2", up="", unreadable="it is Python")
FIRST = Applied("1", "1_a", down="DROP TABLE a;")
LEFT = Applied("1", "1_a", unfinished="it was left half-way")


@pytest.mark.parametrize(
    ("plan", "changes", "text"),
    [
        (MigrationPlan((), (ONE, TWO)), {}, "schema version: none\n"),
        (
            MigrationPlan((), (ONE, TWO)),
            {"applied": (ONE, TWO)},
            "schema version: 2\n\n-- 1_a\nCREATE TABLE a (x int);\n\n-- 2_b\n-- it is Python\n",
        ),
        (
            MigrationPlan((FIRST,), ()),
            {"rolled_back": (FIRST,)},
            "schema version: none\n\n-- 1_a, rolled back\nDROP TABLE a;\n",
        ),
        (
            MigrationPlan((LEFT,), (ONE,)),
            {"applied": (ONE,)},
            "schema version: 1\n\n-- 1_a\n-- it was left half-way\nCREATE TABLE a (x int);\n",
        ),
        (MigrationPlan(None, (ONE, TWO)), {}, "pending migrations: 1_a, 2_b\n"),
        (
            MigrationPlan(None, (ONE, TWO)),
            {"applied": (ONE,)},
            "pending migrations: 2_b\n\n-- 1_a\nCREATE TABLE a (x int);\n",
        ),
        (MigrationPlan(None, None), {}, "pending migrations: none\n"),
    ],
)
def test_one_side_of_a_diff(plan: MigrationPlan, changes: dict[str, Any], text: str) -> None:
    assert schema_text(plan, **changes) == text
