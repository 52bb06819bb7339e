# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an app is on a host, without changing or waiting for anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck, probe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import (
    Activation,
    service_of,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import (
    Layout,
    validate_shared,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import os_errors_named
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.recovery import read
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Release, State
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@dataclass(frozen=True)
class Description:
    """See the module release_info for the fields."""

    current: dict[str, Any] | None
    releases: list[dict[str, Any]]
    rollback_target: str | None
    pending: dict[str, Any] | None
    healthy: bool | None
    health_detail: str
    service_state: str | None
    service_detail: str
    migrations: list[str] | None


@dataclass(frozen=True)
class StateOnDisk:
    """The current release and the unfinished change of it, in the form that `Description` has them."""

    current: dict[str, Any] | None
    pending: dict[str, Any] | None

    @property
    def is_settled(self) -> bool:
        """Whether a good release is current and nothing is unfinished."""
        return self.current is not None and self.current["state"] == "good" and self.pending is None


def state_on_disk(root: str) -> StateOnDisk:
    """What is current on this host now; nothing where that cannot be read, for use after a failure."""
    try:
        _layout, state, current = _read(root)
    except StrataError:
        return StateOnDisk(None, None)
    return StateOnDisk(*_current_and_pending(state, current))


def describe(
    root: str,
    *,
    service: ServiceOptions | None = None,
    health: HealthCheck | None = None,
    migrations: str | None = None,
) -> Description:
    """Read the state, ask the supervisor and the health URL once.

    A supervisor that does not answer, or answers badly, is part of the report and not an error.
    """
    if migrations:
        validate_shared((migrations,))
    layout, state, current = _read(root)
    with os_errors_named(f"Reading the releases under {root}"):
        names = _migrations(layout.release(current) / migrations) if current and migrations else []
    newest_first = sorted(
        state.releases.values(), key=lambda each: (each.order, each.staged_at), reverse=True
    )
    healthy, health_detail = _health(health, current, state.releases.get(current or ""))
    service_state, service_detail = _service(
        layout, current or "", state.releases.get(current or ""), service
    )
    summary, pending = _current_and_pending(state, current)
    return Description(
        current=summary,
        releases=[_entry(each) for each in newest_first],
        rollback_target=state.last_good(state.left(current)),
        pending=pending,
        healthy=healthy,
        health_detail=health_detail,
        service_state=service_state,
        service_detail=service_detail,
        migrations=names,
    )


def needs_change(reading: Mapping[str, Any], version: str | None) -> bool:
    """Whether activating ``version`` would change anything on a host, from the fields of its `Description`.

    True wherever `release` would restart the service, because a member in rotation must not be restarted.
    """
    current = reading.get("current") or {}
    return (
        current.get("version") != version
        or current.get("state") != "good"
        or bool(reading.get("pending"))
        or reading.get("healthy") is False
        or reading.get("service_state") in ("stopped", "failed")
    )


def _read(root: str) -> tuple[Layout, State, str | None]:
    """The folders of an app, what is recorded of its releases, and which one is current."""
    layout = Layout(root)
    with os_errors_named(f"Reading the releases under {root}"):
        state = read(layout)
        return layout, state, layout.current()


def _current_and_pending(
    state: State, current: str | None
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    return (
        _summary(state.releases.get(current), current) if current else None,
        asdict(state.intent) if state.intent else None,
    )


def _entry(release: Release) -> dict[str, Any]:
    entry = asdict(release)
    del entry["digests"], entry["order"]
    staged = datetime.strptime(release.staged_at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    age = int((datetime.now(timezone.utc) - staged).total_seconds())
    return {**entry, "files": sorted(release.files), "age": max(age, 0)}


def _summary(release: Release | None, version: str) -> dict[str, Any]:
    return {
        "version": version,
        "state": release.state if release else "unknown",
        "since": release.activated_at if release else None,
        "checksum": release.checksum if release else None,
        "deployed_by": release.deployed_by if release else None,
    }


def _migrations(folder: Path) -> list[str] | None:
    return sorted(each.name for each in folder.glob("*.sql")) if folder.is_dir() else None


def _health(
    check: HealthCheck | None, current: str | None, release: Release | None
) -> tuple[bool | None, str]:
    check = Activation(health=check).check_for(current or "none", release)
    if check is None:
        return None, ""
    answer = probe(check)
    return answer.healthy, answer.detail


def _service(
    layout: Layout, current: str, release: Release | None, options: ServiceOptions | None
) -> tuple[str | None, str]:
    service = service_of(layout, current, release, Activation(options))
    if service is None:
        return None, ""
    try:
        status = service.status()
    except StrataError as error:
        return "unknown", str(error)
    return status.phase, status.detail
