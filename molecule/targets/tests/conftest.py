# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario's tests ask its hosts and their balancer."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host


@pytest.fixture
def pool(balancer_says: Callable[[str, str], str]) -> Callable[[], dict[str, str]]:
    """The status that the balancer itself gives each server: UP, DRAIN, MAINT, ..."""

    def statuses() -> dict[str, str]:
        rows = csv.DictReader(balancer_says("lb1", "show stat shop 4 -1").lstrip("# ").splitlines())
        return {row["svname"]: row["status"] for row in rows}

    return statuses


@pytest.fixture
def runs(on: Callable[[str], Host]) -> Callable[[str], str]:
    """The folder in which a host's service is at work."""

    def where(host: str) -> str:
        process = on(host).check_output("systemctl show --property=MainPID --value shop.service")
        # As its own user, for root may not look into another's process in a container.
        return str(on(host).check_output("runuser -u shop -- readlink /proc/%s/cwd", process))

    return where


@pytest.fixture
def record(on: Callable[[str], Host]) -> Callable[[str], Any]:
    """What a host knows of its releases."""
    return lambda host: json.loads(on(host).file("/srv/shop/.strata/state.json").content_string)["releases"]
