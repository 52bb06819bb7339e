# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a release from the host."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._artifact import installer
from ansible_collections.strata.deploy.plugins.module_utils._release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._release.state import State, save


def remove(layout: Layout, state: State, version: str) -> None:
    """Delete a release that is not current, with what the host has of it elsewhere."""
    known = state.releases.get(version)
    folder = layout.release(version)
    if known and folder.is_dir():
        installer(known.kind).remove(folder)
    layout.discard(folder)


def prune(layout: Layout, state: State, versions: tuple[str, ...]) -> State:
    """Record ``state``, and delete these of its releases."""
    save(layout.state, replace(state, removing=versions))
    for version in versions:
        remove(layout, state, version)
    return save(layout.state, state.without(*versions)) if versions else state
