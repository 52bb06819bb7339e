# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment is going to do, from what its read-only tasks registered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._deployment.verdict import (
    CONTROLLER,
    Variables,
    failure_reason,
    needs_change,
    running,
    succeeded,
)

Record = Mapping[str, Mapping[str, Any]]
"""Balancer host -> member -> the balancer's own definition of it: what Strata took out of rotation."""

IN_THE_POOL = ("ready", "down")
"""States of a member that nobody has taken out of rotation."""

DEFAULT_BATCHES: tuple[int | str, ...] = (1, "25%", "100%")


@dataclass(frozen=True)
class Plan:
    """What will change, as lines for a person; ``problems`` are reasons not to begin."""

    problems: tuple[str, ...]
    lines: tuple[str, ...]
    record: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def fleet_option(variables: Variables, fleet: Sequence[str], name: str, default: Any) -> Any:
    """An option of the whole fleet, for play keywords: the first host's that has it."""
    return next((own[name] for own in (variables.get(host, {}) for host in fleet) if name in own), default)


def batches(variables: Variables, fleet: Sequence[str]) -> list[int | str]:
    """The sizes of the batches, for ``serial``."""
    return list(fleet_option(variables, fleet, "fleet_rolling_batches", DEFAULT_BATCHES))


def member_of(variables: Variables, host: str) -> str | None:
    """The name that the balancers know a host by; None for one that has no balancer."""
    member = variables.get(host, {}).get("fleet_rolling_member")
    return str(member) if member else None


def pools(variables: Variables) -> dict[str, Mapping[str, Any]]:
    """Balancer host -> member -> ``{state, sessions, definition}``, as read when the deployment was opened."""
    reading = variables.get(CONTROLLER, {}).get("__fleet_rolling_pool") or {}
    return {item["item"]: item["members"] for item in reading.get("results") or [] if succeeded(item)}


def members_of(variables: Variables, hosts: Sequence[str]) -> list[str]:
    """The balancers' names of the hosts that have one."""
    members = [member_of(variables, host) for host in hosts]
    return [member for member in members if member]


def stranded_members(variables: Variables, fleet: Sequence[str], record: Record) -> list[str]:
    """Members that a dead deployment drained and whose host now runs a good release, healthy."""
    recorded = {member for members in record.values() for member in members}
    found = []
    for host in fleet:
        plan = variables.get(host, {}).get("__artifact_plan") or {}
        current = plan.get("current") or {}
        member = member_of(variables, host)
        if (
            member in recorded
            and plan.get("healthy")
            and current.get("state") == "good"
            and not plan.get("pending")
        ):
            found.append(str(member))
    return found


def members_to_drain(variables: Variables, batch: Sequence[str], version: str | None) -> list[str]:
    """The batch's members whose host would be changed by activating ``version``.

    Without a version every member of the batch: a rollback, which changes each host that it visits.
    """
    hosts = [
        host
        for host in batch
        if version is None or needs_change(variables[host].get("__artifact_plan") or {}, version)
    ]
    return members_of(variables, hosts)


def members_to_restore(variables: Variables, batch: Sequence[str], drained: Sequence[str]) -> list[str]:
    """Of the drained members those whose host is fit to serve: it was changed with success, or not touched."""
    fit = members_of(variables, [host for host in batch if fit_to_serve(variables[host])])
    return [member for member in fit if member in drained]


def taken_out_by_us(
    members: Sequence[str], balancer: str, drain: Mapping[str, Any] | None, record: Record
) -> list[str]:
    """Of the members those that Strata took out on this balancer: now, or in a deployment that died.

    One that was out before the drain, and is not recorded, is an operator's.

    Args:
        drain: what the drain of the batch registered; None where there was none.
    """
    before: dict[str, str] = {}
    for item in (drain or {}).get("results") or []:
        if item.get("item") == balancer:
            before = item.get("before") or {}
    recorded = record.get(balancer, {})
    return [member for member in members if member in recorded or before.get(member) in IN_THE_POOL]


def fit_to_serve(own: Mapping[str, Any]) -> bool:
    """Whether what a host runs may get requests again; its last change tells."""
    for register in ("__artifact_rollback", "__artifact_activate"):
        result = own.get(register)
        if result and not result.get("skipped"):
            return failure_reason(result) is None
    plan = own.get("__artifact_plan") or {}
    return plan.get("healthy") is not False and bool(plan.get("current"))


def deployment_plan(
    variables: Variables,
    fleet: Sequence[str],
    *,
    app: str,
    version: str | None,
    layers: Sequence[str],
    features: Sequence[Mapping[str, Any]],
    record: Record,
    occasion: str = "deploy",
) -> Plan:
    """The whole plan, and every reason why it must not be carried out."""
    controller = variables.get(CONTROLLER, {})
    problems: list[str] = []
    lines = [f"{app} {version}" if version else app]
    if "database" in layers:
        lines.append(_database_line(controller))
    if occasion == "contract":
        problems += _old_code(variables, fleet, str(version))
    if {"artifact", "fleet"} & set(layers):
        lines += [f"{'fleet':<9} {line}" for line in _host_lines(variables, fleet, str(version))]
        problems += _unknown_members(variables, fleet)
    if "feature" in layers:
        lines += [f"{'feature':<9} {line}" for line in _feature_lines(controller, features)]
    return Plan(tuple(problems), tuple(lines), _intended_record(variables, fleet, version, record))


