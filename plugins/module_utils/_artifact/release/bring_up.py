# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing a release up: the switch, the restart, and the health of the new process."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck, probe, wait
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import installer
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import ReleaseChange
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Release, State
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import connect
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    NotingService,
    OverlappingService,
    Service,
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch, with_log
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SETTLED_WAIT = 3.0
"""Seconds in which a release that should be healthy may show it before it is restarted."""


@dataclass(frozen=True)
class Activation:
    """How a release of one app is brought up on this host; ``quiesce`` runs before the service is touched."""

    service: ServiceOptions | None = None
    health: HealthCheck | None = None
    quiesce: tuple[str, ...] = ()
    quiesce_timeout: float = 60.0
    deployment: str | None = None

    def validate(self) -> None:
        connect(self.service)

    def doubts(self, service: Service | None, status: Status | None) -> tuple[str, ...]:
        """What an activation that ended with this status could not verify, for the operator to know."""
        if service is None or (self.health and self.health.version_header):
            return ()
        doubt = service.doubt(status, probed=self.health is not None)
        return (doubt,) if doubt else ()

    def check_for(self, version: str, release: Release | None = None) -> HealthCheck | None:
        if self.health is None:
            return None
        check = replace(self.health, version=version)
        if release and release.adopted:
            # What another tool called it by, its code cannot know.
            check = replace(check, version_header=None)
        check.validate()
        return check


def verified(status: Status | None, check: HealthCheck | None) -> dict[str, Any] | None:
    """The health of a release that should be healthy; None if it is not, or its service does not run."""
    if status and status.phase in ("stopped", "failed"):
        return None
    if check is None:
        return {"attempts": 0}
    try:
        return asdict(wait(replace(check, timeout=min(check.timeout, SETTLED_WAIT))))
    except StrataError:
        return None


def service_of(layout: Layout, version: str, release: Release | None, how: Activation) -> Service | None:
    """What runs this version; of one that is not staged yet, or whose folder is gone, what the options say."""
    options = how.service and replace(
        how.service, version=version, folder=str(layout.link), notes=str(layout.private)
    )
    if release is None or not layout.release(version).is_dir():
        return connect(options)
    return installer(release.kind).service(layout.release(version), options)


def is_linked(state: State, release: Release | None, how: Activation) -> bool:
    """Whether what is current was switched to already: by this deployment, or it is ``release`` and good."""
    if state.intent:
        return state.intent.linked and state.intent.deployment == how.deployment
    return release is not None and release.state == "good"


def link(layout: Layout, release: Release) -> None:
    """Have the release current, with all that its kind needs, before its service is restarted."""
    layout.switch(release.version)
    installer(release.kind).install(layout.release(release.version))


def bring_up(service: Service | None, check: HealthCheck | None) -> tuple[Status | None, dict[str, Any]]:
    """Restart the service, and wait until the new process is healthy."""
    if service is None:
        return None, asdict(wait(check)) if check else {}
    former = service.status()
    try:
        service.restart(lambda: _expect_silence(check))
    except StrataError as error:
        raise _lost(service, error) from error
    watch = Watch(service, former)
    if isinstance(service, OverlappingService):
        _relay(service, watch, check)
    health: dict[str, Any] = {}
    if check is None:
        status = watch.running(service.options.timeout)
    else:
        try:
            health = asdict(wait(check, watch.alive))
        except StrataError as error:
            raise with_log(error, service) from error
        status = service.status()
    if isinstance(service, NotingService):
        service.finish()
    return status, health


def _relay(service: OverlappingService, watch: Watch, check: HealthCheck | None) -> None:
    """Have the old process end once the new one is up beside it; if it does not come up, the new one ends."""
    try:
        if check and check.version_header:
            # Answers of the old one are among those of the new one still.
            wait(replace(check, successes=1), watch.alive)
        else:
            watch.running(service.options.timeout)
    except StrataError as error:
        raise _lost(service, error) from error
    service.take_over()


def _lost(service: Service, error: StrataError) -> StrataError:
    """The error with the last lines of the new process, which then has to give way to an old one that still serves."""
    error = with_log(error, service)
    if isinstance(service, OverlappingService):
        try:
            service.give_way()
        except StrataError as problem:
            return StrataError(f"{error}\nIt may serve beside the old one still. {problem}", **error.details)
    return error


def _expect_silence(check: HealthCheck | None) -> None:
    """While the service is stopped nobody may pass its health check, or the next verdict would be about another."""
    if check is None:
        return
    deadline = time.monotonic() + check.timeout
    while probe(check, timeout=1.0).healthy:
        if time.monotonic() >= deadline:
            raise StrataError(
                f"{urls.shown(check.url)} still answers as healthy after the service was stopped: another process"
                " answers there, a left-over child perhaps. End it, or correct the URL."
            )
        time.sleep(check.interval)


def outcome_of(
    changed: bool,
    before: dict[str, Any],
    after: dict[str, Any],
    version: str,
    previous: str | None,
    service: Service | None,
    status: Status | None,
    health: dict[str, Any],
) -> ReleaseChange:
    if changed and before == after:
        # Only restarted, for it was not healthy or not finished.
        before, after = {**before, "healthy": False}, {**after, "healthy": True}
    found = None
    if status and service:
        found = {
            "name": service.options.name,
            "manager": service.options.manager,
            "state": status.phase,
            "pid": status.pid,
        }
    checked = None
    if "last" in health:
        checked = {"attempts": health["attempts"], "seconds": health["seconds"], **health["last"]}
    return ReleaseChange(changed, before, after, version, previous, "good", found, checked)
