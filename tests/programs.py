# SPDX-License-Identifier: GPL-3.0-or-later
"""The system's programs that tests run; tests/packages.sh installs them."""

from __future__ import annotations

import os
import shutil

import pytest


def need(*names: str) -> list[str]:
    """The paths of programs. Where one is not installed, the test (or each test of the fixture) that asks is skipped."""
    # An ordinary user's PATH does not lead to where Debian has servers.
    places = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
    found = {name: shutil.which(name, path=places) for name in names}
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (tests/packages.sh installs what the tests need)")
    return [path for path in found.values() if path is not None]
