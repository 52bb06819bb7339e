# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings members of a pool into a state: plan and guard first, then switch, then wait."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    DRAINED,
    MAINTENANCE,
    READY,
    Balancer,
    Definition,
    Member,
)


@dataclass(frozen=True)
class PoolChange:
    """The whole pool after (in check mode: as it would be after), and its states before."""

    changed: bool
    before: Mapping[str, str]
    members: Mapping[str, Member]
    left_alone: tuple[str, ...]
    seconds: float

    @property
    def after(self) -> dict[str, str]:
        return {name: member.state for name, member in self.members.items()}

    @property
    def ready(self) -> int:
        return list(self.after.values()).count(READY)


def minimum_ready(value: str, pool_size: int) -> int:
    """How many members ``value``, a count or a percentage of the pool rounded up, asks for.

    Raises:
        StrataError: it is neither.
    """
    match = re.fullmatch(r"(\d+)(%?)", value.strip())
    if not match or (match[2] and int(match[1]) > 100):
        raise StrataError(f"min_ready is '{value}': give a count such as 2 or a percentage such as 50%.")
    return math.ceil(pool_size * int(match[1]) / 100) if match[2] else int(match[1])


def ensure_members(
    balancer: Balancer,
    *,
    members: Sequence[str],
    state: str,
    owned: Mapping[str, Definition],
    min_ready: str,
    timeout: float,
    interval: float,
    check_mode: bool,
) -> PoolChange:
    """Bring ``members`` into ``state``, ``drained`` or ``ready``, all at once; none: only read.

    Args:
        owned: definitions of members that Strata took out earlier; see `Balancer.read`.
        min_ready: see `minimum_ready`; a drain that would leave fewer ready members is refused.
        timeout: seconds to wait, for sessions to end or for members to be seen healthy.
        interval: seconds between two looks.

    Raises:
        StrataError: refused before any change, or not reached in time, or the balancer failed.
    """
    started = time.monotonic()
    if interval <= 0:
        raise StrataError(f"interval is {interval}: give seconds above 0 between two looks at the balancer.")
    balancer.validate()
    minimum_ready(min_ready, 0)
    current = balancer.read(owned)
    wanted = _wanted(current, balancer.pool, members)
    left_alone = tuple(name for name in wanted if current[name].state == MAINTENANCE)
    wanted = [name for name in wanted if name not in left_alone]
    switched = [name for name in wanted if (current[name].state == DRAINED) != (state == DRAINED)]
    if state == DRAINED:
        _guard(current, balancer.pool, switched, min_ready)
    until_noticed = balancer.seconds_until_noticed(switched) if state == READY and switched else 0.0
    if until_noticed and until_noticed >= timeout:
        raise StrataError(
            f"Putting members back into pool '{balancer.pool}' takes the balancer's own health check up to "
            f"{until_noticed:g} s to notice, and timeout is {timeout:g} s. Nothing was changed. Shorten the check's interval in the "
            "balancer, to a second for instance, or wait longer (timeout)."
        )

    definitions = {name: current[name].definition for name in switched}
    if check_mode:
        after = {**current, **{name: replace(current[name], state=state) for name in switched}}
    else:
        deadline = started + timeout
        if state == DRAINED:
            if switched:
                balancer.drain(switched)
            _await_idle(balancer, wanted, bool(switched), deadline, interval)
            owned = {**owned, **definitions}
        else:
            _restore(balancer, wanted, definitions, owned, until_noticed, deadline, interval)
        after = balancer.read(owned) if wanted else current
    return PoolChange(
        changed=bool(switched),
        before={name: member.state for name, member in current.items()},
        members=after,
        left_alone=left_alone,
        seconds=round(time.monotonic() - started, 3),
    )


def _wanted(current: Mapping[str, Member], pool: str, members: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(members))
    unknown = [name for name in wanted if name not in current]
    if unknown:
        raise StrataError(
            f"Pool '{pool}' has no member {_listed(unknown)}; it has {_listed(current) or 'none'}. "
            "Nothing was changed. Name the members as the balancer does.",
            unknown=unknown,
            known=sorted(current),
        )
    return wanted


def _guard(current: Mapping[str, Member], pool: str, leaving: Sequence[str], min_ready: str) -> None:
    minimum = minimum_ready(min_ready, len(current))
    ready = [name for name, member in current.items() if member.state == READY]
    left = [name for name in ready if name not in leaving]
    if len(left) < len(ready) and len(left) < minimum:
        raise StrataError(
            f"Draining {_listed(leaving)} would leave {len(left)} ready of {len(current)} members of pool "
            f"'{pool}' ({len(ready)} ready now), and min_ready={min_ready} asks for {minimum}. Nothing was "
            "changed. Drain fewer at once, or bring other members back first.",
            ready=len(ready),
            left=len(left),
            minimum=minimum,
        )


def _await_idle(
    balancer: Balancer, names: Sequence[str], changed: bool, deadline: float, interval: float
) -> None:
    if not names:
        return
    sessions: dict[str, int] = {}
    idle_looks = 0

    def idle() -> bool:
        # Twice: a request that was routed before the switch may be counted only after it.
        nonlocal sessions, idle_looks
        sessions = {name: count for name, count in balancer.sessions(names).items() if count}
        idle_looks = 0 if sessions else idle_looks + 1
        return idle_looks == 2

    if not _until(idle, deadline, interval):
        raise StrataError(
            f"Draining pool '{balancer.pool}': no new requests go to {_listed(names)}, but the time is up and "
            f"{_listed(f'{name} ({count} sessions)' for name, count in sessions.items()) or 'one'} "
            "was still at work. The members stay drained. Wait longer (timeout), or find what keeps them busy.",
            sessions=sessions,
            changed=changed,
        )


def _restore(
    balancer: Balancer,
    names: Sequence[str],
    definitions: Mapping[str, Definition],
    owned: Mapping[str, Definition],
    until_noticed: float,
    deadline: float,
    interval: float,
) -> None:
    """Wait for healthy, put back, wait for ready: a balancer may route to a member before it checks it."""
    missing: list[str] = []
    noticed_at = 0.0

    def healthy() -> bool:
        nonlocal missing
        seen = balancer.read(owned)
        missing = [f"{name} ({seen[name].health})" for name in definitions if seen[name].healthy is False]
        return not missing

    def ready() -> bool:
        nonlocal missing
        if time.monotonic() < noticed_at:
            missing = ["the balancer's next health check"]
            return False
        seen = balancer.read(owned)
        missing = [
            f"{name} ({seen[name].state}{seen[name].health and ', ' + seen[name].health})"
            for name in names
            if seen[name].state != READY or seen[name].healthy is False
        ]
        return not missing

    if definitions:
        if not _until(healthy, deadline, interval):
            raise StrataError(
                f"Putting members back into pool '{balancer.pool}': the time is up and the balancer's health "
                f"check still fails for {_listed(missing)}. They stay drained. See what the member answers to that check.",
                changed=False,
            )
        balancer.restore(definitions)
        noticed_at = time.monotonic() + until_noticed
    if names and not _until(ready, deadline, interval):
        raise StrataError(
            f"Waiting for pool '{balancer.pool}' to see {_listed(names)} ready: the time is up, and missing is "
            f"{_listed(missing)}. See the balancer's own log, or wait longer (timeout).",
            changed=bool(definitions),
        )


def _until(condition: Callable[[], bool], deadline: float, interval: float) -> bool:
    """Look until the condition holds; at least once, and False when the time is up."""
    while not condition():
        if time.monotonic() + interval > deadline:
            return False
        time.sleep(interval)
    return True


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
