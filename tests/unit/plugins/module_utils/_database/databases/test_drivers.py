# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry of databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.drivers import (
    client,
    opened,
)


def test_databases_are_registered_by_their_name_in_order() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert {"mysql", "postgresql", "sqlite"} <= set(PROVIDERS)


def test_a_connection_is_open_for_as_long_as_it_is_needed(tmp_path: Path) -> None:
    address = resolve(f"sqlite://{tmp_path}/shop.db", None, {})
    with opened(address, read_only=False) as database:
        database.script("CREATE TABLE orders (id integer)")
        assert database.has_table("orders")
    with pytest.raises(Exception, match="closed"):
        database.query("SELECT 1")


def test_a_connection_is_closed_after_an_error_too(tmp_path: Path) -> None:
    address = resolve(f"sqlite://{tmp_path}/shop.db", None, {})
    with pytest.raises(ZeroDivisionError), opened(address, read_only=False) as database:
        raise ZeroDivisionError
    with pytest.raises(Exception, match="closed"):
        database.query("SELECT 1")


def test_read_only_a_database_is_not_even_created(tmp_path: Path) -> None:
    address = resolve(f"sqlite://{tmp_path}/shop.db", None, {})
    with opened(address, read_only=True) as database:
        assert not database.has_table("orders")
    assert list(tmp_path.iterdir()) == []


def test_the_client_of_a_database_is_that_of_its_driver(tmp_path: Path) -> None:
    with client(resolve(f"sqlite://{tmp_path}/shop.db", None, {})) as access:
        assert f"{tmp_path}/shop.db" in " ".join(access.arguments)
