# SPDX-License-Identifier: GPL-3.0-or-later
"""Pruning on request."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_pruning_where_there_is_nothing_changes_nothing(root: Path) -> None:
    outcome = ensure_pruned(str(root))
    assert (outcome.changed, outcome.version) == (False, None)
    assert not root.exists()
    with pytest.raises(StrataError, match="at least 1"):
        ensure_pruned(str(root), keep=0)
