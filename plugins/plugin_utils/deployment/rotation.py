# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rotation: which members are taken out of the balancers, which come back, and which stay recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    IN_THE_POOL,
    Deployment,
    Host,
    Record,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    Result,
    failure_reason,
    was_interrupted,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    ACTIVATE,
    DRAIN,
    HEAL,
    READ_POOLS,
    RECORD,
    RESTORE,
)


def members_to_heal(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The part of the record whose hosts may serve again, by balancer: what an earlier deployment left out."""
    fit = deployment.members_of([host for host in deployment.hosts if host.was_read and host.was_fit])
    return _part(deployment.record, lambda balancer, member: member in fit and balancer in deployment.pools)


def members_to_drain(deployment: Deployment, batch: Sequence[Host], version: str) -> list[str]:
    """The batch's members whose host changes when ``version`` is made to run there."""
    rolled_back = deployment.is_rollback or deployment.noted
    return deployment.members_of(
        [host for host in batch if host.needs_change(version) or (rolled_back and host.result(ACTIVATE))]
    )


def members_to_restore(deployment: Deployment, batch: Sequence[Host], drained: Sequence[str]) -> list[str]:
    """The drained members whose host is fit to serve: it was changed successfully, or is as it was before."""
    return [
        member
        for member in deployment.members_of([host for host in batch if host.is_fit])
        if member in drained
    ]


def to_record(deployment: Deployment, drained: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What is about to be taken out of rotation, by balancer: only members that are in rotation now.

    It is on disk before the first of them is drained, so that the next run can tell our drain from an operator's.
    """
    seen = last_seen(deployment)
    return {
        balancer: entry
        for balancer, members in deployment.pools.items()
        if (
            entry := {
                member: members[member].get("definition")
                for member in drained
                if member in members and seen.get((balancer, member)) in IN_THE_POOL
            }
        )
    }


def out_before(recorded: Record, drain: Result) -> dict[str, list[str]]:
    """Of the members that were recorded as about to be drained, those that were out already, by balancer.

    Somebody else took them out after the balancers were read, so they stay out and leave the record.

    Args:
        drain: what the drain of the batch registered; a balancer that did not answer tells nothing.
    """
    found = {}
    for item in drain.get("results") or []:
        before = item.get("before") or {}
        members = [
            member
            for member in recorded.get(_balancer(item), {})
            if member in before and before[member] not in IN_THE_POOL
        ]
        if members:
            found[_balancer(item)] = members
    return found


def without(record: Record, members: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """A record without these members."""
    return _part(record, lambda balancer, member: member not in members.get(balancer, ()))


def taken_out_by_us(members: Sequence[str], balancer: str, drain: Result | None, record: Record) -> list[str]:
    """Of the members those that Strata took out on this balancer: now, or in a deployment that died.

    A member that was out before the drain, and is not recorded, is an operator's.

    Args:
        drain: what the drain of the batch registered; None where there was none.
    """
    before: Mapping[str, str] = {}
    for item in (drain or {}).get("results") or []:
        if item.get("item") == balancer:
            before = item.get("before") or {}
    recorded = record.get(balancer, {})
    return [member for member in members if member in recorded or before.get(member) in IN_THE_POOL]


def in_rotation(reading: Result, member: str, drain: Result | None, record: Record) -> bool:
    """Whether a balancer sends a member requests, or an operator wants that it does not.

    Args:
        reading: what reading the balancer registered, its ``item`` being the balancer's host.
        drain: see `taken_out_by_us`.
        record: without any, it is unknown whose a drain is: a run that died leaves the same behind as an operator.
    """
    state = (reading.get("members") or {}).get(member, {}).get("state")
    if state == "drained":
        return bool(record) and not taken_out_by_us([member], reading["item"], drain, record)
    return state in ("ready", "maintenance")


def last_seen(deployment: Deployment) -> dict[tuple[str, str], str]:
    """The last known state of each member by balancer host and name; ``unknown`` where a balancer failed.

    A member stays ``drained`` where the balancer refused to put it back, or was not asked to.
    """
    seen: dict[tuple[str, str], str] = {
        (balancer, name): member["state"]
        for balancer, members in deployment.pools.items()
        for name, member in members.items()
    }
    for item in deployment.result(HEAL).get("results") or []:
        for name in deployment.record.get(_balancer(item), {}):
            _look(seen, item, name, restored=True)
    for host in deployment.hosts:
        for step in (DRAIN, RESTORE):
            for item in host.result(step).get("results") or []:
                if host.member:
                    _look(seen, item, host.member, restored=step is RESTORE)
    return seen


def _balancer(item: Result) -> str:
    return str(item.get("item"))


def _look(seen: dict[tuple[str, str], str], item: Result, member: str, *, restored: bool) -> None:
    key = (_balancer(item), member)
    if "members" in item:
        seen[key] = item["members"].get(member, {}).get("state", "unknown")
    elif failure_reason(item):
        begun = bool(item.get("changed"))
        if restored:
            # The balancer sets it ready first and then waits for it, so it may get requests already.
            drained = seen.get(key) == "drained" and not begun and not was_interrupted(item)
        else:
            drained = begun or seen.get(key) == "drained"
        seen[key] = "drained" if drained else "unknown"


def back_in_rotation(deployment: Deployment) -> dict[str, list[str]]:
    """The members that leave the record, by balancer: they are known to be in rotation again, are not ours, or are gone."""
    seen = last_seen(deployment)
    leaving: dict[str, set[str]] = {}
    back = _part(deployment.record, lambda balancer, member: seen.get((balancer, member)) in IN_THE_POOL)
    removed = {balancer: deployment.record[balancer] for balancer in _removed_balancers(deployment)}
    others = [host.result(RECORD).get("out_before") or {} for host in deployment.hosts]
    for members in (back, removed, members_gone(deployment), *others):
        for balancer, names in members.items():
            leaving.setdefault(balancer, set()).update(names)
    return {balancer: sorted(names) for balancer, names in leaving.items()}


def members_gone(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The part of the record that its balancer, which answered, no longer knows."""
    return _part(
        deployment.record,
        lambda balancer, member: balancer in deployment.pools and member not in deployment.pools[balancer],
    )


def still_out(deployment: Deployment) -> dict[str, dict[str, Any]]:
    """The part of the record that is not known to be back in rotation."""
    return without(deployment.record, back_in_rotation(deployment))


def _removed_balancers(deployment: Deployment) -> list[str]:
    """Recorded balancers that the inventory no longer has; one that does not answer is not forgotten."""
    if not deployment.result(READ_POOLS):
        return []
    return [balancer for balancer in deployment.record if balancer not in deployment.settings.balancers]


def _part(record: Record, wanted: Callable[[str, str], bool]) -> dict[str, dict[str, Any]]:
    part = {
        balancer: {member: entry for member, entry in members.items() if wanted(balancer, member)}
        for balancer, members in record.items()
    }
    return {balancer: members for balancer, members in part.items() if members}
