# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a load balancer provider is: six methods over one pool."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

READY = "ready"
DRAINED = "drained"
MAINTENANCE = "maintenance"
DOWN = "down"

Definition = Mapping[str, Any]


@dataclass(frozen=True)
class Member:
    """One member of a pool, as the balancer sees it.

    Args:
        state: ``ready`` gets requests; ``drained`` gets none, in the way that `Provider.drain` takes
            it out, be it this run, an earlier one or an operator that did; ``maintenance`` gets none
            in another way; ``down`` would get requests, were it healthy.
        sessions: requests or connections that it is still serving.
        healthy: what the balancer's health check says, in rotation or not; None where nothing checks it.
        health: the last result of that check in the balancer's words; empty where nothing checks it.
        definition: what the provider needs to put the member back; JSON that means nothing to others.
    """

    state: str
    sessions: int = 0
    healthy: bool | None = None
    health: str = ""
    definition: Definition = field(default_factory=dict)


class Provider(Protocol):
    """One pool on one load balancer. Every method but ``validate`` may raise StrataError for I/O."""

    NAME: ClassVar[str]

    def validate(self) -> None:
        """Raise StrataError for an address or a pool name that cannot be right; asks no server."""

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        """Every member of the pool, and those of ``owned`` that the balancer has forgotten, as drained."""

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        """The sessions that each of these members is still serving; cheap, for it is polled."""

    def drain(self, names: Collection[str]) -> None:
        """Send these members no new request; does not wait for the running ones."""

    def notice(self, names: Collection[str]) -> float:
        """The seconds after `restore` until the balancer has surely taken notice of these members."""

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        """Put drained members back; does not wait."""


class ProviderFactory(Protocol):
    """The class of a provider: made with the two strings that locate a pool."""

    def __call__(self, address: str, pool: str) -> Provider: ...
