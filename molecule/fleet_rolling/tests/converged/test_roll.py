# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a roll from 1.0 to 2.0 in two batches looks like to the users, the balancers and the hosts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from testinfra.host import Host

WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")


@pytest.mark.parametrize("host", WEB)
def test_the_service_runs_in_the_new_release(
    host: str, on: Callable[[str], Host], runs: Callable[[str], str]
) -> None:
    assert on(host).file("/srv/shop/current").linked_to == "/srv/shop/releases/2.0"
    assert runs(host).startswith("/srv/shop/releases/2.0 ")


@pytest.mark.parametrize("balancer", LB)
def test_each_balancer_has_the_whole_fleet_in_rotation(
    balancer: str, pool: Callable[[str], dict[str, str]]
) -> None:
    assert pool(balancer) == dict.fromkeys(WEB, "UP")


def test_no_request_has_failed(seen: Callable[..., list]) -> None:
    requests = seen()
    assert [request for request in requests if not request.answered] == []
    answered = {(request.balancer, request.release) for request in requests}
    assert answered == {(balancer, release) for balancer in LB for release in ("1.0", "2.0")}


def test_the_first_batch_was_back_before_the_second_left(seen: Callable[..., list]) -> None:
    quick = [request for request in seen() if request.path == "/"]
    back = {m: min(r.at for r in quick if r.member == m and r.release == "2.0") for m in WEB}
    left = {m: max(r.at for r in quick if r.member == m and r.release == "1.0") for m in WEB}
    assert max(back["web1"], back["web2"]) < min(left["web3"], left["web4"])
    assert all(left[member] < back[member] for member in WEB)


def test_slow_requests_in_flight_were_let_finish_before_the_restart(seen: Callable[..., list]) -> None:
    old = [request for request in seen() if request.release == "1.0"]
    finished = [
        request
        for request in old
        if request.path == "/slow"
        # Ended well after its member had been sent the last of the quick ones, which come all the time.
        and request.at + request.seconds
        > 0.5 + max(r.at for r in old if r.path == "/" and r.member == request.member)
    ]
    assert finished
    assert all(request.answered for request in finished)


def test_the_journal_has_it_and_nothing_is_locked_or_recorded_as_drained(on: Callable[[str], Host]) -> None:
    left = on("bastion1").check_output("find /var/lib/strata/shop -type f -printf '%P\n'").split()
    assert sorted(left) == [".guard", "journal.jsonl"]
    journal = on("bastion1").file("/var/lib/strata/shop/journal.jsonl").content_string.splitlines()
    rolled = [entry for entry in map(json.loads, journal) if entry["occasion"] == "fleet"]
    assert rolled[0]["outcome"] == "succeeded"
    assert rolled[0]["hosts"] == dict.fromkeys(WEB, "2.0")
