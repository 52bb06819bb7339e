# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the checkout with a demo fleet of its own, made as a new user makes it: by `make demo`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from operator_desk import ROOT, Demo, copy_checkout


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    root = ROOT / ".cache" / "e2e" / "strata"
    copy_checkout(root)
    demo = Demo(root)
    first = demo.run("make", "demo")
    assert first.code == 0, first.output
    yield demo
    demo.run("make", "demo-down")
