# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the machines, looked at over ssh and not through Ansible."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

MOLECULE = Path(__file__).resolve().parent
ROOT = MOLECULE.parent
STATE = ROOT / ".cache" / "molecule"


# Python, for a balancer has no client for its socket.
ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as admin, admin.makefile("rwb") as stream:
    admin.connect("/run/haproxy/admin.sock")
    stream.write(sys.argv[1].encode() + b"\\n")
    stream.flush()
    print(stream.read().decode())
"""


@dataclass(frozen=True)
class Run:
    """What came of an operator's command, with what it said, each blank and line's end one blank."""

    code: int
    said: str

    @property
    def changed(self) -> int:
        found = re.findall(r"\bchanged=(\d+)", self.said)
        assert found, self.said
        return sum(map(int, found))


@pytest.fixture(scope="session")
def on() -> Iterator[Callable[[str], Host]]:
    """``on("web1")`` is that machine, seen as root; ``.file``, ``.service`` and ``.check_output`` ask it."""
    # One connection to each machine; a socket's path must be short, and may be longer in the checkout.
    with tempfile.TemporaryDirectory(prefix="strata-ssh-") as sockets:

        @functools.cache
        def machine(name: str) -> Host:
            options = {"ssh_config": str(STATE / "ssh_config"), "controlpath": f"{sockets}/{name}"}
            return testinfra.get_host(f"ssh://{name}", sudo=True, **options)

        yield machine


@pytest.fixture(scope="session")
def balancer_says(on: Callable[[str], Host]) -> Callable[[str, str], str]:
    """``balancer_says("lb1", "show info")`` is HAProxy's answer at its socket."""

    def answer(balancer: str, command: str) -> str:
        return str(on(balancer).check_output("python3 -c %s %s", ASK, command)).strip()

    return answer


@pytest.fixture
def play(request: pytest.FixtureRequest) -> Callable[..., Run]:
    """``play("converge.yml", "--check")`` runs a playbook of the scenario on its inventory, as its operator would."""
    scenario = MOLECULE / request.path.relative_to(MOLECULE).parts[0]

    def run(playbook: str, *arguments: str) -> Run:
        command = ["ansible-playbook", str(scenario / playbook), *arguments]
        for inventory in (MOLECULE / "hosts" / "inventory", scenario / "inventory"):
            command.append(f"--inventory={inventory}")
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        environment.pop("ANSIBLE_FORCE_COLOR", None)
        ran = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return Run(ran.returncode, " ".join(ran.stdout.split()))

    return run
