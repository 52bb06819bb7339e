# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.opening import Asked, asked
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import declared_options

OPTIONS = declared_options(Path(__file__).resolve().parents[5] / "roles")
BALANCER = {"provider": "haproxy", "address": "/run/haproxy/admin.sock", "pool": "shop"}


class Desk:
    """Variables as the action reads them; a value that is an exception is raised when it is read."""

    groups: Mapping[str, list[str]]

    def __init__(self) -> None:
        self.groups = {"all": ["web1", "lb1", "db1"], "fleet": ["web1"], "lb": ["lb1"], "db": ["db1"]}
        self.own: dict[str, Any] = {
            "deployment_app": "shop",
            "deployment_fleet": ["web1"],
            "deployment_layers": ["artifact", "fleet"],
            "artifact_version": "2.0",
            "artifact_url": "https://example.com/shop-2.0.tar.gz",
            "artifact_checksum": "sha256:" + "a" * 64,
        }
        self.hosts: dict[str, dict[str, Any]] = {
            "web1": {"artifact_root": "/srv/shop", "fleet_rolling_member": "web1"},
            "lb1": {"fleet_rolling_balancer": BALANCER},
            "db1": {},
        }

    def value(self, name: str, default: Any) -> Any:
        return self.own.get(name, default)

    def names(self, host: str) -> Mapping[str, Any]:
        return self.own if host == "localhost" else self.hosts.get(host, {})

    def of_host(self, host: str, name: str) -> Any:
        found = self.names(host)[name]
        if isinstance(found, Exception):
            raise found
        return found

    def asked(self, **own: Any) -> Asked:
        self.own.update(own)
        return asked(self, OPTIONS)


def test_a_good_inventory_has_no_problem() -> None:
    wanted = Desk().asked()
    assert wanted.problems == ()
    assert (wanted.app, wanted.version, wanted.occasion, wanted.fleet) == ("shop", "2.0", "deploy", ("web1",))
    assert wanted.settings.balancers == ("lb1",)


def test_settings_come_from_the_first_host_that_has_them() -> None:
    desk = Desk()
    desk.hosts["web1"].update(
        fleet_rolling_batches=[2], fleet_rolling_min_ready="50%", fleet_rolling_policy="halt"
    )
    desk.hosts["db1"]["db_migrate_backup"] = "database"
    desk.hosts["web1"]["synthetic_journeys"] = [{"name": "browse", "steps": []}]
    settings = desk.asked().settings
    assert (settings.batches, settings.min_ready, settings.policy) == ((2,), "50%", "halt")
    assert (settings.database_host, settings.backup, settings.analysed) == ("db1", True, True)


@pytest.mark.parametrize("given", ["artifact,fleet", ["artifact", "fleet"]])
def test_layers_may_be_given_as_text(given: str | list[str]) -> None:
    wanted = Desk().asked(deployment_layers=given, deployment_fleet="web1")
    assert (wanted.layers, wanted.fleet, wanted.problems) == (("artifact", "fleet"), ("web1",), ())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "There is nothing to do"),
        ("", "must be one or more of"),
        ("artifact,flet", "must be one or more of"),
        (5, "must be one or more of"),
    ],
)
def test_layers_that_do_nothing_are_refused(given: Any, said: str) -> None:
    (problem,) = Desk().asked(deployment_layers=given).problems
    assert said in problem


@pytest.mark.parametrize(
    ("layer", "layers", "occasion"),
    [
        ("artifact", ("fleet",), "rollback artifact"),
        ("database", ("database",), "rollback database"),
        ("feature", ("feature",), "rollback feature"),
    ],
)
def test_a_rollback_touches_one_layer_and_needs_no_release(
    layer: str, layers: tuple[str, ...], occasion: str
) -> None:
    desk = Desk()
    for name in ("artifact_version", "artifact_url", "artifact_checksum"):
        del desk.own[name]
    desk.own.update(feature_flag_record="/var/lib/former", feature_flag_path="/etc/flagd/shop.json")
    wanted = desk.asked(deployment_occasion="rollback", layer=layer)
    assert (wanted.layers, wanted.occasion, wanted.problems) == (layers, occasion, ())


@pytest.mark.parametrize(
    ("layer", "version"), [("artifact", "1.0"), ("database", "2.0")], ids=["artifact", "database"]
)
def test_a_rollback_of_the_artifact_may_be_told_its_release_by_the_role_s_own_option(
    layer: str, version: str
) -> None:
    wanted = Desk().asked(deployment_occasion="rollback", layer=layer, artifact_rollback_version="1.0")
    assert wanted.version == version


@pytest.mark.parametrize("layer", ["", "fleet", "everything"])
def test_a_rollback_says_which_layer(layer: str) -> None:
    with pytest.raises(StrataError, match="Say which layer to roll back"):
        Desk().asked(deployment_occasion="rollback", layer=layer)


@pytest.mark.parametrize(
    ("host", "name", "said"),
    [
        ("web1", "artifact_root", "The option 'artifact_root' is missing"),
        ("lb1", "fleet_rolling_balancer", "The option 'fleet_rolling_balancer' is missing"),
    ],
)
def test_what_a_layer_needs_of_a_host_is_missed(host: str, name: str, said: str) -> None:
    desk = Desk()
    del desk.hosts[host][name]
    (problem,) = desk.asked().problems
    assert problem.startswith(said)
    assert problem.endswith(f"(on {host})")


def test_an_option_of_the_fleet_has_one_value() -> None:
    desk = Desk()
    desk.groups = {**desk.groups, "fleet": ["web1", "web2"]}
    desk.hosts["web2"] = {**desk.hosts["web1"], "fleet_rolling_policy": "halt"}
    fleet = {"deployment_fleet": ["web1", "web2"]}
    assert desk.asked(**fleet).problems == ()
    desk.hosts["web1"]["fleet_rolling_policy"] = "rollback_fleet"
    assert desk.asked().problems == (
        "The option 'fleet_rolling_policy' is one for the whole fleet, but it differs: 'rollback_fleet' on web1; 'halt' on web2.",
    )


def test_features_need_a_service_that_holds_them() -> None:
    desk = Desk()
    features = {"feature_flag_features": [{"name": "new-checkout"}], "feature_flag_record": "/var/lib/former"}
    (problem,) = desk.asked(deployment_layers=["feature"], **features).problems
    assert problem.startswith("The option 'feature_flag_service' is missing")
    desk.own["feature_flag_service"] = {"provider": "flagd", "path": "/etc/flagd/shop.json"}
    assert desk.asked().problems == ()


def test_no_balancer_is_needed_where_no_host_is_a_member() -> None:
    desk = Desk()
    del desk.hosts["web1"]["fleet_rolling_member"]
    desk.groups = {"all": ["web1"], "fleet": ["web1"]}
    assert desk.asked().problems == ()


def test_every_problem_is_said_at_once() -> None:
    desk = Desk()
    desk.hosts["web1"].update(artifact_keep="five", artifact_cheksum="x")
    problems = "\n".join(
        desk.asked(deployment_app="", fleet_rolling_policy="x", artifact_version=None).problems
    )
    for said in (
        "artifact_keep",
        "artifact_cheksum",
        "deployment_app",
        "fleet_rolling_policy",
        "No version is given",
    ):
        assert said in problems


def test_an_option_that_cannot_be_told_yet_is_no_problem() -> None:
    desk = Desk()
    desk.hosts["web1"]["artifact_kind"] = LookupError("artifact_release_path")
    assert desk.asked().problems == ()
