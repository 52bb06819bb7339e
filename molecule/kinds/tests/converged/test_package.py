# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after the packages 1.0 and then 2.0 were deployed to it, and what an operator meets there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from testinfra.host import Host

GOOD = "install ok installed"


@pytest.fixture
def put_back(play: Callable[..., Any], installed: Callable[[], str]) -> Iterator[None]:
    yield
    back = play("rollback.yml", "--tags=package")
    assert back.code == 0, back.said
    assert installed() == f"{GOOD} 2.0-1"


def test_the_package_and_what_it_needs_are_installed_and_serve(
    machine: Host, served: Callable[[int], str], installed: Callable[[], str], record: Callable[[str], Any]
) -> None:
    assert installed() == f"{GOOD} 2.0-1"
    assert machine.package("shop-deb-common").version == "2.0-1"
    assert served(8091) == "2.0"
    release = record("package")["2.0"]
    assert (release["kind"], release["origin"], release["checksum"]) == (
        "package",
        "apt:shop-deb=2.0-1",
        "signed",
    )


def test_a_dry_run_tells_whether_the_version_is_there(
    play: Callable[..., Any], installed: Callable[[], str]
) -> None:
    run = play("package.yml", "--check", "--diff", "--extra-vars=release=2.1")
    assert run.code == 0, run.said
    assert "- current: '2.0' + current: '2.1'" in run.said
    run = play("package.yml", "--check", "--extra-vars=release=9.9")
    assert run.code != 0
    assert (
        "No repository of this host has shop-deb in the version 9.9-1; there are 3.0-broken-1, 2.1-1"
        in run.said
    )
    assert installed() == f"{GOOD} 2.0-1"


def test_a_package_that_is_held_is_refused_before_anything_is_switched(
    machine: Host, play: Callable[..., Any], served: Callable[[int], str]
) -> None:
    machine.check_output("apt-mark hold shop-deb")
    try:
        run = play("package.yml", "--extra-vars=release=2.1")
    finally:
        machine.check_output("apt-mark unhold shop-deb")
    assert run.code != 0
    assert "Take the hold off with `apt-mark unhold`" in run.said
    assert served(8091) == "2.0"


@pytest.mark.usefixtures("put_back")
def test_scripts_that_fail_are_told_with_their_last_words_and_can_be_left(
    machine: Host, play: Callable[..., Any], record: Callable[[str], Any]
) -> None:
    machine.check_output("echo '# by the operator' >> /etc/shop-deb/shop.conf")
    run = play("package.yml", "--extra-vars=release=3.0-broken")
    assert run.code != 0
    assert "shop-deb: there is no way that it is configured" in run.said
    assert record("package")["3.0-broken"]["state"] == "bad"
    assert "# by the operator" in machine.file("/etc/shop-deb/shop.conf").content_string


@pytest.mark.usefixtures("put_back")
def test_what_was_killed_in_the_middle_of_an_install_is_put_right_by_the_next_run(
    machine: Host, play: Callable[..., Any], installed: Callable[[], str], served: Callable[[int], str]
) -> None:
    machine.check_output("touch /run/shop-slow")
    with ThreadPoolExecutor() as background:
        run = background.submit(play, "package.yml", "--extra-vars=release=2.1")
        deadline = time.monotonic() + 60
        while not machine.run("pgrep --full shop-deb[.]postinst").succeeded:
            assert time.monotonic() < deadline
        # The module is what started apt.
        machine.check_output(
            "kill -9 $(ps -o ppid= -C apt-get) $(pgrep --exact apt-get) $(pgrep --exact dpkg)"
        )
        assert run.result().code != 0
    machine.check_output("rm /run/shop-slow")
    assert installed() != f"{GOOD} 2.1-1"
    again = play("package.yml", "--extra-vars=release=2.1")
    assert again.code == 0, again.said
    assert installed() == f"{GOOD} 2.1-1"
    assert served(8091) == "2.1"
