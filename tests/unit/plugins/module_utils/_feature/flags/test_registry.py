# SPDX-License-Identifier: GPL-3.0-or-later
"""The providers of feature flags by their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags import PROVIDERS, connect


def test_providers_are_registered_by_their_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert {name: provider.NAME for name, provider in PROVIDERS.items()} == {name: name for name in PROVIDERS}
    assert "flagd" in PROVIDERS


def test_the_options_name_the_provider(tmp_path: Path) -> None:
    provider = connect({"provider": "flagd", "path": str(tmp_path / "flags.json")})
    assert isinstance(provider, PROVIDERS["flagd"])


def test_an_unknown_provider_is_an_error_that_names_the_known() -> None:
    with pytest.raises(StrataError, match=r"'switchboard'.*flagd"):
        connect({"provider": "switchboard"})
