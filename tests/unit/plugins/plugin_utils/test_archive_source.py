# SPDX-License-Identifier: GPL-3.0-or-later
"""How the archive of the migrations is fetched and verified, from the options of the artifact."""

from __future__ import annotations

from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.archive_source import archive_source

URL = "https://artifacts.example.com/shop.tar.gz"
SIGNATURE = {"format": "ssh", "key": "ssh-ed25519 AAAA"}
ARTIFACT: dict[str, Any] = {
    "artifact_url": URL,
    "artifact_signature": SIGNATURE,
    "artifact_headers": {"X-Token": "s3cret"},
    "artifact_username": "",
    "artifact_client_cert": "/etc/shop.pem",
    "artifact_validate_certs": False,
    "artifact_fetch": "auto",
    "artifact_root": "/srv/shop",
}


def test_the_artifact_is_fetched_and_verified_as_ever() -> None:
    assert archive_source([ARTIFACT], URL) == {
        "signature": SIGNATURE,
        "headers": {"X-Token": "s3cret"},
        "client_cert": "/etc/shop.pem",
        "validate_certs": False,
    }


def test_another_archive_is_told_no_secret_and_must_be_signed_all_the_same() -> None:
    assert archive_source([ARTIFACT], "/srv/other.tar.gz") == {
        "signature": SIGNATURE,
        "validate_certs": False,
    }


def test_of_several_hosts_the_first_counts_that_has_it() -> None:
    hosts = [
        {"artifact_url": URL, "artifact_signature": {}},
        {},
        ARTIFACT,
        {"artifact_signature": {"key": "x"}},
    ]
    assert archive_source(hosts, URL)["signature"] == SIGNATURE
    assert archive_source([{}, {"artifact_fetch": "controller", "artifact_url": URL}], URL) == {
        "fetch": "controller"
    }
    assert archive_source([], URL) == {}


def test_what_lies_in_s3_is_read_as_it_was_signed() -> None:
    host = {**ARTIFACT, "artifact_url": "s3://b/shop", "artifact_signature": {"url": "s3://b/shop.sig"}}
    signed = [
        {"item": "s3://b/shop", "url": "https://b/shop?1"},
        {"item": "s3://b/shop.sig", "url": "https://b/shop.sig?2"},
        {"item": "s3://b/failed"},
    ]
    found = archive_source([host], "https://b/shop?1", signed)
    assert found["signature"] == {"url": "https://b/shop.sig?2"}
    assert found["headers"] == {"X-Token": "s3cret"}
