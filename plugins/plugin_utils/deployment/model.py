# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment: one frozen object that holds everything that a run knows.

`reader.read_deployment` builds it from what the plays registered. The plan, the batches, the verdict, the report, the
journal entry and the status are functions of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import needs_change
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    Result,
    failure_reason,
    succeeded,
    was_skipped,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    ACTIVATE,
    READ,
    READ_POOLS,
    ROLL_BACK,
    Step,
)

CONTROLLER = "localhost"

Record = Mapping[str, Mapping[str, Any]]
"""Balancer host -> member -> the balancer's own definition of it: what Strata took out of rotation."""

IN_THE_POOL = ("ready", "down")
"""States of a member that nobody has taken out of rotation."""


@dataclass(frozen=True)
class Host:
    """A host of the fleet, with what each step registered on it.

    Args:
        member: the name that the balancers know it by; None for a host without a balancer.
        selected: whether ``--limit`` leaves it in the run.
    """

    name: str
    member: str | None = None
    selected: bool = True
    results: Mapping[Step, Result] = field(default_factory=dict)

    def result(self, step: Step) -> Result:
        return self.results.get(step) or {}

    @property
    def reading(self) -> Result:
        """What `release_info` said of it when the deployment was planned; empty where it was not read."""
        return self.result(READ)

    @property
    def was_read(self) -> bool:
        return succeeded(self.reading)

    @property
    def version(self) -> str | None:
        """The version that it runs, as far as this deployment saw; None where none does, or it is unknown."""
        for step in (ROLL_BACK, ACTIVATE):
            result = self.result(step)
            if succeeded(result):
                return str(result["version"])
            if failure_reason(result) and result.get("changed"):
                return f"{result.get('version', 'an unknown release')} (failed)"
        return (self.reading.get("current") or {}).get("version")

    @property
    def was_touched(self) -> bool:
        """Whether this deployment changed what it runs, or tried to."""
        return any(
            failure_reason(result) or (succeeded(result) and result.get("changed"))
            for result in (self.result(ACTIVATE), self.result(ROLL_BACK))
        )

    @property
    def was_rolled_back(self) -> bool:
        return succeeded(self.result(ROLL_BACK))

    def needs_change(self, version: str) -> bool:
        return needs_change(self.reading, version)

    @property
    def was_fit(self) -> bool:
        """Whether it ran a good release, and was well, when it was read."""
        return is_fit(self.reading)

    @property
    def is_fit(self) -> bool:
        """Whether it may get requests now: the state that its last change left on its disk decides.

        A failed change leaves a host fit only where its disk shows the good release that ran before.
        """
        for step in (ROLL_BACK, ACTIVATE):
            result = self.result(step)
            if not result or was_skipped(result):
                continue
            if failure_reason(result) is None:
                return True
            return result.get("untouched") is True and self.was_fit and self._runs_as_before(result)
        return self.was_fit

    def _runs_as_before(self, result: Result) -> bool:
        before, now = self.reading.get("current") or {}, result.get("current") or {}
        return not result.get("pending") and now.get("version") == before.get("version")


def is_fit(reading: Result) -> bool:
    """Whether a host may get requests: no change is half done, and nothing is known to be unwell.

    A release of which nothing is recorded is one that ran before Strata came; one that is only staged never served.
    """
    current = reading.get("current") or {}
    return current.get("state") in ("good", "unknown") and not needs_change(
        {**reading, "current": {**current, "state": "good"}}, current.get("version")
    )


@dataclass(frozen=True)
class Settings:
    """What was asked for, as far as the parts of a deployment need it; fixed when it is opened.

    Args:
        phase: the migrations that the database layer applies, ``expand`` or ``contract``.
        contract_from: the first version that does not need the old schema; by default the deployed one.
        allow_old_code: whether a contraction may leave a release without what it needs, if no host runs it.
        backup: whether the database is backed up before it changes.
        analysed: whether there is an analysis to run after a batch.
    """

    batches: tuple[int | str, ...] = (1, "25%", "100%")
    min_ready: int | str = 1
    policy: str = "rollback_fleet"
    balancers: tuple[str, ...] = ()
    features: tuple[Mapping[str, Any], ...] = ()
    database_host: str = CONTROLLER
    phase: str = "expand"
    contract_from: str | None = None
    allow_old_code: bool = False
    backup: bool = False
    analysed: bool = False


