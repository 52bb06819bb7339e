# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import (
    Manifest,
    manifest_problems,
)

GOOD: dict[str, Any] = {
    "app": "shop",
    "needs_release": True,
    "layers": ["database", "artifact", "fleet", "feature"],
    "version": "2.0",
    "url": "http://example.com/shop-2.0.tar.gz",
    "checksum": "sha256:" + "a" * 64,
    "kind": "archive",
    "image": "",
    "package": "",
    "features": [{"name": "billing", "rollout": [5, 25, 100]}],
    "wanted_groups": {"deploy_fleet_group": "fleet"},
}


GROUPS = {"all": ["web1"], "fleet": ["web1"], "idle": []}


def problems(**change: Any) -> list[str]:
    return manifest_problems(Manifest(**{**GOOD, **change}), GROUPS)


def test_a_good_manifest_passes() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    "change",
    [
        {"url": "/mnt/builds/shop-2.0.tar.gz"},
        {"url": "dist/shop-2.0.tar.gz"},
        {"url": "oci://registry.example.com:5000/team/shop:2.0"},
        {"url": "oci://registry.example.com/team/shop@sha256:" + "a" * 64},
        {"url": "s3://builds/shop 2.0.tar.gz", "checksum": "s3://builds/SHA256SUMS"},
        {"checksum": "sha512:" + "A" * 128},
        {"checksum": "unverified"},
        {"checksum": "https://example.com/SHA256SUMS"},
        {"checksum": "/mnt/builds/SHA256SUMS"},
        {
            "url": "oci://registry.example.com/shop:2.0#shop.tar.gz",
            "checksum": "https://example.com/SHA256SUMS",
        },
    ],
)
def test_every_source_and_form_of_checksum_passes(change: dict[str, Any]) -> None:
    assert problems(**change) == []


@pytest.mark.parametrize(
    "artifact",
    [
        {"kind": "container"},
        {
            "kind": "container",
            "url": None,
            "checksum": None,
            "image": f"example.com:5000/shop@sha256:{'0' * 64}",
        },
        {"kind": "container", "url": None, "checksum": "unverified", "image": "shop:2.0"},
        {"kind": "package", "url": None, "checksum": None, "package": "shop"},
    ],
)
def test_each_kind_needs_what_it_is_fetched_by(artifact: dict[str, Any]) -> None:
    assert problems(**artifact) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": None}, "No version is given"),
        ({"version": 2.1}, 'quote it, artifact_version: "2.1"'),
        ({"version": "../etc"}, "not a safe folder name"),
        ({"version": ".."}, "not a safe folder name"),
        ({"version": "2.0/x"}, "not a safe folder name"),
        ({"version": "2.0\n"}, "not a safe folder name"),
        ({"version": "-rf"}, "not a safe folder name"),
        ({"version": "2.0~rc1"}, "not a safe folder name"),
        ({"url": None}, "No artifact is given"),
        (
            {"url": "ftp://example.com/x"},
            "has none of these forms: an absolute path on the host; an http(s) URL",
        ),
        ({"checksum": None}, "No checksum is given"),
        ({"url": "s3://builds"}, "'s3://builds' is not of the form s3://BUCKET/KEY"),
        ({"checksum": "s3://SHA256SUMS"}, "'s3://SHA256SUMS' is not of the form s3://BUCKET/KEY"),
        ({"checksum": "md5:abc"}, "neither sha256:HEX nor sha512:HEX"),
        ({"checksum": "sha256:abc"}, "neither sha256:HEX nor sha512:HEX"),
        ({"checksum": "http:///SHA256SUMS"}, "not of the form http://HOST"),
        ({"url": "oci://registry.example.com/Shop:1"}, "not of the form oci://REGISTRY/NAME:TAG"),
        ({"url": "http://example.com/größe.tar.gz"}, "percent-encode it"),
        ({"image": f"shop@sha256:{'0' * 64}"}, "artifact_image, and artifact_kind is archive"),
        ({"kind": "container", "url": None}, "No image is given"),
        ({"kind": "container", "url": None, "image": "shop:2.0"}, "has no digest"),
        ({"kind": "container", "url": None, "image": "shop@sha256:12"}, "not of the form REGISTRY"),
        ({"kind": "container", "image": f"shop@sha256:{'0' * 64}"}, "leave one of them out"),
        ({"kind": "container", "checksum": None}, "No checksum is given"),
        ({"kind": "package"}, "No package is given"),
        ({"kind": "package", "package": "shop", "checksum": "md5:abc"}, "neither sha256:HEX nor sha512:HEX"),
        (
            {"wanted_groups": {"deploy_fleet_group": "flet"}},
            "no group 'flet' (deploy_fleet_group). Did you mean 'fleet'?",
        ),
        ({"wanted_groups": {"deploy_fleet_group": "idle"}}, "The group 'idle' (deploy_fleet_group) is empty"),
        ({"features": [{"name": "billing", "rollout": [25, 5]}]}, "not a list of rising percentages"),
        ({"features": [{"name": "billing", "rollout": [200]}]}, "not a list of rising percentages"),
        ({"features": [{"name": "a", "rollout": [5]}, {"name": "a", "rollout": [5]}]}, "listed twice"),
        ({"layers": ["feature"], "features": []}, "There is nothing to switch"),
        ({"app": ""}, "deployment_app '' is not a name"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    assert said in "\n".join(problems(**change))


def test_everything_that_is_wrong_is_told_at_once() -> None:
    assert len(problems(url=None, checksum=None, app="")) == 3


def test_an_unverified_artifact_is_waived_by_name() -> None:
    assert problems(checksum="unverified") == []


def test_a_rollback_needs_no_release() -> None:
    assert problems(needs_release=False, version=None, url=None, checksum=None) == []
