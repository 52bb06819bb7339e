# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after 2.0 was rolled back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testinfra.host import Host


def test_the_release_before_runs_again(
    machine: Host, process: Callable[[], str], ask: Callable[[], tuple[str, Any]]
) -> None:
    assert machine.check_output("readlink /srv/shop/current") == "releases/1.0"
    running_in = machine.check_output(f"runuser --user shop -- readlink /proc/{process()}/cwd")
    assert running_in == "/srv/shop/releases/1.0"
    assert ask() == ("1.0", {"version": "1.0", "greeting": "good evening"})


def test_the_release_that_was_left_is_known_as_bad_with_the_reason(record: Callable[[], Any]) -> None:
    left = record()["2.0"]
    assert (left["state"], left["reason"]) == ("bad", "the greeting is rude")
    assert record()["1.0"]["state"] == "good"


def test_a_dry_run_of_another_rollback_has_nowhere_to_go(play: Callable[..., Any]) -> None:
    run = play("rollback.yml", "--check")
    assert run.code != 0
    assert "There is no earlier good release under /srv/shop to roll back to." in run.said


def test_nobody_holds_the_host_s_lock(machine: Host) -> None:
    assert machine.run("flock --nonblock /srv/shop/.strata/lock true").succeeded
