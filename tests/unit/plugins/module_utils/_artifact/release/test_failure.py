# SPDX-License-Identifier: GPL-3.0-or-later
"""Marking a release bad for what is found outside of its activation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest
from fixtures.release import states

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.failure import fail
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def shop(root: Path, stage: Callable[..., Any]) -> Path:
    """1.0 and 2.0 are good, 2.0 is current, 3.0 is staged."""
    for version in ("1.0", "2.0", "3.0"):
        stage(version)
        if version != "3.0":
            ensure_active(str(root), version, Activation())
    return root


@pytest.mark.parametrize("version", ["3.0", "1.0", "9.0"])
def test_what_was_not_switched_to_is_not_marked(shop: Path, version: str) -> None:
    before = states(shop)
    with pytest.raises(StrataError, match="no") as raised:
        fail(str(shop), version, "no")
    assert "changed" not in raised.value.details
    assert states(shop) == before
