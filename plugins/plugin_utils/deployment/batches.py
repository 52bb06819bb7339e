# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches: how the fleet is cut, and whether the balancers can spare each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import (
    IN_THE_POOL,
    Deployment,
    Host,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    last_seen,
    members_to_drain,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import ROLL_BACK


def cut(hosts: Sequence[str], sizes: Sequence[int | str]) -> list[list[str]]:
    """Cut hosts into batches as Ansible's ``serial`` does: percentages round down, to 1 at least, the last repeats."""
    found: list[list[str]] = []
    rest, number = list(hosts), 0
    while rest:
        size = sizes[min(number, len(sizes) - 1)]
        count = (
            len(hosts) * int(size[:-1]) // 100 if isinstance(size, str) and size.endswith("%") else int(size)
        )
        found.append(rest[: max(1, count)])
        rest, number = rest[max(1, count) :], number + 1
    return found


def capacity_problems(deployment: Deployment, hosts: Sequence[str], version: str) -> list[str]:
    """Batches that a balancer could not spare, said before the first one is drained.

    What a batch puts back counts for the next ones: a member that was down, or that a dead deployment drained.
    """
    settings = deployment.settings
    problems = []
    for balancer, pool in sorted(deployment.pools.items()):
        members = counted(pool)
        ready = {name for name, member in members.items() if member["state"] == "ready"}
        ours = {name for name, member in members.items() if member["state"] in IN_THE_POOL}
        ours |= set(deployment.record.get(balancer, {})) & set(members)
        minimum = at_least(settings.min_ready, len(members))
        for number, batch in enumerate(cut(hosts, settings.batches), start=1):
            changing = set(members_to_drain(deployment, deployment.named(batch), version))
            left = len(ready - changing)
            if ready & changing and left < minimum:
                problems.append(
                    f"Batch {number} ({', '.join(batch)}) would leave {left} of {len(members)} "
                    f"members ready on {balancer}, and fleet_rolling_min_ready asks for {minimum}. "
                    "Make the batches smaller (fleet_rolling_batches) or ask for less."
                )
            ready |= changing & ours
    return problems


def hosts_to_settle(deployment: Deployment) -> list[Host]:
    """The hosts that the failure policy rolls back, those that are out of rotation first.

    A host that is out already costs no capacity, and once it is back the next one can be drained. ``rollback_fleet``
    settles every host that was touched and is not back yet; ``halt`` settles none. An unreachable host is tried, too:
    it may be back.
    """
    if deployment.settings.policy != "rollback_fleet":
        return []
    out = members_out(deployment)
    left = [host for host in deployment.hosts if host.was_touched and not _is_settled(host, out)]
    return sorted(left, key=lambda host: not _costs_nothing(host, out))


def members_out(deployment: Deployment) -> set[str]:
    """The members of the fleet that are not in rotation on some balancer, or of which that is unknown."""
    fleet = set(deployment.members_of(deployment.hosts))
    return {
        member
        for (_balancer, member), state in last_seen(deployment).items()
        if member in fleet and state not in IN_THE_POOL
    }


def _costs_nothing(host: Host, out: set[str]) -> bool:
    return host.member is None or host.member in out


def _is_settled(host: Host, out: set[str]) -> bool:
    return host.was_rolled_back and host.member not in out


def settle_version(host: Host) -> str:
    """The release that settling rolls a host back to; empty for its last known good one.

    It is what ran before, because a failed host may not have been switched at all. A second round goes for the same
    release as the first, so that no host goes back twice.
    """
    tried = host.result(ROLL_BACK).get("version")
    before = host.reading.get("current") or {}
    return str(tried or (before.get("version") if before.get("state") == "good" else "") or "")


def settle_batch_sizes(deployment: Deployment, hosts: Sequence[Host]) -> list[int]:
    """The sizes of the batches in which ``hosts``, from `hosts_to_settle`, are rolled back.

    First all that are out of rotation, then as many at a time as every balancer can spare.
    """
    out = members_out(deployment)
    first = len([host for host in hosts if _costs_nothing(host, out)])
    names = [host.name for host in hosts]
    largest = max((len(batch) for batch in cut(names, deployment.settings.batches)), default=1)
    seen = last_seen(deployment)
    spare = [
        sum(seen.get((balancer, name)) == "ready" or name in out for name in members)
        - at_least(deployment.settings.min_ready, len(members))
        for balancer, members in ((each, counted(pool)) for each, pool in deployment.pools.items())
    ]
    rest = max(1, min([largest, *spare]))
    return [first, rest] if first else [rest]


def counted(pool: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The members that capacity is counted in: backups get requests only while no other member is ready."""
    return {name: member for name, member in pool.items() if not member.get("backup")}


def at_least(wanted: int | str, pool: int) -> int:
    """A minimum, given as a number or as a percentage of a pool, which is rounded up."""
    text = str(wanted)
    return math.ceil(pool * float(text[:-1]) / 100) if text.endswith("%") else int(text)


def batch_size_problem(sizes: Any) -> str | None:
    """Why these cannot be sizes of batches, or None."""
    good = isinstance(sizes, Sequence) and not isinstance(sizes, (str, Mapping)) and len(sizes) > 0
    if good and all(_is_size(size) for size in sizes):
        return None
    return (
        f"fleet_rolling_batches {sizes!r} is not a list of numbers and percentages, as in [1, '25%', '100%']."
    )


def _is_size(size: Any) -> bool:
    text = str(size)
    number = text[:-1] if text.endswith("%") else text
    return not isinstance(size, bool) and number.isascii() and number.isdigit() and int(number) > 0
