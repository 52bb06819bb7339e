# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after the images 1.0 and then 2.0 were deployed to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testinfra.host import Host

RUNNING = {"1.0": "exited no", "2.0": "running always"}


def test_the_new_container_serves_and_the_former_one_is_kept_for_a_rollback(
    served: Callable[[int], str], containers: Callable[[], dict[str, str]], record: Callable[[str], Any]
) -> None:
    assert served(8090) == "2.0"
    assert containers() == RUNNING
    assert {each["kind"] for each in record("container").values()} == {"container"}


def test_its_secret_is_in_one_private_file(machine: Host) -> None:
    found = machine.check_output(
        "grep --recursive --files-with-matches b1rd /srv/shop-container"
    ).splitlines()
    assert [each.rpartition("/")[2] for each in found] == ["container.env"] * 2
    assert {machine.file(each).mode for each in found} == {0o600}


def test_a_dry_run_tells_of_the_switch_and_makes_none(
    play: Callable[..., Any], containers: Callable[[], dict[str, str]]
) -> None:
    run = play("container.yml", "--check", "--diff", "--extra-vars=release=1.0")
    assert run.code == 0, run.said
    assert "- current: '2.0' + current: '1.0'" in run.said
    assert containers() == RUNNING


def test_a_crash_loop_is_marked_bad_and_can_be_left(
    play: Callable[..., Any],
    served: Callable[[int], str],
    containers: Callable[[], dict[str, str]],
    record: Callable[[str], Any],
) -> None:
    run = play("container.yml", "--extra-vars=release=3.1-crash")
    assert run.code != 0
    assert "there is no way that this release starts" in run.said
    assert record("container")["3.1-crash"]["state"] == "bad"
    back = play("rollback.yml", "--tags=container")
    assert back.code == 0, back.said
    assert served(8090) == "2.0"
    assert containers() == {**RUNNING, "3.1-crash": "exited no"}
