# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation: which members are taken out of the balancers, which may come back, and which stay recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import (
    CONTROLLER,
    Variables,
    failure_reason,
    interrupted,
    needs_change,
    succeeded,
)

Record = Mapping[str, Mapping[str, Any]]
"""Balancer host -> member -> the balancer's own definition of it: what Strata took out of rotation."""

IN_THE_POOL = ("ready", "down")
"""States of a member that nobody has taken out of rotation."""


def member_of(variables: Variables, host: str) -> str | None:
    """The name that the balancers know a host by; None for one that has no balancer."""
    member = variables.get(host, {}).get("fleet_rolling_member")
    return str(member) if member else None


def members_of(variables: Variables, hosts: Sequence[str]) -> list[str]:
    """The balancers' names of the hosts that have one."""
    members = [member_of(variables, host) for host in hosts]
    return [member for member in members if member]


def pools(variables: Variables) -> dict[str, Mapping[str, Any]]:
    """Balancer host -> member -> ``{state, sessions, definition}``, as read when the deployment was opened."""
    reading = variables.get(CONTROLLER, {}).get("__fleet_rolling_pool") or {}
    return {item["item"]: item["members"] for item in reading.get("results") or [] if succeeded(item)}


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


def members_to_drain(variables: Variables, batch: Sequence[str], version: str) -> list[str]:
    """The batch's members whose host would be changed by having ``version`` active."""
    hosts = [host for host in batch if needs_change(variables[host].get("__artifact_plan") or {}, version)]
    return members_of(variables, hosts)


def members_to_roll_back(variables: Variables, batch: Sequence[str], version: str) -> list[str]:
    """The batch's members whose host a rollback changes: what this deployment touched, or does not run ``version``."""
    hosts = [
        host
        for host in batch
        if variables[host].get("__artifact_activate")
        or needs_change(variables[host].get("__artifact_plan") or {}, version)
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


def in_rotation(
    reading: Mapping[str, Any], member: str, drain: Mapping[str, Any] | None, record: Record
) -> bool:
    """Whether a balancer sends a member requests, or an operator wants that it does not.

    Args:
        reading: what reading the balancer registered, its ``item`` being the balancer's host.
        drain: see `taken_out_by_us`.
        record: without any, a drain is nobody's: a run that died left the same behind as an operator would.
    """
    state = (reading.get("members") or {}).get(member, {}).get("state")
    if state == "drained":
        return bool(record) and not taken_out_by_us([member], reading["item"], drain, record)
    return state in ("ready", "maintenance")


def fit_to_serve(own: Mapping[str, Any]) -> bool:
    """Whether what a host runs may get requests again; its last change tells."""
    plan = own.get("__artifact_plan") or {}
    untouched = plan.get("healthy") is not False and bool(plan.get("current"))
    for register in ("__artifact_rollback", "__artifact_activate"):
        result = own.get(register)
        if result and not result.get("skipped"):
            return failure_reason(result) is None or (untouched and failed_before_the_switch(result))
    return untouched


def failed_before_the_switch(result: Mapping[str, Any]) -> bool:
    """Whether a failed activation or rollback has itself told that it changed nothing."""
    return result.get("untouched") is True


def intended_record(
    variables: Variables, fleet: Sequence[str], version: str, record: Record
) -> dict[str, Any]:
    """The former record and the members that are in rotation now and will be drained.

    It is on disk before the first of them is drained, so that the next run can tell ours from an operator's.
    What is recorded of a balancer that is no longer there is forgotten, but not of one that does not answer.
    """
    reading = variables.get(CONTROLLER, {}).get("__fleet_rolling_pool") or {}
    if failure_reason(reading) and not reading.get("results"):
        return dict(record)
    ours = members_to_drain(variables, [host for host in fleet if host in variables], version)
    seen = pools(variables)
    intended: dict[str, Any] = {}
    for balancer in [item["item"] for item in reading.get("results") or []]:
        members = seen.get(balancer, {})
        entry = dict(record.get(balancer, {}))
        for member in ours:
            if members.get(member, {}).get("state") in IN_THE_POOL:
                entry[member] = members[member].get("definition")
        if entry:
            intended[balancer] = entry
    return intended


def last_seen(variables: Variables, fleet: Sequence[str]) -> dict[tuple[str, str], str]:
    """The last state of each member by balancer host and name; ``unknown`` where a balancer failed.

    Unless it had drained the member, and has refused to put it back or was not asked.
    """
    seen: dict[tuple[str, str], str] = {
        (balancer, name): member["state"]
        for balancer, members in pools(variables).items()
        for name, member in members.items()
    }
    for host in fleet:
        member = member_of(variables, host)
        for register in ("__fleet_rolling_drain", "__fleet_rolling_restore"):
            for item in (variables.get(host, {}).get(register) or {}).get("results") or []:
                if not member:
                    continue
                key = (item["item"], member)
                if "members" in item:
                    seen[key] = item["members"].get(member, {}).get("state", "unknown")
                elif failure_reason(item):
                    begun = bool(item.get("changed"))
                    if register == "__fleet_rolling_drain":
                        drained = begun or seen.get(key) == "drained"
                    else:
                        # It is set ready first and waited for then, so it may get requests already.
                        drained = seen.get(key) == "drained" and not begun and not interrupted(item)
                    seen[key] = "drained" if drained else "unknown"
    return seen


def remaining_record(variables: Variables, fleet: Sequence[str], record: Record) -> dict[str, Any]:
    """The part of the record that is not known to be back in rotation, by the last reading of each balancer."""
    seen = last_seen(variables, fleet)
    kept = {
        balancer: {
            name: entry for name, entry in members.items() if seen.get((balancer, name)) not in IN_THE_POOL
        }
        for balancer, members in record.items()
    }
    return {balancer: members for balancer, members in kept.items() if members}


def restored_members(record: Record, remaining: Record) -> dict[str, list[str]]:
    """The members of a record that are not in what remains of it, by balancer, as `deploy_lock` wants them."""
    gone = {
        balancer: [member for member in members if member not in remaining.get(balancer, {})]
        for balancer, members in record.items()
    }
    return {balancer: members for balancer, members in gone.items() if members}


def batch_to_analyse(variables: Variables, batch: Sequence[str]) -> bool:
    """Whether the batch was changed, all of it with success, and is back in rotation."""
    activated = [variables[host].get("__artifact_activate") for host in batch]
    restored = [variables[host].get("__fleet_rolling_restore") for host in batch]
    if any(failure_reason(result) for result in activated + restored):
        return False
    return any((result or {}).get("changed") for result in activated + restored)
