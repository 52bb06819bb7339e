# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of three Debians after 2.0 was rolled over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from testinfra.host import Host

TARGETS = {"debian11": ("3.9", "247"), "debian12": ("3.11", "252"), "debian13": ("3.13", "257")}
HOSTS = tuple(TARGETS)


@pytest.fixture
def put_back(play: Callable[..., Any], pool: Callable[[], dict[str, str]]) -> Iterator[None]:
    """Afterwards, and at once, the operator rolls all hosts back to what ran before."""
    yield
    rolled_back = play("rollback.yml")
    assert rolled_back.code == 0, rolled_back.said
    assert pool() == dict.fromkeys(HOSTS, "UP")


@pytest.mark.parametrize("host", HOSTS)
def test_each_host_has_another_python_and_systemd(host: str, on: Callable[[str], Host]) -> None:
    python = on(host).check_output("python3 --version").split()[1].rpartition(".")[0]
    systemd = on(host).check_output("systemctl --version").split()[1]
    assert (python, systemd) == TARGETS[host]


@pytest.mark.parametrize("host", HOSTS)
def test_the_service_runs_in_the_new_release(
    host: str, on: Callable[[str], Host], runs: Callable[[str], str], record: Callable[[str], Any]
) -> None:
    assert on(host).check_output("readlink /srv/shop/current") == "releases/2.0"
    assert runs(host) == "/srv/shop/releases/2.0"
    assert (record(host)["1.0"]["state"], record(host)["2.0"]["state"]) == ("good", "good")


def test_the_balancer_has_all_of_them_in_rotation(pool: Callable[[], dict[str, str]]) -> None:
    assert pool() == dict.fromkeys(HOSTS, "UP")


def test_nothing_is_locked_or_recorded_as_drained(on: Callable[[str], Host]) -> None:
    left = on("bastion1").check_output("find /var/lib/strata/shop -type f -printf '%P\n'").split()
    assert sorted(left) == [".guard", "journal.jsonl"]


def test_a_dry_run_shows_each_switch_and_makes_none(
    play: Callable[..., Any], runs: Callable[[str], str]
) -> None:
    run = play("../../playbooks/fleet.yml", "--check", "--diff", "--extra-vars=artifact_version=1.0")
    assert run.code == 0, run.said
    assert run.said.count("- current: '2.0' + current: '1.0'") == len(HOSTS)
    assert {runs(host) for host in HOSTS} == {"/srv/shop/releases/2.0"}


@pytest.mark.usefixtures("put_back")
def test_on_each_systemd_a_crash_loop_is_told_with_the_service_s_last_words_and_can_be_left(
    on: Callable[[str], Host], play: Callable[..., Any], record: Callable[[str], Any]
) -> None:
    run = play("artifact.yml", "--extra-vars=artifact_version=3.1-crash")
    assert run.code != 0
    told = {each.partition("]")[0]: each for each in run.said.split("fatal: [")[1:]}
    assert set(told) == set(HOSTS)
    for said in told.values():
        assert "Its last lines: there is no way that this release starts" in said
    assert {record(host)["3.1-crash"]["state"] for host in HOSTS} == {"bad"}
    # systemd gives it up: what comes next has to start all the same.
    deadline = time.monotonic() + 20
    for host in HOSTS:
        while on(host).check_output("systemctl show --property=ActiveState --value shop.service") != "failed":
            assert time.monotonic() < deadline
