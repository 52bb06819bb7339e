# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the verbs on releases return, and how they fail."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import State
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class ReleaseChange:
    """``before`` and ``after`` are the two sides of the diff; in check mode ``after`` is the plan.

    ``version`` and its ``state`` are None where pruning found no current release.
    """

    changed: bool
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    version: str | None
    previous: str | None
    state: str | None
    service: Mapping[str, Any] | None = None
    health: Mapping[str, Any] | None = None
    pruned: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())


def view(state: State, current: str | None) -> dict[str, Any]:
    """A state as one side of a diff."""
    return {
        "current": current,
        "releases": {version: each.state for version, each in sorted(state.releases.items())},
    }


@contextlib.contextmanager
def os_errors_named(what: str, **details: Any) -> Iterator[None]:
    """Turn what the file system refuses into an error that says what was tried, with these details."""
    try:
        yield
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise StrataError(f"{what}: {error.strerror or error}{where}.", **details) from error
