# SPDX-License-Identifier: GPL-3.0-or-later
"""Python packages that speak to a database server."""

from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import driver_import
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.driver_import import imported

NAMES = {"package": "python3-shop", "pip": "shop[binary]"}


def test_the_first_package_that_is_there_is_taken() -> None:
    assert imported("Shop", "no_such_shop", "json", "sys", **NAMES) is json


@pytest.mark.parametrize("distribution", [True, False])
def test_a_missing_package_is_said_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, distribution: bool
) -> None:
    monkeypatch.setattr(driver_import, "_is_of_the_system", lambda: distribution)
    with pytest.raises(
        StrataError, match="A Shop database needs the Python package no_such_a or no_such_b"
    ) as caught:
        imported("Shop", "no_such_a", "no_such_b", **NAMES)
    assert sys.executable in str(caught.value)
    if distribution:
        assert "Install python3-shop there" in str(caught.value)
        assert caught.value.details == {"driver": "python3-shop"}
    else:
        assert "install 'shop[binary]' with its own pip" in str(caught.value)
        assert caught.value.details == {}


def test_the_packages_of_the_distribution_are_for_its_own_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", "/srv/venv")
    assert not driver_import._is_of_the_system()
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert driver_import._is_of_the_system()
