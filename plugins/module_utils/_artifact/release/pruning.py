# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning: superfluous releases deleted on request."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import (
    ReleaseChange,
    os_errors_named,
    view,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import opened
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.removal import prune
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.retention import (
    superfluous,
    validate_keep,
)


def ensure_pruned(
    root: str, *, keep: int = 5, adopted: bool = False, check_mode: bool = False
) -> ReleaseChange:
    """Have no more releases than `superfluous` leaves.

    Args:
        adopted: whether those that another tool made may be deleted too.
    """
    validate_keep(keep)
    layout = Layout(root)
    with os_errors_named(f"Pruning the releases under {root}"), opened(layout, check_mode) as state:
        current = layout.current()
        known = state.releases.get(current or "")
        pruned = superfluous(state, current, keep, adopted=adopted)
        before, after = view(state, current), view(state.without(*pruned), current)
        if pruned and not check_mode:
            prune(layout, state, pruned)
        state_of = known.state if known else None
        return ReleaseChange(
            bool(pruned), before, after, current, None, state_of, pruned=pruned, warnings=layout.warnings()
        )
