# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import (
    check_manifest,
    meant_as_options,
    wanted_groups,
    within_limit,
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
    "groups": {"all": ["web1"], "fleet": ["web1"], "idle": []},
    "names": ["artifact_version"],
    "known": ["artifact_version", "artifact_checksum"],
    "batches": [1, "25%"],
    "policy": "rollback_fleet",
}


def test_a_good_manifest_passes() -> None:
    check_manifest(**GOOD)


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
    check_manifest(**{**GOOD, **change})


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
    check_manifest(**{**GOOD, **artifact})


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
        ({"url": "ftp://example.com/x"}, "is none of these: an absolute path on the host; an http(s) URL"),
        ({"checksum": None}, "No checksum is given"),
        ({"url": "s3://builds"}, "'s3://builds' is not of the form s3://BUCKET/KEY"),
        ({"checksum": "s3://SHA256SUMS"}, "'s3://SHA256SUMS' is not of the form s3://BUCKET/KEY"),
        ({"checksum": "md5:abc"}, "neither sha256:HEX nor sha512:HEX"),
        ({"checksum": "sha256:abc"}, "neither sha256:HEX nor sha512:HEX"),
        ({"checksum": "http:///SHA256SUMS"}, "not of the form http://HOST"),
        ({"url": "oci://registry.example.com/Shop:1"}, "not of the form oci://REGISTRY/NAME:TAG"),
        ({"url": "http://example.com/größe.tar.gz"}, "percent-encode it"),
        ({"kind": "rpm"}, "artifact_kind 'rpm' is none of archive, container, package"),
        ({"image": f"shop@sha256:{'0' * 64}"}, "artifact_image, and artifact_kind is archive"),
        ({"kind": "container", "url": None}, "No image is given"),
        ({"kind": "container", "url": None, "image": "shop:2.0"}, "has no digest"),
        ({"kind": "container", "url": None, "image": "shop@sha256:12"}, "not of the form REGISTRY"),
        ({"kind": "container", "image": f"shop@sha256:{'0' * 64}"}, "leave one of them out"),
        ({"kind": "container", "checksum": None}, "No checksum is given"),
        ({"kind": "package"}, "No package is given"),
        ({"kind": "package", "package": "shop", "checksum": "md5:abc"}, "neither sha256:HEX nor sha512:HEX"),
        (
            {"names": ["artifact_cheksum"]},
            "Unknown option 'artifact_cheksum'. Did you mean 'artifact_checksum'?",
        ),
        (
            {"wanted_groups": {"deploy_fleet_group": "flet"}},
            "no group 'flet' (deploy_fleet_group). Did you mean 'fleet'?",
        ),
        ({"wanted_groups": {"deploy_fleet_group": "idle"}}, "The group 'idle' (deploy_fleet_group) is empty"),
        ({"features": [{"name": "billing", "rollout": [25, 5]}]}, "not a list of rising percentages"),
        ({"features": [{"name": "billing", "rollout": [200]}]}, "not a list of rising percentages"),
        ({"features": [{"name": "a", "rollout": [5]}, {"name": "a", "rollout": [5]}]}, "listed twice"),
        ({"batches": "50%"}, "fleet_rolling_batches '50%' is not a list"),
        ({"policy": "rollback-fleet"}, "is none of halt, rollback_fleet. Did you mean 'rollback_fleet'?"),
        ({"layers": ["feature"], "features": []}, "There is nothing to switch"),
        ({"app": ""}, "deployment_app '' is not a name"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    with pytest.raises(StrataError, match="nothing was touched") as caught:
        check_manifest(**{**GOOD, **change})
    assert said in str(caught.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(StrataError) as caught:
        check_manifest(**{**GOOD, "url": None, "checksum": None, "names": ["artifact_x"]})
    assert len(caught.value.details["problems"]) == 3


def test_an_unverified_artifact_is_waived_by_name() -> None:
    check_manifest(**{**GOOD, "checksum": "unverified"})


def test_a_rollback_needs_no_release() -> None:
    check_manifest(**{**GOOD, "needs_release": False, "version": None, "url": None, "checksum": None})


def test_groups_are_wanted_by_layer() -> None:
    names = {"fleet": "fleet", "lb": "edge", "db": "db"}
    assert wanted_groups(["feature"], **names, balanced=True) == {}
    assert wanted_groups(["database"], **names, balanced=True) == {"deploy_db_group": "db"}
    assert wanted_groups(["fleet"], **names, balanced=True) == {
        "deploy_fleet_group": "fleet",
        "deploy_lb_group": "edge",
    }
    assert wanted_groups(["fleet"], **names, balanced=False) == {"deploy_fleet_group": "fleet"}


@pytest.mark.parametrize("limit", ["", "localhost", "web1,localhost", "web1:localhost", "control", "local*"])
def test_a_limit_that_leaves_the_controller_in_is_fine(limit: str) -> None:
    assert within_limit("fleet", limit, {"control": ["localhost"], "web": ["web1"]}) == "fleet"


@pytest.mark.parametrize("limit", ["web1", "web", "all", "@failed.retry"])
def test_a_limit_that_leaves_the_controller_out_is_told(limit: str) -> None:
    with pytest.raises(StrataError, match=f"Name it too: --limit {limit},localhost"):
        within_limit("fleet", limit, {"all": ["web1"], "web": ["web1"]})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("artifact_version", True),
        ("artifact_cheksum", True),
        ("artefact_version", True),
        ("feature_flags_features", True),
        ("fleetrolling_member", True),
        ("app_port", False),
        ("ansible_user", False),
        ("version", False),
        ("database_url", False),
    ],
)
def test_a_misspelt_prefix_is_seen_and_the_user_s_own_variables_are_not(name: str, meant: bool) -> None:
    known = [
        "artifact_version",
        "artifact_checksum",
        "feature_flag_features",
        "fleet_rolling_member",
        "db_migrate_url",
    ]
    assert meant_as_options([name], ["artifact", "feature_flag"], known) == ([name] if meant else [])
