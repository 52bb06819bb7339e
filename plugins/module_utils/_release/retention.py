# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases may go."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._release.state import Release, State


def superfluous(state: State, current: str | None, keep: int) -> tuple[str, ...]:
    """The versions beyond the newest ``keep`` of each kind: good, bad, and staged but never active.

    Never the current release, its rollback target, or one that an unfinished intent names.
    """
    protected = {current, state.last_good(current)}
    if state.intent:
        protected |= {state.intent.version, state.intent.previous}

    def age(release: Release) -> tuple[int, str]:
        return release.order, release.staged_at

    versions: list[str] = []
    for kind in ("good", "bad", "staged"):
        newest_first = sorted((r for r in state.releases.values() if r.state == kind), key=age, reverse=True)
        versions += [r.version for r in newest_first[keep:] if r.version not in protected]
    return tuple(sorted(versions))
