# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What HAProxy itself says, what the load has seen, and what runs on the hosts."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from testinfra.host import Host

LB = ("lb1", "lb2")


@dataclass(frozen=True)
class Request:
    """A user's request, of those that bench/load.py wrote down."""

    at: float
    seconds: float
    balancer: str
    path: str
    member: str | None
    release: str | None
    error: str | None

    @property
    def answered(self) -> bool:
        return self.error is None

    @classmethod
    def read(cls, line: str) -> Request:
        entry = json.loads(line)
        return cls(
            at=entry["start"],
            seconds=entry["seconds"],
            balancer=entry["balancer"].removeprefix("http://"),
            path=entry["path"],
            member=entry["member"],
            release=entry["release"],
            error=entry["error"],
        )


@pytest.fixture(scope="session")
def pool(balancer_says: Callable[[str, str], str]) -> Callable[[str], dict[str, str]]:
    """``pool("lb1")`` is the status of each server there: UP, DRAIN, MAINT, ..."""

    def statuses(balancer: str) -> dict[str, str]:
        rows = csv.DictReader(balancer_says(balancer, "show stat shop 4 -1").lstrip("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows}

    return statuses


@pytest.fixture(scope="session")
def runs(on: Callable[[str], Host]) -> Callable[[str], str]:
    """``runs("web1")`` is the folder in which the service's process is at work, and the number of that process."""

    def where(host: str) -> str:
        process = on(host).check_output("systemctl show --property MainPID --value shop.service")
        # As its own user, for root may not look at another's in a container.
        return f"{on(host).check_output('runuser -u shop readlink /proc/%s/cwd', process)} {process}"

    return where


@pytest.fixture
def seen(on: Callable[[str], Host]) -> Callable[..., list[Request]]:
    """``seen(since=T)`` are the load's requests that began after T."""

    def requests(since: float = 0.0) -> list[Request]:
        lines = on("bastion1").file("/var/lib/load/requests.jsonl").content_string.splitlines()
        return [request for request in map(Request.read, lines) if request.at > since]

    return requests


@pytest.fixture
def began(on: Callable[[str], Host]) -> float:
    """When the test began, on the clock of the load."""
    return float(on("bastion1").check_output("date +%s.%N"))


@pytest.fixture
def maintenance(balancer_says: Callable[[str, str], str]) -> Iterator[Callable[..., None]]:
    """``maintenance("web3")`` is an operator who takes members out on both balancers; the fixture puts them back."""
    out: list[str] = []

    def take(*members: str) -> None:
        out.extend(members)
        _set(balancer_says, members, "maint")

    yield take
    _set(balancer_says, out, "ready")


def _set(balancer_says: Callable[[str, str], str], members: Any, state: str) -> None:
    for balancer in LB:
        for member in members:
            assert not balancer_says(balancer, f"set server shop/{member} state {state}")
