# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario's tests ask its host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from testinfra.host import Host

ROOT = "/srv/shop"
ASK = "import sys, urllib.request as r; a = r.urlopen(sys.argv[1], timeout=5); print(a.headers['X-Release'], a.read().decode())"


@pytest.fixture
def machine(on: Callable[[str], Host]) -> Host:
    return on("debian12")


@pytest.fixture
def process(machine: Host) -> Callable[[], str]:
    """The unit's main process, as systemd has it."""
    return lambda: machine.check_output("systemctl show --property=MainPID --value shop.service")


@pytest.fixture
def ask(on: Callable[[str], Host]) -> Callable[[], tuple[str, Any]]:
    """The app's release and its answer, as another host gets them."""

    def get() -> tuple[str, Any]:
        release, body = on("bastion1").check_output(f'python3 -c "{ASK}" http://debian12:8080/').split(" ", 1)
        return release, json.loads(body)

    return get


@pytest.fixture
def record(machine: Host) -> Callable[[], Any]:
    """What the host knows of its releases."""
    return lambda: json.loads(machine.check_output(f"cat {ROOT}/.strata/state.json"))["releases"]


@pytest.fixture
def listing(machine: Host) -> Callable[[], str]:
    """All that lies under the app's folder, with owners, modes, times and where links lead."""
    return lambda: machine.check_output(f"find {ROOT} -printf '%p %u:%g %m %i %T@ %l\\n' | sort")