def _database_line(controller: Mapping[str, Any]) -> str:
    plan = controller.get("__db_migrate_plan") or {}
    pending = plan.get("pending") or []
    at = plan.get("version") or "an empty schema"
    if not pending:
        return f"{'database':<9} at {at}, nothing pending"
    return f"{'database':<9} at {at}, pending: {', '.join(pending)}"


def _host_lines(variables: Variables, fleet: Sequence[str], version: str) -> list[str]:
    lines = []
    for host in fleet:
        plan = variables.get(host, {}).get("__artifact_plan")
        if plan is None:
            lines.append(f"{host}: left out by --limit")
        elif failure_reason(plan):
            lines.append(f"{host}: not read")
        elif not needs_change(plan, version):
            lines.append(f"{host}: {version}, unchanged")
        else:
            before = running(variables, host) or "nothing"
            why = ", unhealthy" if before == version else ""
            lines.append(f"{host}: {before} -> {version}{why}")
    return lines


def _old_code(variables: Variables, fleet: Sequence[str], version: str) -> list[str]:
    """Hosts whose release may still need what a contract migration takes away."""
    return [
        f"{host} runs {running(variables, host) or 'nothing'}, not {version}: "
        "contract the database only when the whole fleet runs the release whose migrations these are."
        for host in fleet
        if running(variables, host) != version
    ]


def _unknown_members(variables: Variables, fleet: Sequence[str]) -> list[str]:
    problems = []
    for balancer, members in sorted(pools(variables).items()):
        for host in fleet:
            member = member_of(variables, host)
            if member and variables[host].get("__artifact_plan") is not None and member not in members:
                problems.append(
                    f"The balancer {balancer} does not know the member '{member}' of {host}. "
                    f"Its pool has: {', '.join(sorted(members)) or 'nobody'}. "
                    "Add it to the balancer, or mend fleet_rolling_member."
                )
    return problems


def _feature_lines(controller: Mapping[str, Any], features: Sequence[Mapping[str, Any]]) -> list[str]:
    flags = (controller.get("__feature_flag_plan") or {}).get("flags") or {}
    lines = []
    for feature in features:
        now = flag_summary(flags.get(feature["name"]) or {"state": "absent"})
        steps = steps_of(feature, flags.get(feature["name"]))
        to = " -> ".join(f"{step}%" for step in steps)
        lines.append(
            f"{feature['name']}: {now}, unchanged" if not steps else f"{feature['name']}: {now} -> {to}"
        )
    return lines or ["none"]


def flag_summary(flag: Mapping[str, Any]) -> str:
    """A flag's state in a word: ``on``, ``off``, ``absent`` or a percentage."""
    return f"{flag['percentage']:g}%" if flag["state"] == "partial" else str(flag["state"])


def steps_of(feature: Mapping[str, Any], flag: Mapping[str, Any] | None) -> list[int]:
    """The steps of a feature's rollout that are still ahead; none once its last one is reached."""
    rollout = list(feature.get("rollout") or [100])
    state = (flag or {}).get("state", "absent")
    reached = {"on": 100, "partial": (flag or {}).get("percentage", 0), "off": 0}.get(state, -1)
    if reached == rollout[-1]:
        return []
    return [step for step in rollout if step > reached] or rollout[-1:]


def feature_steps(flags: Mapping[str, Any], features: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Every step of every feature that is still ahead, in order: ``{name, percentage, bake}``."""
    return [
        {"name": feature["name"], "percentage": step, "bake": feature.get("bake", 0)}
        for feature in features
        for step in steps_of(feature, flags.get(feature["name"]))
    ]


def _intended_record(
    variables: Variables, fleet: Sequence[str], version: str | None, record: Record
) -> dict[str, Any]:
    """The former record and the members that are in rotation now and will be drained.

    It is on disk before the first of them is drained, so that the next run can tell ours from an operator's.
    """
    intended: dict[str, Any] = {balancer: dict(members) for balancer, members in record.items()}
    ours = members_to_drain(variables, [host for host in fleet if host in variables], version)
    for balancer, members in pools(variables).items():
        entry = intended.setdefault(balancer, {})
        for member in ours:
            if members.get(member, {}).get("state") in IN_THE_POOL:
                entry[member] = members[member].get("definition")
    return {balancer: members for balancer, members in intended.items() if members}


def remaining_record(variables: Variables, fleet: Sequence[str], record: Record) -> dict[str, Any]:
    """The part of the record that is still out of rotation, by the last reading of each balancer."""
    seen: dict[str, dict[str, str]] = {}
    for balancer, members in pools(variables).items():
        seen[balancer] = {name: member["state"] for name, member in members.items()}
    for host in fleet:
        member = member_of(variables, host)
        for register in ("__fleet_rolling_drain", "__fleet_rolling_restore"):
            result = variables.get(host, {}).get(register) or {}
            for item in result.get("results") or []:
                state = (item.get("members") or {}).get(member, {}).get("state")
                if state and not item.get("skipped"):
                    seen.setdefault(item["item"], {})[str(member)] = state
    kept = {
        balancer: {m: d for m, d in members.items() if seen.get(balancer, {}).get(m) not in IN_THE_POOL}
        for balancer, members in record.items()
    }
    return {balancer: members for balancer, members in kept.items() if members}


def batch_to_analyse(variables: Variables, batch: Sequence[str]) -> bool:
    """Whether the batch was changed, all of it with success, and is back in rotation."""
    activated = [variables[host].get("__artifact_activate") for host in batch]
    restored = [variables[host].get("__fleet_rolling_restore") for host in batch]
    if any(failure_reason(result) for result in activated + restored):
        return False
    return any((result or {}).get("changed") for result in activated + restored)
