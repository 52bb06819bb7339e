# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenarios' tests share: the machines, looked at over ssh and not through Ansible."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import testinfra
from testinfra.host import Host

STATE = Path(__file__).resolve().parents[1] / ".cache" / "molecule"


@pytest.fixture(scope="session")
def on() -> Callable[[str], Host]:
    """``on("web1")`` is that machine, seen as root; ``.file``, ``.service`` and ``.check_output`` ask it."""

    @functools.cache
    def machine(name: str) -> Host:
        return testinfra.get_host(f"ssh://{name}", ssh_config=str(STATE / "ssh_config"), sudo=True)

    return machine
