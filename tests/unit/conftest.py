# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the checkout importable as the collection, and runs modules in this process."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Callable

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))


@pytest.fixture
def run_module(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Run a module's main() with arguments; its JSON answer as a dict, ``failed`` always set."""
    from ansible.module_utils.common.parameters import PASS_VARS
    from ansible.module_utils.testing import patch_module_args

    # Newer ansible-core leaves the arguments out of an answer unless asked, and what they show is tested here.
    shown = {"_ansible_inject_invocation": True} if "inject_invocation" in PASS_VARS else {}

    def run(
        name: str, arguments: dict[str, Any], *, check: bool = False, diff: bool = True
    ) -> dict[str, Any]:
        module = importlib.import_module(f"ansible_collections.strata.deploy.plugins.modules.{name}")
        with patch_module_args({**arguments, **shown, "_ansible_check_mode": check, "_ansible_diff": diff}):
            capsys.readouterr()
            with pytest.raises(SystemExit):
                module.main()
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        result.setdefault("failed", False)
        return result

    return run
