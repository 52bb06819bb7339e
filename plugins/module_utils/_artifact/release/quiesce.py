# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook that has a service finish what it has in hand."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._core.command import TAIL_LIMIT, Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def quiesce(command: tuple[str, ...], timeout: float) -> str | None:
    """Run the quiesce hook; what went wrong, in words."""
    if not command:
        return None
    try:
        done = Command(command, timeout, name=f"The quiesce hook {command[0]}").run(
            merge=True, limit=TAIL_LIMIT
        )
    except StrataError as error:
        return str(error)
    return str(done.failure()) if done.code else None
