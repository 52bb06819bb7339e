# SPDX-License-Identifier: GPL-3.0-or-later
"""Executables in the place of apt's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import apt
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_a_folder_without_packages_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StrataError, match=r"is gone\. Delete the folder, and stage it again"):
        apt.packages(tmp_path)
