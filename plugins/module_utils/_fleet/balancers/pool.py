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
    OUT_OF_ROTATION,
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
        return len(_serving(self.members)[0])


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
    owned = {name: {} if definition is None else definition for name, definition in owned.items()}
    strange = [name for name, definition in owned.items() if not isinstance(definition, Mapping)]
    if strange:
        raise StrataError(
            f"owned has no definition, which is a dictionary, for {_listed(strange)}. Give what this module returned for them."
        )
    balancer.validate()
    minimum_ready(min_ready, 0)
    current = balancer.read(owned)
    wanted = _wanted(current, balancer.pool, members)
    left_alone = tuple(name for name in wanted if current[name].state == MAINTENANCE)
    wanted = [name for name in wanted if name not in left_alone]
    switched = [name for name in wanted if (current[name].state == DRAINED) != (state == DRAINED)]
    if state == DRAINED:
        _guard(current, balancer.pool, switched, min_ready)
    watched = max([current[name].undone_within for name in switched], default=0.0)
    if watched and watched >= timeout:
        raise StrataError(
            f"Switching {_listed(switched)} in pool '{balancer.pool}' takes {watched:g} s, because an agent check may undo "
            f"it for so long, and timeout is {timeout:g} s. Nothing was changed. Wait longer (timeout)."
        )
    until_noticed = balancer.seconds_until_noticed(switched) if state == READY and switched else 0.0
    if until_noticed and until_noticed >= timeout:
        raise StrataError(
            f"Putting members back into pool '{balancer.pool}' takes the balancer's own health check up to "
            f"{until_noticed:g} s to notice, and timeout is {timeout:g} s. Nothing was changed. Shorten the check's interval in the "
            "balancer, to a second for instance, or wait longer (timeout)."
        )

    definitions = {name: current[name].definition for name in switched}
    after: Mapping[str, Member] = current
    if check_mode:
        after = {**current, **{name: replace(current[name], state=state) for name in switched}}
    elif wanted:
        deadline = started + timeout
        if state == DRAINED:
            owned = {**owned, **definitions}
            after = _drain(balancer, wanted, switched, owned, watched, deadline, interval)
        else:
            certain = max(until_noticed, watched)
            after = _restore(balancer, wanted, definitions, owned, certain, deadline, interval)
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


def _serving(members: Mapping[str, Member]) -> tuple[list[str], int]:
    """The ready members that requests go to now, and how many members of their kind the pool has.

    Backups get requests only while no other member is ready.
    """
    for backup in (False, True):
        kind = [name for name, member in members.items() if member.backup is backup]
        ready = [name for name in kind if members[name].state == READY]
        if ready:
            return ready, len(kind)
    return [], len(members)


def _guard(current: Mapping[str, Member], pool: str, leaving: Sequence[str], min_ready: str) -> None:
    ready, size = _serving(current)
    minimum = minimum_ready(min_ready, size)
    left = [name for name in ready if name not in leaving]
    if len(left) < len(ready) and len(left) < minimum:
        spare = [name for name, member in current.items() if member.backup and name not in ready]
        raise StrataError(
            f"Draining {_listed(leaving)} would leave {len(left)} ready of {size} members of pool "
            f"'{pool}' ({len(ready)} ready now{f'; backups, which do not count: {_listed(spare)}' if spare else ''}), and "
            f"min_ready={min_ready} asks for {minimum}. Nothing was "
            "changed. Drain fewer at once, or bring other members back first.",
            ready=len(ready),
            left=len(left),
            minimum=minimum,
        )


def _drain(
    balancer: Balancer,
    names: Sequence[str],
    switched: Sequence[str],
    owned: Mapping[str, Definition],
    watched: float,
    deadline: float,
    interval: float,
) -> Mapping[str, Member]:
    """Switch, then wait until the members are out of rotation, idle, and have stayed out for ``watched`` seconds."""
    if switched:
        balancer.drain(switched)
    certain_at = time.monotonic() + watched
    changed = bool(switched)
    out: set[str] = set()
    sessions: dict[str, int] = {}
    idle_looks = 0

    def idle() -> bool:
        # Twice: a request that was routed before the switch may be counted only after it.
        nonlocal sessions, idle_looks
        counts = balancer.sessions(names)
        _confirm_out(balancer.pool, [name for name in out if name not in counts], changed)
        out.update(counts)
        sessions = {name: count for name, count in counts.items() if count}
        idle_looks = 0 if sessions or len(counts) < len(names) else idle_looks + 1
        return idle_looks >= 2 and time.monotonic() >= certain_at

    if not _until(idle, deadline, interval):
        _confirm_out(balancer.pool, [name for name in names if name not in out], changed)
        raise StrataError(
            f"Draining pool '{balancer.pool}': no new requests go to {_listed(names)}, but the time is up and "
            f"{_listed(f'{name} ({count} sessions)' for name, count in sessions.items()) or 'one'} "
            "was still at work. The members stay drained. Wait longer (timeout), or find what keeps them busy.",
            sessions=sessions,
            changed=changed,
        )
    after = balancer.read(owned)
    _confirm_out(
        balancer.pool,
        [name for name in names if name not in after or after[name].state not in OUT_OF_ROTATION],
        changed,
    )
    return after


def _confirm_out(pool: str, serving: Sequence[str], changed: bool) -> None:
    if serving:
        raise StrataError(
            f"Draining pool '{pool}': the balancer accepted the drain, but does not have these members out of rotation: "
            f"{_listed(sorted(serving))}. Something else puts them back: an agent check that says 'ready', a reload of the "
            "balancer, or another operator. Stop that, then drain again.",
            changed=changed,
        )


def _restore(
    balancer: Balancer,
    names: Sequence[str],
    definitions: Mapping[str, Definition],
    owned: Mapping[str, Definition],
    certain: float,
    deadline: float,
    interval: float,
) -> Mapping[str, Member]:
    """Wait for healthy, put back, wait for ready: a balancer may route to a member before it checks it.

    Args:
        certain: seconds after which the balancer's word on a member that was put back holds.
    """
    seen: Mapping[str, Member] = {}
    missing: list[str] = []
    noticed_at = 0.0

    def look() -> None:
        nonlocal seen
        seen = balancer.read(owned)
        gone = [name for name in names if name not in seen]
        if gone:
            raise StrataError(
                f"Putting members back into pool '{balancer.pool}': the balancer no longer has {_listed(gone)}. "
                "Add them to its configuration again.",
                changed=noticed_at > 0,
            )

    def healthy() -> bool:
        nonlocal missing
        look()
        missing = [f"{name} ({seen[name].health})" for name in definitions if seen[name].healthy is False]
        return not missing

    def ready() -> bool:
        nonlocal missing
        if time.monotonic() < noticed_at:
            missing = ["the balancer's next check"]
            return False
        look()
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
        # An operator may have taken one into maintenance during the wait.
        balancer.restore({name: entry for name, entry in definitions.items() if seen[name].state == DRAINED})
        noticed_at = time.monotonic() + certain
    if not _until(ready, deadline, interval):
        raise StrataError(
            f"Waiting for pool '{balancer.pool}' to see {_listed(names)} ready: the time is up, and missing is "
            f"{_listed(missing)}. See the balancer's own log, or wait longer (timeout).",
            changed=bool(definitions),
        )
    return seen


def _until(condition: Callable[[], bool], deadline: float, interval: float) -> bool:
    """Look until the condition holds; at least once, and False when the time is up."""
    while not condition():
        if time.monotonic() + interval > deadline:
            return False
        time.sleep(interval)
    return True


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
