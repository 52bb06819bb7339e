# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts of three Debians after 2.0 was rolled back from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HOSTS = ("debian11", "debian12", "debian13")


def test_the_release_before_runs_everywhere_again(
    runs: Callable[[str], str], record: Callable[[str], Any]
) -> None:
    assert {runs(host) for host in HOSTS} == {"/srv/shop/releases/1.0"}
    assert {record(host)["2.0"]["state"] for host in HOSTS} == {"bad"}


def test_the_balancer_has_all_of_them_in_rotation(pool: Callable[[], dict[str, str]]) -> None:
    assert pool() == dict.fromkeys(HOSTS, "UP")
