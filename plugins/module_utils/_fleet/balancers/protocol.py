# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load balancer provider is: one pool on one balancer, and six methods that read and change it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

READY = "ready"
DRAINED = "drained"
MAINTENANCE = "maintenance"
DOWN = "down"

OUT_OF_ROTATION = (DRAINED, MAINTENANCE)

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One member of a pool, as the balancer sees it.

    Args:
        state: ``ready`` gets requests; ``drained`` gets none, in the way that `Balancer.drain` takes
            it out, be it this run, an earlier one or an operator that did; ``maintenance`` gets none
            in another way; ``down`` would get requests, were it healthy.
        sessions: requests or connections that it is still serving.
        healthy: what the balancer's health check says, in rotation or not; None where nothing checks it.
        health: the last result of that check in the balancer's words; empty where nothing checks it.
        definition: what the provider needs to put the member back; JSON that means nothing to others.
        backup: whether it gets requests only while no other member is ready, so it is no part of the normal capacity.
        undone_within: seconds within which the balancer may undo `Balancer.drain` or `Balancer.restore` by itself, for instance
            because an agent on the member's host says "ready" or "drain"; 0 where only an operator can.
    """

    state: str
    sessions: int = 0
    healthy: bool | None = None
    health: str = ""
    definition: Definition = field(default_factory=dict)
    backup: bool = False
    undone_within: float = 0.0


class Balancer(Protocol):
    """One pool on one load balancer. Every method may raise StrataError; all but ``validate`` contact the balancer.

    Args:
        NAME: the provider's name, by which users choose it.
        OPTIONS: its own options, declared as in an AnsibleModule's ``argument_spec``.
        options: these options, validated and converted as ``OPTIONS`` declares them.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]

    def __init__(self, options: Mapping[str, Any]) -> None: ...

    @property
    def pool(self) -> str:
        """What users call the pool, for messages."""

    def validate(self) -> None:
        """Raise StrataError for options that cannot be right, for instance a malformed address; asks no server."""

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        """Every member of the pool, and those of ``owned`` that the balancer has forgotten, as drained."""

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        """The sessions that those of these members are still serving that are out of rotation; cheap, because it is polled.

        A member that is in rotation, or that the balancer no longer has, is not in the answer.
        """

    def drain(self, names: Collection[str]) -> None:
        """Send these members no new request; does not wait for the running ones."""

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        """How long after `restore` the balancer may still treat these members as drained; 0 where it follows at once."""

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        """Put drained members back; does not wait."""
