# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A balancer that is lost in the middle of a roll: the users of the other one notice nothing, and the next run mends it."""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

WEB = ("web1", "web2", "web3", "web4")
LB = ("lb1", "lb2")
ROLL = "../../playbooks/fleet.yml"
STATE = Path(__file__).resolve().parents[4] / ".cache" / "molecule"


@pytest.fixture
def rolling(play: Callable[..., Any]) -> Iterator[Callable[[str], Future]]:
    """``rolling("1.0")`` is a roll in the background."""
    with ThreadPoolExecutor() as pool:
        yield lambda version: pool.submit(play, ROLL, "-e", f"artifact_version={version}")


@pytest.fixture
def drained(pool: Callable[[str], dict[str, str]]) -> Callable[[str, str], None]:
    """``drained("lb1", "web3")`` waits until that balancer drains that member."""

    def wait(balancer: str, member: str) -> None:
        deadline = time.monotonic() + 90
        while pool(balancer)[member] != "DRAIN":
            assert time.monotonic() < deadline, f"{balancer} has not drained {member}"

    return wait


@contextmanager
def silent(machine: str) -> Iterator[None]:
    """The machine answers nothing, like one that has lost its power."""
    container = f"strata-{hashlib.sha1(str(STATE).encode()).hexdigest()[:8]}-{machine}"
    subprocess.run(["docker", "pause", container], check=True)
    try:
        yield
    finally:
        subprocess.run(["docker", "unpause", container], check=True)


def test_a_stopped_haproxy_stops_the_roll_and_not_the_service(
    on: Callable[[str], Host],
    rolling: Callable[[str], Future],
    drained: Callable[[str, str], None],
    pool: Callable[[str], dict[str, str]],
    runs: Callable[[str], str],
    seen: Callable[..., list],
    began: float,
) -> None:
    roll = rolling("1.0")
    drained("lb1", "web3")
    on("lb2").check_output("systemctl stop haproxy.service")
    try:
        run = roll.result(timeout=120)
        assert run.code == 2
        assert "shop 1.0: FAILED in the fleet layer" in run.said
        assert "lb2: Asking HAProxy at /run/haproxy/admin.sock" in run.said
        assert "in rotation" in run.said
        assert pool("lb1") == dict.fromkeys(WEB, "UP")
    finally:
        on("lb2").check_output("systemctl start haproxy.service")
    assert all(runs(host).startswith("/srv/shop/releases/1.0 ") for host in ("web1", "web2"))
    lost = [request for request in seen(since=began) if not request.answered]
    assert {request.balancer for request in lost} == {"lb2"}


def test_a_silent_balancer_is_given_up_and_put_right_by_the_next_run(
    on: Callable[[str], Host],
    play: Callable[..., Any],
    rolling: Callable[[str], Future],
    drained: Callable[[str, str], None],
    pool: Callable[[str], dict[str, str]],
    runs: Callable[[str], str],
    seen: Callable[..., list],
    began: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The time for a new connection; how long one that is open may be silent is in ansible.cfg.
    monkeypatch.setenv("ANSIBLE_TIMEOUT", "3")
    roll = rolling("2.0")
    drained("lb2", "web1")
    with silent("lb2"):
        run = roll.result(timeout=180)
        assert run.code == 2
        assert "lb2: unreachable" in run.said
        # Only web1 and web2 change, so that a batch of 50% is one of them.
        assert re.search("out of rotation on lb2: web1|whether lb2 has web1 in rotation", run.said)
        assert pool("lb1") == dict.fromkeys(WEB, "UP")
    assert pool("lb2")["web1"] == "DRAIN"
    lost = [request for request in seen(since=began) if not request.answered]
    assert {request.balancer for request in lost} <= {"lb2"}

    again = float(on("bastion1").check_output("date +%s"))
    assert play(ROLL, "-e", "artifact_version=2.0").code == 0
    for balancer in LB:
        assert pool(balancer) == dict.fromkeys(WEB, "UP")
    for host in WEB:
        assert runs(host).startswith("/srv/shop/releases/2.0 ")
    since = seen(since=again)
    assert {request.balancer for request in since} == set(LB)
    assert [request for request in since if not request.answered] == []
    left_over = on("bastion1").check_output("find /var/lib/strata/shop -type f -printf '%P\n'").split()
    assert sorted(left_over) == [".guard", "journal.jsonl"]
