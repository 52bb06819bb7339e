# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which releases may go."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import (
    DOOMED,
    Release,
    State,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

OTHERS = 1
"""How many bad releases are kept, and how many that were never active: the last one, to be looked at or activated."""


def validate_keep(keep: int) -> None:
    if keep < 1:
        raise StrataError("The number of releases to keep must be at least 1.")


def superfluous(
    state: State,
    current: str | None,
    keep: int,
    *,
    adopted: bool = False,
    besides: tuple[str | None, ...] = (),
) -> tuple[str, ...]:
    """The versions beyond the newest ``keep`` good ones, the last bad one, and the last that was never active.

    Never the current release, its rollback target, one that an unfinished intent names, or one of ``besides``.

    Args:
        adopted: whether those that another tool made count, and go, like the others.
    """
    protected = {current, state.last_good(current), *besides}
    if state.intent:
        protected |= {state.intent.version, state.intent.previous}

    def age(release: Release) -> tuple[int, str]:
        return release.order, release.staged_at

    versions: list[str] = []
    for kind, number in (("good", keep), ("bad", OTHERS), ("staged", OTHERS)):
        found = [r for r in state.releases.values() if r.state == kind and (adopted or not r.adopted)]
        newest_first = sorted(found, key=age, reverse=True)
        versions += [
            each.version
            for place, each in enumerate(newest_first)
            if (place >= number or each.order == DOOMED) and each.version not in protected
        ]
    return tuple(sorted(versions))