@dataclass(frozen=True)
class Failure:
    """What went wrong where: ``hosts`` is empty for a step that concerns no single host."""

    layer: str
    tried: str
    reason: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Event:
    """A step that was taken, on which hosts, and how it ended.

    Args:
        outcome: ``succeeded``, ``failed`` or ``skipped``.
        noted: when the controller first saw the outcome, UTC in ISO 8601.
    """

    layer: str
    tried: str
    outcome: str
    noted: str
    hosts: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Verdict:
    """What a deployment concludes, derived from its results each time it is asked for."""

    failures: tuple[Failure, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.failures


@dataclass(frozen=True)
class Plan:
    """What a deployment is going to do; computed once, before its first change.

    Args:
        version: the release that the fleet is to run; of a rollback, the one that it goes back to.
        problems: reasons why it must not begin.
        lines: the plan for a person to read.
        fleet_hosts: hosts of the fleet layer that will change, in the order in which they are rolled.
        heal: members that an earlier deployment took out of rotation and whose host may serve again.
        steps: the steps of the features' rollouts that are still ahead.
        contracted: the version to be written down as the first that does not need the old schema.
    """

    version: str | None = None
    problems: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    fleet_hosts: tuple[str, ...] = ()
    batches: tuple[tuple[str, ...], ...] = ()
    batch_sizes: tuple[int | str, ...] = (1,)
    heal: Record = field(default_factory=dict)
    steps: tuple[Mapping[str, Any], ...] = ()
    contracted: str | None = None


@dataclass(frozen=True)
class Deployment:
    """One run, from what it was asked for to how it ended.

    Args:
        id: identifier of the run; empty where a role is used alone, without a lock and a journal.
        occasion: what the journal calls the run: ``deploy``, ``rollback artifact``, ``contract`` ...
        hosts: the fleet, in the inventory's order.
        results: what each step registered on the controller.
        record: what is written down as taken out of rotation, by this run or an earlier one.
        unfinished: the lock of a run that died and whose lock this one took over; empty where there was none.
        contracted: the version from which on releases work with the schema, where it was contracted before.
        plan: None before it was planned.
        noted: failures that were seen before later steps registered over them.
        events: what was seen so far, in that order.
        unclassified: failed results that no table of steps lists, by their name and host.
    """

    id: str = ""
    app: str = ""
    version: str | None = None
    occasion: str = "deploy"
    layers: tuple[str, ...] = ()
    check_mode: bool = False
    settings: Settings = field(default_factory=Settings)
    hosts: tuple[Host, ...] = ()
    results: Mapping[Step, Result] = field(default_factory=dict)
    record: Record = field(default_factory=dict)
    unfinished: Mapping[str, Any] = field(default_factory=dict)
    contracted: str | None = None
    plan: Plan | None = None
    noted: tuple[Failure, ...] = ()
    events: tuple[Event, ...] = ()
    unclassified: tuple[Failure, ...] = ()

    def result(self, step: Step) -> Result:
        """What a step registered on the controller; empty where it registered nothing."""
        return self.results.get(step) or {}

    @cached_property
    def by_name(self) -> Mapping[str, Host]:
        return {host.name: host for host in self.hosts}

    def named(self, names: Sequence[str]) -> tuple[Host, ...]:
        return tuple(self.by_name[name] for name in names if name in self.by_name)

    @property
    def is_rollback(self) -> bool:
        return self.occasion.startswith("rollback")

    @property
    def target(self) -> str | None:
        """The release that the fleet is to run."""
        return self.plan.version if self.plan and self.plan.version else self.version

    @cached_property
    def pools(self) -> Mapping[str, Mapping[str, Any]]:
        """Balancer host -> member -> ``{state, sessions, definition, backup}``, as read when it was planned."""
        items = self.result(READ_POOLS).get("results") or []
        return {item["item"]: item["members"] for item in items if succeeded(item)}

    def members_of(self, hosts: Sequence[Host]) -> list[str]:
        """The balancers' names of the hosts that have one."""
        return [host.member for host in hosts if host.member]
