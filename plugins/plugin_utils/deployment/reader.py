# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one reader: builds a `Deployment` from the variables that the plays left behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    CONTROLLER,
    Deployment,
    Event,
    Failure,
    Host,
    Plan,
    Settings,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    Result,
    failure_reason,
    was_skipped,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    CONTROLLER_STEPS,
    HOST_STEPS,
    JUDGED_ELSEWHERE,
    SWITCH_FLAG,
    Step,
)

Variables = Mapping[str, Mapping[str, Any]]
"""A host's name -> its variables, as Ansible's ``hostvars``."""

REGISTERED = re.compile(r"__(analysis|artifact|db_migrate|deployment|feature_flag|fleet_rolling)_\w+")
"""How the names begin that the roles register."""
RESULT = "strata_deployment"
"""What the plays register the phases of the action `deployment` as, on the controller."""


def is_of_the_collection(name: str) -> bool:
    """Whether a variable is one that only the plays and roles of the collection set."""
    return name == RESULT or REGISTERED.fullmatch(name) is not None


def read_deployment(
    variables: Variables, opened: Mapping[str, Any], *, check_mode: bool = False
) -> Deployment:
    """The deployment as it stands.

    Args:
        opened: what an earlier phase of the action `deployment` returned; see `as_result`.
    """
    fleet = tuple(opened.get("fleet") or ())
    # Once: Ansible gathers a host's variables anew each time it is asked.
    variables = {host: variables.get(host) or {} for host in (CONTROLLER, *fleet)}
    selected = set(opened.get("selected", fleet))
    controller = variables[CONTROLLER]
    return Deployment(
        id=str(opened.get("id") or ""),
        app=str(opened.get("app") or ""),
        version=opened.get("version"),
        occasion=str(opened.get("occasion") or "deploy"),
        layers=tuple(opened.get("layers") or ()),
        check_mode=check_mode,
        settings=_settings(opened.get("settings") or {}),
        hosts=tuple(_host(name, variables[name], name in selected) for name in fleet),
        results=_results(controller, (*CONTROLLER_STEPS, SWITCH_FLAG)),
        record=_joined_record(opened, variables, fleet),
        unfinished=opened.get("unfinished") or {},
        contracted=opened.get("contracted"),
        plan=_plan(opened.get("plan")),
        noted=tuple(_failure(item) for item in opened.get("noted") or ()),
        events=tuple(Event(**{**item, "hosts": tuple(item["hosts"])}) for item in opened.get("events") or ()),
        unclassified=(*_failed_phase(opened), *_unclassified(variables, (CONTROLLER, *fleet))),
    )


def _host(name: str, own: Mapping[str, Any], selected: bool) -> Host:
    member = own.get("fleet_rolling_member")
    return Host(name, str(member) if member else None, selected, _results(own, HOST_STEPS))


def _results(own: Mapping[str, Any], steps: Sequence[Step]) -> dict[Step, Result]:
    return {step: own[step.register] for step in steps if isinstance(own.get(step.register), Mapping)}


def _settings(given: Mapping[str, Any]) -> Settings:
    known = {field.name for field in fields(Settings)}
    values: dict[str, Any] = {name: _frozen(value) for name, value in given.items() if name in known}
    return Settings(**values)


def _plan(given: Mapping[str, Any] | None) -> Plan | None:
    if given is None:
        return None
    values: dict[str, Any] = {name: _frozen(value) for name, value in given.items()}
    return Plan(**values)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value


def _failure(item: Mapping[str, Any]) -> Failure:
    return Failure(item["layer"], item["tried"], item["reason"], tuple(item["hosts"]))


def _joined_record(
    opened: Mapping[str, Any], variables: Variables, fleet: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """The record as it was when the lock was taken, and what each batch has added to it since."""
    joined: dict[str, dict[str, Any]] = {}
    batches = [variables[host].get("__fleet_rolling_batch") or {} for host in fleet]
    for record in (opened.get("record") or {}, *(batch.get("recorded") or {} for batch in batches)):
        for balancer, members in record.items():
            joined[balancer] = {**members, **joined.get(balancer, {})}
    return joined


def _failed_phase(opened: Mapping[str, Any]) -> Iterator[Failure]:
    if opened.get("failed"):
        yield Failure("open", "planning or settling the deployment", str(opened.get("msg")))


def _unclassified(variables: Variables, hosts: Sequence[str]) -> Iterator[Failure]:
    """Failed results that no table lists: a task that nobody thought of must not pass."""
    known = {step.register for step in (*HOST_STEPS, *CONTROLLER_STEPS)} | set(JUDGED_ELSEWHERE)
    for host in hosts:
        own = variables[host]
        for name in own:
            if not REGISTERED.fullmatch(name) or name in known:
                continue
            value = own[name]
            if isinstance(value, Mapping) and "changed" in value and not was_skipped(value):
                reason = failure_reason(value)
                if reason:
                    yield Failure("unknown", f"the task that registers {name}", reason, (host,))
