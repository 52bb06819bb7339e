# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host after 2.0 was rolled back, of both kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from testinfra.host import Host


def test_the_former_container_is_started_again(
    served: Callable[[int], str], containers: Callable[[], dict[str, str]], record: Callable[[str], Any]
) -> None:
    assert served(8090) == "1.0"
    assert containers()["1.0"] == "running always"
    assert containers()["2.0"] == "exited no"
    assert record("container")["2.0"]["state"] == "bad"


def test_the_former_package_is_installed_again_with_what_it_needs(
    machine: Host, served: Callable[[int], str], installed: Callable[[], str], record: Callable[[str], Any]
) -> None:
    assert installed() == "install ok installed 1.0-1"
    assert machine.package("shop-deb-common").version == "1.0-1"
    # 2.0 brought it, and it cannot stand beside 1.0.
    assert not machine.package("shop-deb-extra").is_installed
    assert served(8091) == "1.0"
    assert record("package")["2.0"]["state"] == "bad"
