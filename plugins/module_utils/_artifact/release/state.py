# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host knows of its releases, as it lies in ``.strata/state.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import read_json, write_json
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

FORMAT = 1
DOOMED = -1
"""The order of a release that should be gone, and could not be deleted."""


@dataclass(frozen=True)
class Release:
    """One release on the host.

    Args:
        state: staged, good (it was current and healthy) or bad.
        digests: the artifact's digests by algorithm, as computed when it was fetched.
        kind: the name of the `Installer` that brings it in.
        size: bytes of its files; None where nobody counted them.
        files: the digests of its rendered files by path.
        adopted: whether another tool made it.
        order: grows with each activation that succeeded; clocks can go backwards, this cannot.
    """

    version: str
    state: str
    checksum: str
    digests: Mapping[str, str]
    origin: str
    staged_at: str
    kind: str = "archive"
    order: int = 0
    activated_at: str | None = None
    deployed_by: str | None = None
    reason: str | None = None
    size: int | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    adopted: bool = False


@dataclass(frozen=True)
class Intent:
    """What is about to be done, written before it is done.

    Args:
        act: activate or roll_back.
        previous: the version that was current before.
        linked: whether the release was quiesced and switched to, and what is left is its restart.
    """

    act: str
    version: str
    since: str
    previous: str | None = None
    deployment: str | None = None
    linked: bool = False


@dataclass(frozen=True)
class State:
    """All releases of an app on this host.

    Args:
        intent: the activation that is under way, or was when its run was killed.
        replacing: the version whose folder is just being put in its place.
        removing: versions whose folders are being deleted.
    """

    releases: Mapping[str, Release] = field(default_factory=dict)
    intent: Intent | None = None
    replacing: str | None = None
    removing: tuple[str, ...] = ()

    def put(self, release: Release) -> State:
        return replace(self, releases={**self.releases, release.version: release})

    def without(self, *versions: str) -> State:
        return replace(self, releases={k: v for k, v in self.releases.items() if k not in versions})

    def good(self, version: str, deployment: str | None) -> State:
        """The state once a version is active and healthy; whatever was intended is done."""
        release = replace(
            self.releases[version],
            state="good",
            reason=None,
            order=1 + max(each.order for each in self.releases.values()),
            activated_at=utc_now(),
            deployed_by=deployment or self.releases[version].deployed_by,
        )
        return replace(self.put(release), intent=None)

    def bad(self, version: str, reason: str) -> State:
        return self.put(replace(self.releases[version], state="bad", reason=reason))

    def left(self, current: str | None) -> str | None:
        """The version that a rollback leaves: what an unfinished run was bringing up, or leaving, comes first."""
        if self.intent is None:
            return current
        return self.intent.version if self.intent.act == "activate" else self.intent.previous

    def last_good(self, other_than: str | None) -> str | None:
        """The good release that was activated last, ``other_than`` left aside."""
        good = [
            each for each in self.releases.values() if each.state == "good" and each.version != other_than
        ]
        return max(good, key=lambda each: each.order).version if good else None


def load(path: Path) -> State:
    """Read the state; an empty one where there is none."""
    data = read_json(path, None)
    if data is None:
        return State()
    try:
        if data["format"] != FORMAT:
            raise StrataError(
                f"Reading {path}: its format is {data['format']!r}, this release of Strata knows {FORMAT}."
            )
        return State(
            {version: Release(**each) for version, each in data["releases"].items()},
            Intent(**data["intent"]) if data["intent"] else None,
            data["replacing"],
            tuple(data["removing"]),
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise StrataError(f"Reading {path}: it is not a state file of Strata. Mend or remove it.") from error


def save(path: Path, state: State) -> State:
    """Write the state to disk for good, and hand it back."""
    data: dict[str, Any] = asdict(state)
    write_json(path, {"format": FORMAT, **data, "removing": list(state.removing)})
    return state
