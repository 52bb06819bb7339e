# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening an app's state: what a killed run left behind is finished or cleaned up first."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.adoption import adopted
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.removal import remove_all
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import State, load, save


@contextlib.contextmanager
def opened(layout: Layout, check_mode: bool, *, create: bool = False) -> Iterator[State]:
    """The state to work from, under the lock of this host; in check mode only as it will be."""
    if check_mode or not (create or layout.private.is_dir() or layout.link.is_symlink()):
        yield read(layout)
        return
    layout.require_trusted()
    layout.create()
    with layout.locked():
        found = load(layout.state)
        layout.sweep()
        # Of one that was being replaced, which build is there cannot be known.
        left = remove_all(layout, found, _half_done(layout, found))
        state = settled(layout, replace(left, replacing=None, removing=()))
        if state != found:
            save(layout.state, state)
        yield state


def read(layout: Layout) -> State:
    """The state as the next run will find it; nothing is changed."""
    return settled(layout, load_trusted(layout))


def load_trusted(layout: Layout) -> State:
    """The state as it was written; an error where somebody less privileged could have written it."""
    layout.require_trusted()
    return load(layout.state)


def settled(layout: Layout, state: State) -> State:
    """The state with what another tool left, and without what was left half done or has no folder any more.

    An unfinished activation stays, for a verb to finish.
    """
    half_done = _half_done(layout, state)
    gone = [version for version in state.releases if _is_gone(layout.release(version))]
    return adopted(layout, state.without(*half_done, *gone), half_done)


def _is_gone(folder: Path) -> bool:
    try:
        folder.stat()
    except FileNotFoundError:
        return True
    return False  # and a disk that fails, which is_dir() does not tell from that everywhere, is an error


def _half_done(layout: Layout, state: State) -> tuple[str, ...]:
    """The versions whose folders may go, or may be half gone; not one that somebody made current by hand since."""
    named = dict.fromkeys(filter(None, (state.replacing, *state.removing)))
    current = layout.current() if named else None
    return tuple(version for version in named if version != current)
