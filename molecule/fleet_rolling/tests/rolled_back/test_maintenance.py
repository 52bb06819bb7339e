# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role by itself, while an operator has a member in maintenance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")


def test_a_member_in_maintenance_gets_the_release_and_no_request(
    play: Callable[..., Any],
    maintenance: Callable[..., None],
    runs: Callable[[str], str],
    pool: Callable[[str], dict[str, str]],
    seen: Callable[..., list],
    began: float,
) -> None:
    maintenance("web3")
    run = play("roll.yml", "-e", "artifact_version=2.0", "-e", "fleet_rolling_min_ready=1")
    assert run.code == 0
    for host in WEB:
        assert runs(host).startswith("/srv/shop/releases/2.0 ")
    for balancer in LB:
        assert pool(balancer) == {**dict.fromkeys(WEB, "UP"), "web3": "MAINT"}
    during = seen(since=began)
    assert [request for request in during if not request.answered] == []
    assert {request.member for request in during if request.release == "2.0"} == set(WEB) - {"web3"}
