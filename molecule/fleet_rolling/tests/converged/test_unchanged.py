# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll that is only asked about, one that is refused, and one of a release that does not get healthy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")
STAGE = "../../playbooks/artifact.yml"
ROLL = "../../playbooks/fleet.yml"


@pytest.fixture
def state(
    on: Callable[[str], Host], balancer_says: Callable[[str, str], str], runs: Callable[[str], str]
) -> Callable[[], Any]:
    """Everything that a roll touches."""

    def look() -> dict[str, Any]:
        listing = "find /srv/shop /etc/systemd/system/shop.service -printf '%p %l %m %u %T@\n'"
        return {
            "files": {host: on(host).check_output(listing) for host in WEB},
            "processes": {host: runs(host) for host in WEB},
            "administration": {
                balancer: [
                    line.split()[3:7:3]
                    for line in balancer_says(balancer, "show servers state shop").splitlines()[2:]
                ]
                for balancer in LB
            },
        }

    return look


def test_check_mode_shows_each_switch_and_makes_none(
    play: Callable[..., Any], state: Callable[[], Any]
) -> None:
    before = state()
    run = play(ROLL, "--check", "--diff", "-e", "artifact_version=1.0")
    assert run.code == 0
    assert "fleet web4: 2.0 -> 1.0" in run.said
    assert "- web1: ready - web2: ready + web1: drained + web2: drained" in run.said
    assert "- current: '2.0' + current: '1.0'" in run.said
    assert "this was a check, nothing was changed" in run.said
    assert state() == before


def test_a_batch_that_the_balancers_cannot_spare_is_refused_before_anything_changes(
    play: Callable[..., Any], state: Callable[[], Any], maintenance: Callable[..., None]
) -> None:
    maintenance("web3")
    before = state()
    run = play(ROLL, "-e", "artifact_version=1.0")
    assert run.code == 2
    assert "shop 1.0: FAILED" in run.said
    assert "min_ready" in run.said
    assert state() == before


def test_a_broken_release_costs_the_canary_alone_and_is_put_back(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    runs: Callable[[str], str],
    pool: Callable[[str], dict[str, str]],
    seen: Callable[..., list],
    began: float,
) -> None:
    others = {host: runs(host) for host in WEB[1:]}
    options = {"artifact_version": "3.0-broken", "fleet_rolling_batches": [1, 2]}
    assert play(STAGE, "-e", json.dumps(options)).code == 0
    run = play(ROLL, "-e", json.dumps(options))
    assert run.code == 2
    assert "shop 3.0-broken: FAILED in the fleet layer. activating the release on web1" in run.said
    assert "503" in run.said
    assert "put back 2.0 on web1" in run.said
    assert "running now 2.0 on web1, web2, web3, web4" in run.said

    assert runs("web1").startswith("/srv/shop/releases/2.0 ")
    assert {host: runs(host) for host in WEB[1:]} == others
    assert [pool(balancer) for balancer in LB] == [dict.fromkeys(WEB, "UP")] * 2
    during = seen(since=began)
    assert [request for request in during if not request.answered] == []
    assert {request.release for request in during} == {"2.0"}
    state = json.loads(on("web1").file("/srv/shop/.strata/state.json").content_string)
    assert state["releases"]["3.0-broken"]["state"] == "bad"
