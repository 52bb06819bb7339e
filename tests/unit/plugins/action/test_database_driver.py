# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the answer of a package manager is used."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.plugins.action.package import ActionModule as Package

from ansible_collections.strata.deploy.plugins.action.database_driver import ActionModule


def test_facts_in_the_answer_of_a_package_manager_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {
        "changed": True,
        "msg": "installed\x1b[2J",
        "stdout": "...",
        "ansible_facts": {"artifact_url": "../../etc/shadow"},
        "add_host": {"host_name": "localhost"},
    }
    monkeypatch.setattr(Package, "run", lambda *arguments: answer)
    action: Any = ActionModule.__new__(ActionModule)
    assert action.run(None, {}) == {"changed": True, "msg": r"installed\u001b[2J"}
