# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Strata has a migration tool of the release set on the connections of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Timeouts


@dataclass(frozen=True)
class ToolSession:
    """A tool's connections to the databases of one system.

    Attributes:
        drivers: a pattern that finds the system's Python drivers by the names of their modules.
        read_only: the statement after which the server refuses changes, from the next transaction on.
        limits: the statements that keep timeouts.
        lock_refusals: what a tool prints where the database refused it a lock.
    """

    drivers: str
    read_only: str
    limits: Callable[[Timeouts], Sequence[str]]
    lock_refusals: tuple[str, ...]
