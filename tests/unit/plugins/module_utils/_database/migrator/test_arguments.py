# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the migration modules' parameters may be in their answers."""

from __future__ import annotations

from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import BLOT
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.arguments import (
    COMMON,
    connect,
)


def connected(hidden: set[str], **parameters: Any) -> dict[str, Any]:
    given = {name: spec.get("default") for name, spec in COMMON.items()} | parameters
    connect(given, hidden)
    return given


def test_every_engine_can_be_chosen() -> None:
    assert COMMON["engine"]["choices"] == sorted(PROVIDERS)


def test_a_password_in_the_environment_is_hidden_and_other_values_are_not() -> None:
    hidden = {"shop", "hunter2-s3cret"}
    environment = {"SHOP_NAME": "shop", "SHOP_PASSWORD": "hunter2-s3cret"}
    given = connected(hidden, url="sqlite:///srv/shop.db", environment=environment)
    assert "hunter2-s3cret" in hidden
    assert "shop" not in hidden
    assert given["environment"] == {"SHOP_NAME": BLOT, "SHOP_PASSWORD": BLOT}


def test_the_url_of_the_database_is_hidden_and_a_path_is_not() -> None:
    url, archive = "postgresql://shop:s3cret@db/shop", "/srv/shop.tar.gz"
    hidden = {url, archive}
    connected(hidden, url=url, archive=archive)
    assert url in hidden
    assert archive not in hidden
