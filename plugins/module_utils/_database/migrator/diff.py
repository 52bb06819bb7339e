# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A schema in words, for the two sides of a diff."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.plan import version_after


def schema_text(
    plan: MigrationPlan, applied: Sequence[Migration] = (), rolled_back: Sequence[Applied] = ()
) -> str:
    """Where the schema is and the SQL that led there, or what is pending where a tool says no more.

    Args:
        applied: pending migrations that are applied on this side.
        rolled_back: applied migrations that are rolled back on this side.
    """
    if plan.applied is None:
        waiting = [each.name for each in plan.pending or () if each not in applied]
        parts = [f"pending migrations: {', '.join(waiting) or 'none'}\n"]
    else:
        parts = [f"schema version: {version_after(plan, applied, rolled_back) or 'none'}\n"]
    left = {each.version: f"\n-- {each.unfinished}" for each in plan.applied or () if each.unfinished}
    scripts = [
        (f"{each.name}{left.get(str(each.version), '')}", each.up or _comment(each.unreadable))
        for each in applied
    ]
    scripts += [(f"{each.name}, rolled back{left.get(each.version, '')}", each.down) for each in rolled_back]
    parts += [f"\n-- {name}\n{sql.strip()}\n" for name, sql in scripts if sql.strip()]
    return "".join(parts)


def _comment(reason: str) -> str:
    return f"-- {reason}" if reason else ""
