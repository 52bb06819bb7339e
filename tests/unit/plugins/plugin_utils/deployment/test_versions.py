# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of releases by their versions."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.versions import is_at_least


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("2.0", "2.0", True),
        ("2.10", "2.9", True),
        ("2.9", "2.10", False),
        ("2.4.0-rc1", "2.4.0", False),
        ("v2.4", "2.4.0", True),
        ("4f2a9c1", "4f2a9c1", True),
        ("4f2a9c1", "2.0", None),
        ("2.0", "release-7", None),
    ],
)
def test_versions_are_compared_as_pep_440_has_it(version: str, wanted: str, expected: bool | None) -> None:
    assert is_at_least(version, wanted) is expected
