# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import (
    Options,
    declared_options,
    option_problems,
    validated,
)

OPTIONS = Options(
    {
        "artifact": {
            "artifact_root": {"type": "path", "required": True, "description": "Folder of the app."},
            "artifact_version": {"type": "str"},
            "artifact_checksum": {"type": "str"},
            "artifact_keep": {"type": "int"},
            "artifact_service": {
                "type": "dict",
                "options": {
                    "manager": {"type": "str", "choices": ["none", "systemd"], "required": True},
                    "name": {"type": "str"},
                },
            },
            "artifact_password": {"type": "int", "no_log": True},
        },
        "feature_flag": {
            "feature_flag_features": {
                "type": "list",
                "elements": "dict",
                "options": {
                    "name": {"type": "str", "required": True},
                    "rollout": {"type": "list", "elements": "int"},
                },
            },
        },
        "fleet_rolling": {
            "fleet_rolling_member": {"type": "str"},
            "fleet_rolling_policy": {"type": "str", "choices": ["halt", "rollback_fleet"]},
        },
        "db_migrate": {"db_migrate_url": {"type": "str"}},
    },
    frozenset({"artifact_release_path"}),
)


def problems(needed: list[str] | None = None, /, **variables: Any) -> list[str]:
    return option_problems(
        OPTIONS, {"web1": variables}, {"web1": needed or []}, lambda host, name: variables[name]
    )


def test_good_options_have_no_problem() -> None:
    assert (
        problems(
            ["artifact_root"],
            artifact_root="/srv/shop",
            artifact_keep="5",
            artifact_service={"manager": "systemd", "name": "shop.service"},
            feature_flag_features=[{"name": "billing", "rollout": [5, 100]}],
            artifact_release_path="given to hooks by the role",
            __artifact_plan={},
        )
        == []
    )


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"artifact_keep": "five"}, "'artifact_keep' is of type str and we were unable to convert to int"),
        ({"artifact_service": {"manager": "systemdd"}}, "one of: none, systemd, got: systemdd"),
        ({"artifact_service": {}}, "missing required arguments: manager"),
        ({"artifact_service": {"manager": "none", "nam": "x"}}, "Unknown option 'nam' in artifact_service"),
        ({"artifact_service": {"managr": "none"}}, "Did you mean 'manager'?"),
        ({"artifact_service": 5}, "artifact_service"),
        ({"feature_flag_features": [{"name": "x", "rolout": [1]}]}, "Unknown option 'rolout'"),
        ({"feature_flag_features": [5]}, "feature_flag_features"),
        ({"fleet_rolling_policy": "rollback-fleet"}, "halt, rollback_fleet, got: rollback-fleet"),
        ({"artifact_cheksum": "x"}, "Unknown option 'artifact_cheksum'. Did you mean 'artifact_checksum'?"),
    ],
)
def test_what_is_wrong_is_named_with_its_host(variables: dict[str, Any], said: str) -> None:
    found = problems(**variables)
    assert said.lower() in "\n".join(found).lower()
    assert all(problem.endswith("(on web1)") for problem in found)


def test_everything_that_is_wrong_is_said_at_once_and_once_for_all_hosts() -> None:
    own = {"artifact_keep": "five", "artifact_cheksum": "x"}
    variables: dict[str, Any] = {"web1": own, "web2": own, "localhost": {"fleet_rolling_policy": "x"}}
    found = option_problems(OPTIONS, variables, {}, lambda host, name: variables[host][name])
    assert len(found) == 3
    assert [problem.rpartition(" (")[2] for problem in found] == ["on web1, web2)"] * 2 + [
        "on the controller)"
    ]


def test_a_missing_option_says_what_it_is_for() -> None:
    assert problems(["artifact_root"]) == [
        "The option 'artifact_root' is missing: Folder of the app. (on web1)"
    ]


def test_a_secret_is_not_shown() -> None:
    assert "hunter2" not in "\n".join(problems(artifact_password="hunter2"))


def test_an_option_that_cannot_be_told_yet_is_left_to_its_role() -> None:
    def read(host: str, name: str) -> Any:
        raise LookupError(name)

    assert option_problems(OPTIONS, {"web1": {"artifact_keep": ""}}, {}, read) == []


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("artifact_version", False),
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
    assert bool(problems(**{name: "x"})) is meant


def test_types_are_converted_and_nested_defaults_filled_in() -> None:
    spec = {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str"}, "bake": {"type": "float", "default": 0}},
    }
    assert validated(spec, [{"name": "x"}]) == [{"name": "x", "bake": 0.0}]
    assert validated(spec, "x") is None


def test_the_roles_of_the_collection_are_read() -> None:
    roles = Path(__file__).resolve().parents[5] / "roles"
    options = declared_options(roles)
    assert "artifact_root" in options.required(["artifact"])
    assert "artifact_release_path" in options.given
