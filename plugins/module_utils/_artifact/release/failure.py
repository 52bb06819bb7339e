# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Failing a release for what is found wrong with it outside of its activation, by a hook for instance."""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    validate_version,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import os_errors_named
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import opened
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import save
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def fail(root: str, version: str, reason: str, *, check_mode: bool = False) -> NoReturn:
    """Mark ``version`` bad if it is current or half activated, and raise what a failed activation raises."""
    validate_version(version)
    layout = Layout(root)
    with os_errors_named(f"Marking {version} under {root} as bad"), opened(layout, check_mode) as state:
        release = state.releases.get(version)
        intent = state.intent if state.intent and state.intent.version == version else None
        if release is None or (layout.current() != version and intent is None):
            raise StrataError(
                reason, version=version, previous=None, state=release.state if release else None
            )
        bad = release if release.state == "bad" else replace(release, state="bad", reason=_first_line(reason))
        if not check_mode:
            save(layout.state, replace(state.put(bad), intent=None if intent else state.intent))
        previous = intent.previous if intent else state.last_good(version)
    raise StrataError(reason, version=version, previous=previous, state="bad", changed=True)


def _first_line(text: str) -> str:
    return (text.splitlines() or [""])[0]
