# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator meets on a host that runs 2.0: dry runs, and releases that are no good."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

NO_SUCH_CHECKSUM = f"sha256:{'0' * 64}"


@pytest.fixture
def put_back(play: Callable[..., Any], ask: Callable[[], tuple[str, Any]]) -> Iterator[None]:
    """Afterwards, and at once, the operator rolls back to what ran before."""
    yield
    rolled_back = play("rollback.yml")
    assert rolled_back.code == 0, rolled_back.said
    assert ask()[0] == "2.0"


def test_a_dry_run_shows_the_switch_and_changes_nothing(
    play: Callable[..., Any], listing: Callable[[], str], process: Callable[[], str]
) -> None:
    before = listing(), process()
    run = play("converge.yml", "--check", "--diff", "--extra-vars=artifact_version=1.0")
    assert (run.code, run.changed) == (0, 1), run.said
    assert "- current: '2.0' + current: '1.0'" in run.said
    assert (listing(), process()) == before


def test_a_dry_run_of_a_release_that_is_not_published_fails(play: Callable[..., Any]) -> None:
    run = play(
        "converge.yml",
        "--check",
        "--extra-vars=artifact_version=4.0",
        f"--extra-vars=artifact_checksum={NO_SUCH_CHECKSUM}",
    )
    assert run.code != 0
    assert "http://bastion1:8000/shop-4.0.tar.gz" in run.said
    assert "404" in run.said


def test_an_artifact_with_another_checksum_is_refused_and_the_release_serves_on(
    play: Callable[..., Any], listing: Callable[[], str], process: Callable[[], str]
) -> None:
    before = _releases(listing()), process()
    run = play(
        "converge.yml",
        "--extra-vars=artifact_version=3.0-broken",
        f"--extra-vars=artifact_checksum={NO_SUCH_CHECKSUM}",
    )
    assert run.code != 0
    assert f", not {NO_SUCH_CHECKSUM}. Find out which of the two is wrong; nothing is left of it." in run.said
    assert (_releases(listing()), process()) == before


@pytest.mark.usefixtures("put_back")
def test_a_release_that_is_not_healthy_is_bad_and_its_answer_is_said(
    play: Callable[..., Any], record: Callable[[], Any]
) -> None:
    run = play("converge.yml", "--extra-vars=artifact_version=3.0-broken")
    assert run.code != 0
    assert "http://127.0.0.1:8080/health was not healthy 2 times in a row within 5 s" in run.said
    assert 'status 503 instead of 200: {"version": "3.0-broken", "healthy": false}' in run.said
    assert record()["3.0-broken"]["state"] == "bad"


@pytest.mark.usefixtures("put_back")
def test_a_crash_loop_is_bad_at_once_with_the_service_s_last_words_and_can_be_left_at_once(
    machine: Host, play: Callable[..., Any], record: Callable[[], Any]
) -> None:
    run = play("converge.yml", "--extra-vars=artifact_version=3.1-crash")
    assert run.code != 0
    assert "Service 'shop.service' ended" in run.said
    assert "Its last lines: there is no way that this release starts" in run.said
    assert record()["3.1-crash"]["state"] == "bad"
    # systemd gives it up: what comes next has to start all the same.
    deadline = time.monotonic() + 20
    while machine.check_output("systemctl show --property=ActiveState --value shop.service") != "failed":
        assert time.monotonic() < deadline


def _releases(listing: str) -> list[str]:
    return [line for line in listing.splitlines() if not line.startswith("/srv/shop/.strata")]
