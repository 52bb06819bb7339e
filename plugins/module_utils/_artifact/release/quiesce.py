# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook that has a service finish what it has in hand."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._core import hooks
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def quiesce(command: tuple[str, ...], timeout: float) -> str | None:
    """Run the quiesce hook; what went wrong, in words."""
    if not command:
        return None
    try:
        ended = hooks.run(command, timeout, name="quiesce hook")
    except StrataError as error:
        return str(error)
    return (
        f"The quiesce hook {command[0]} failed with {ended.code}{ended.said or '.'}" if ended.code else None
    )
