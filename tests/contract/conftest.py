# SPDX-License-Identifier: GPL-3.0-or-later
"""What the contract tests share: the checkout, and the tools beside the interpreter that runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tool() -> Callable[..., str]:
    """Run a tool of this virtualenv in the checkout; its standard output."""

    def run(name: str, *arguments: str, cwd: Path = ROOT) -> str:
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
        completed = subprocess.run(
            [str(Path(sys.executable).parent / name), *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    return run
