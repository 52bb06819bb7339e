# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches: how the fleet is cut, and whether the balancers can spare each of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    IN_THE_POOL,
    Record,
    members_to_drain,
    pools,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import Variables

DEFAULT_BATCHES: tuple[int | str, ...] = (1, "25%", "100%")


def fleet_option(variables: Variables, fleet: Sequence[str], name: str, default: Any) -> Any:
    """An option of the whole fleet, for play keywords: the first host's that has it."""
    return next((own[name] for own in (variables.get(host, {}) for host in fleet) if name in own), default)


def batches(variables: Variables, fleet: Sequence[str]) -> list[int | str]:
    """The sizes of the batches, for ``serial``."""
    return list(fleet_option(variables, fleet, "fleet_rolling_batches", DEFAULT_BATCHES))


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


def capacity_problems(
    variables: Variables, fleet: Sequence[str], hosts: Sequence[str], version: str, record: Record
) -> list[str]:
    """Batches that no balancer could spare, told before the first one is drained.

    What a batch puts back counts for the next ones: a member that was down, or that a dead deployment drained.
    """
    wanted = fleet_option(variables, fleet, "fleet_rolling_min_ready", 1)
    problems = []
    for balancer, members in sorted(pools(variables).items()):
        ready = {name for name, member in members.items() if member["state"] == "ready"}
        ours = {name for name, member in members.items() if member["state"] in IN_THE_POOL}
        ours |= set(record.get(balancer, {}))
        minimum = at_least(wanted, len(members))
        for number, batch in enumerate(cut(hosts, batches(variables, fleet)), start=1):
            changing = set(members_to_drain(variables, batch, version))
            left = len(ready - changing)
            if ready & changing and left < minimum:
                problems.append(
                    f"Batch {number} ({', '.join(batch)}) would leave {left} of {len(members)} "
                    f"members ready on {balancer}, and fleet_rolling_min_ready asks for {minimum}. "
                    "Make the batches smaller (fleet_rolling_batches) or ask for less."
                )
            ready |= changing & ours
    return problems


def at_least(wanted: int | str, pool: int) -> int:
    """A minimum, given as a number or as a percentage of a pool, which is rounded up."""
    text = str(wanted)
    return math.ceil(pool * float(text[:-1]) / 100) if text.endswith("%") else int(text)


def batch_size_problem(sizes: Any) -> str | None:
    """Why these are no sizes of batches, or None."""
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
