# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the migration modules' parameters may be in their answers."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import BLOT
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.arguments import (
    COMMON,
    SOURCE,
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


def test_what_is_secret_of_the_way_to_the_archive_is_hidden_and_nothing_else() -> None:
    source = {
        **{name: spec.get("default") for name, spec in SOURCE.items()},
        "signature": {"format": "ssh", "key": "ssh-ed25519 AAAA"},
        "headers": {"X-Token": "t0ken-s3cret"},
        "username": "anna",
        "password": "p4ss-s3cret",
        "fetch_timeout": 30.0,
    }
    hidden = {"ssh", "ssh-ed25519 AAAA", "t0ken-s3cret", "p4ss-s3cret", "anna", "30"}
    given = connected(
        hidden, url="sqlite:///srv/shop.db", archive="/a.tar", checksum="unverified", source=source
    )
    assert {"t0ken-s3cret", "p4ss-s3cret", "sqlite:///srv/shop.db"} <= hidden
    assert hidden.isdisjoint({"ssh", "ssh-ed25519 AAAA", "anna", "30"})
    assert given["source"]["headers"] == {"X-Token": "********"}
    assert given["source"]["signature"] == {"format": "ssh", "key": "ssh-ed25519 AAAA"}
    assert set(given["source"]) == set(SOURCE)


def test_the_archive_is_asked_for_and_verified_as_the_source_says() -> None:
    source = {
        **{name: spec.get("default") for name, spec in SOURCE.items()},
        "signature": {"format": "ssh", "key": "ssh-ed25519 AAAA"},
        "client_cert": "/etc/shop.pem",
    }
    parameters = {name: spec.get("default") for name, spec in COMMON.items()}
    given = {**parameters, "url": "sqlite:///srv/shop.db", "archive": "/a.tar", "checksum": "unverified"}
    artifact = connect({**given, "source": source}, set())._options.artifact
    assert artifact
    assert artifact.signature
    assert artifact.signature.options["key"] == "ssh-ed25519 AAAA"
    assert artifact.access.client_cert == "/etc/shop.pem"


def test_the_controller_alone_can_fetch_for_it() -> None:
    source = {**{name: spec.get("default") for name, spec in SOURCE.items()}, "fetch": "controller"}
    with pytest.raises(StrataError, match="Only the module migration has the controller fetch"):
        connected(set(), url="sqlite:///srv/shop.db", archive="/a.tar", source=source)
