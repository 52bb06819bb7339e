# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario's tests ask its host."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from testinfra.host import Host

STATE = Path(__file__).resolve().parents[3] / ".cache" / "molecule"
# As molecule/hosts/state.yml has it: a checkout's containers have names of their own.
PREFIX = f"strata-{hashlib.sha1(os.path.realpath(STATE).encode()).hexdigest()[:8]}"
ASK = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).headers['X-Release'])"


@pytest.fixture
def machine(on: Callable[[str], Host]) -> Host:
    return on("debian12")


@pytest.fixture
def served(on: Callable[[str], Host]) -> Callable[[int], str]:
    """The release that answers on a port, as another host gets it."""
    return lambda port: str(on("bastion1").check_output(f'python3 -c "{ASK}" http://debian12:{port}/'))


@pytest.fixture
def record(machine: Host) -> Callable[[str], Any]:
    """What the host knows of its releases of a kind."""
    return lambda kind: json.loads(machine.check_output(f"cat /srv/shop-{kind}/.strata/state.json"))[
        "releases"
    ]


@pytest.fixture
def containers(machine: Host) -> Callable[[], dict[str, str]]:
    """The containers by version: whether each runs, and how it is started again."""

    def look() -> dict[str, str]:
        docker = "docker --host unix:///srv/docker.sock"
        shown = '{{index .Config.Labels "strata.deploy.version"}}={{.State.Status}} {{.HostConfig.RestartPolicy.Name}}'
        # Of this checkout's host alone, for the engine has containers of other ones too.
        return dict(
            line.split("=", 1)
            for line in machine.check_output(
                f"{docker} container inspect --format '{shown}' $({docker} ps --all --quiet --filter name=^{PREFIX}-shop-)"
            ).splitlines()
        )

    return look


@pytest.fixture
def installed(machine: Host) -> Callable[[], str]:
    """The package's state and version."""
    return lambda: str(machine.check_output("dpkg-query --show --showformat '${Status} ${Version}' shop-deb"))
