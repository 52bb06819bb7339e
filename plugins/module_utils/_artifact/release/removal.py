# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a release from the host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import installer
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import DOOMED, State, save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def remove(layout: Layout, state: State, version: str) -> None:
    """Delete a release that is not current, with what the host has of it elsewhere."""
    known = state.releases.get(version)
    folder = layout.release(version)
    if known and folder.is_dir():
        installer(known.kind).remove(folder)
    layout.discard(folder)


def remove_all(layout: Layout, state: State, versions: Iterable[str]) -> State:
    """Delete releases, and hand back the state without them. One that cannot be deleted stays, first to go next time."""
    for version in versions:
        try:
            remove(layout, state, version)
        except (OSError, StrataError) as error:
            layout.undeleted.append(str(error))
            if version in state.releases:
                state = state.bad(version, f"It could not be deleted: {str(error).splitlines()[0]}")
                state = state.put(replace(state.releases[version], order=DOOMED))
        else:
            state = state.without(version)
    return state


def prune(layout: Layout, state: State, versions: tuple[str, ...]) -> State:
    """Record ``state``, and delete these of its releases."""
    save(layout.state, replace(state, removing=versions))
    return save(layout.state, remove_all(layout, state, versions)) if versions else state
