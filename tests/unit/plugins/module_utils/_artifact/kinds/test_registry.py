# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of artifacts by their names."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import PROVIDERS, installer
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_kinds_are_registered_by_their_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert {name: installer(name).NAME for name in PROVIDERS} == {name: name for name in PROVIDERS}
    assert {"archive", "container", "package"} <= set(PROVIDERS)


def test_a_kind_of_a_newer_strata_is_an_error() -> None:
    with pytest.raises(StrataError, match=r"'image'.*archive, container, package"):
        installer("image")
