# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events: what was tried, on which hosts, and how it ended, in the order in which the controller saw it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.strata.deploy.plugins.module_utils._core.clock import utc_now
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment, Event
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    Result,
    failure_reason,
    was_skipped,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    CONTROLLER_STEPS,
    HOST_STEPS,
)


def with_new_events(deployment: Deployment) -> Deployment:
    """The deployment with the events that it has not noted yet; earlier ones are never changed."""
    known = {_identity(event) for event in deployment.events}
    new = tuple(event for event in _events(deployment, utc_now()) if _identity(event) not in known)
    return replace(deployment, events=deployment.events + new)


def _identity(event: Event) -> Event:
    return replace(event, noted="")


def _events(deployment: Deployment, now: str) -> Iterator[Event]:
    for step in CONTROLLER_STEPS:
        result = deployment.result(step)
        if result:
            yield Event(step.layer, step.tried, _outcome(result), now, reason=failure_reason(result))
    for step in HOST_STEPS:
        ended: dict[tuple[str, str | None], list[str]] = {}
        for host in deployment.hosts:
            result = host.result(step)
            if result:
                ended.setdefault((_outcome(result), failure_reason(result)), []).append(host.name)
        for (outcome, reason), hosts in ended.items():
            yield Event(step.layer, step.tried, outcome, now, tuple(hosts), reason)


def _outcome(result: Result) -> str:
    if failure_reason(result):
        return "failed"
    return "skipped" if was_skipped(result) else "succeeded"
