# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback in two batches looks like to the users, the balancers and the hosts."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from testinfra.host import Host

WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")


@pytest.mark.parametrize("host", WEB)
def test_the_service_runs_in_the_old_release_and_the_new_one_is_marked(
    host: str, on: Callable[[str], Host], runs: Callable[[str], str]
) -> None:
    assert runs(host).startswith("/srv/shop/releases/1.0 ")
    releases = json.loads(on(host).file("/srv/shop/.strata/state.json").content_string)["releases"]
    assert (releases["1.0"]["state"], releases["2.0"]["state"]) == ("good", "bad")
    assert releases["2.0"]["reason"] == "rolled back by an operator"


@pytest.mark.parametrize("balancer", LB)
def test_each_balancer_has_the_whole_fleet_in_rotation(
    balancer: str, pool: Callable[[str], dict[str, str]]
) -> None:
    assert pool(balancer) == dict.fromkeys(WEB, "UP")


def test_no_request_has_failed_since_the_beginning(seen: Callable[..., list]) -> None:
    requests = seen()
    assert [request for request in requests if not request.answered] == []
    assert requests[-1].release == "1.0"


def test_the_first_batch_was_back_before_the_second_left(seen: Callable[..., list]) -> None:
    quick = [request for request in seen() if request.path == "/"]
    left = {m: max(r.at for r in quick if r.member == m and r.release == "2.0") for m in WEB}
    back = {m: min(r.at for r in quick if r.member == m and r.at > left[m]) for m in WEB}
    assert max(back["web1"], back["web2"]) < min(left["web3"], left["web4"])
