# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening a deployment: what is asked for, read from the variables, and everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import batch_size_problem
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.manifest import (
    Manifest,
    manifest_problems,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import CONTROLLER, Settings
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.options import (
    Options,
    option_problems,
    validated,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.reader import fact_problems

ROLLED_BACK = ("artifact", "database", "feature")
"""The layers that `rollback.yml` rolls back."""
OF_THE_FLEET = ("fleet_rolling_batches", "fleet_rolling_min_ready", "fleet_rolling_policy")
"""The options that have one value for the whole fleet."""
FLAG_SERVICE = ("feature_flag_service", "feature_flag_path")
"""The options that say where the feature flags are, one of which the feature layer needs."""


class Variables(Protocol):
    """Variables as Ansible has them."""

    groups: Mapping[str, Sequence[str]]

    def value(self, name: str, default: Any) -> Any:
        """A variable as the task sees it, that of the play and of the role included."""

    def names(self, host: str) -> Mapping[str, Any]:
        """The variables of a host, of which only the names are looked at, and those of its facts."""

    def of_host(self, host: str, name: str) -> Any:
        """A host's variable. Raises LookupError where it refers to something that is not known yet."""


@dataclass(frozen=True)
class Asked:
    """What a run is asked to do.

    Args:
        problems: why it must not begin, one sentence each.
    """

    app: str
    version: str | None
    occasion: str
    layers: tuple[str, ...]
    fleet: tuple[str, ...]
    settings: Settings = field(default_factory=Settings)
    problems: tuple[str, ...] = ()


def asked(variables: Variables, options: Options) -> Asked:
    """Read and validate what a run is asked to do; contacts nothing.

    Raises:
        StrataError: a rollback does not say which layer.
    """
    fleet = _list(variables, options, "deployment_fleet")
    occasion, layers = _occasion(variables, options)
    is_rollback = occasion.startswith("rollback")
    needed = _needed(variables, options, fleet, layers, is_rollback=is_rollback)
    hosts = [CONTROLLER, *fleet, *_group(variables, "lb"), *_group(variables, "db")]
    names = {host: variables.names(host) for host in hosts}
    problems = fact_problems(names) + option_problems(options, names, needed, variables.of_host)
    features = (
        validated(options.all["feature_flag_features"], variables.value("feature_flag_features", [])) or []
    )
    package = _of_fleet(variables, fleet, "artifact_package", {})
    manifest = Manifest(
        app=str(variables.value("deployment_app", "")),
        layers=layers,
        needs_release=not is_rollback,
        version=_version(variables, occasion),
        url=variables.value("artifact_url", None),
        checksum=variables.value("artifact_checksum", None),
        kind=_of_fleet(variables, fleet, "artifact_kind", "archive"),
        image=_of_fleet(variables, fleet, "artifact_image", ""),
        package=package.get("name") if isinstance(package, Mapping) else None,
        features=features,
        wanted_groups=_wanted_groups(variables, fleet, layers),
    )
    problems += manifest_problems(manifest, variables.groups)
    if CONTROLLER in needed and not any(variables.value(name, None) for name in FLAG_SERVICE):
        problems.append(
            "The option 'feature_flag_service' is missing: the service that holds the flags, for example "
            "{provider: flagd, path: /etc/flagd/shop.json}. (on the controller)"
        )
    if not layers and not problems:
        problems.append("There is nothing to do: deployment_layers is empty.")
    problems += _differing(variables, fleet)
    settings = _settings(variables, fleet, features)
    problems += filter(None, [batch_size_problem(settings.batches)])
    return Asked(
        manifest.app,
        manifest.version or None,
        occasion,
        tuple(layers),
        tuple(fleet),
        settings,
        tuple(problems),
    )


def _occasion(variables: Variables, options: Options) -> tuple[str, list[str]]:
    """What the run is called, and the layers that it touches."""
    occasion = str(variables.value("deployment_occasion", "deploy"))
    if occasion != "rollback":
        return occasion, _list(variables, options, "deployment_layers")
    layer = variables.value("layer", "")
    if layer not in ROLLED_BACK:
        raise StrataError(
            "Say which layer to roll back: -e layer=feature, -e layer=artifact or -e layer=database; "
            f"layer is '{layer}'. Nothing was touched."
        )
    return f"rollback {layer}", ["fleet" if layer == "artifact" else str(layer)]


def _version(variables: Variables, occasion: str) -> Any:
    """The release that is asked for. A rollback may name it as the role `artifact` does, whose option also wins there."""
    back = variables.value("artifact_rollback_version", None) if occasion == "rollback artifact" else None
    return back or variables.value("artifact_version", None)


def _list(variables: Variables, options: Options, name: str) -> list[str]:
    """An option that is a list, also where it is given as text, as in ``-e deployment_layers=artifact,fleet``."""
    return validated(options.all[name], variables.value(name, [])) or []


def _needed(
    variables: Variables, options: Options, fleet: Sequence[str], layers: Sequence[str], *, is_rollback: bool
) -> dict[str, list[str]]:
    """The options that each host cannot do without in these layers; what the manifest gives is checked with it."""
    needed: dict[str, list[str]] = {}
    if {"artifact", "fleet"} & set(layers):
        required = [name for name in options.required(["artifact"]) if name != "artifact_version"]
        needed.update(dict.fromkeys(fleet, required))
    if "fleet" in layers:
        needed.update({host: ["fleet_rolling_balancer"] for host in _group(variables, "lb")})
    if "feature" in layers and (is_rollback or variables.value("feature_flag_features", [])):
        needed[CONTROLLER] = options.required(["feature_flag"])
    return needed


def _wanted_groups(variables: Variables, fleet: Sequence[str], layers: Sequence[str]) -> dict[str, str]:
    """The groups that the layers need: the variable that names one -> its name; no balancer without a member."""
    wanted = []
    if {"artifact", "fleet"} & set(layers):
        wanted.append("fleet")
    if "fleet" in layers and any("fleet_rolling_member" in variables.names(host) for host in fleet):
        wanted.append("lb")
    if "database" in layers:
        wanted.append("db")
    return {f"deploy_{name}_group": _group_name(variables, name) for name in wanted}


def _settings(variables: Variables, fleet: Sequence[str], features: Sequence[Mapping[str, Any]]) -> Settings:
    database_host = variables.value("db_migrate_host", None) or next(
        iter(_group(variables, "db")), CONTROLLER
    )
    backup = variables.value("db_migrate_backup", "") or _of_fleet(
        variables, [database_host], "db_migrate_backup", ""
    )
    batches = _of_fleet(variables, fleet, "fleet_rolling_batches", list(Settings.batches))
    allow_old_code = validated({"type": "bool"}, variables.value("db_migrate_allow_old_code", False))
    return Settings(
        batches=tuple(batches) if isinstance(batches, list) else batches,
        min_ready=_of_fleet(variables, fleet, "fleet_rolling_min_ready", Settings.min_ready),
        policy=str(_of_fleet(variables, fleet, "fleet_rolling_policy", Settings.policy)),
        balancers=tuple(_group(variables, "lb")),
        features=tuple(features),
        database_host=database_host,
        phase=str(variables.value("db_migrate_phase", Settings.phase)),
        contract_from=variables.value("db_migrate_contract_from", None) or None,
        allow_old_code=bool(allow_old_code),
        backup=bool(backup),
        analysed=any(
            _of_fleet(variables, fleet, name, []) for name in ("analysis_analyses", "synthetic_journeys")
        ),
    )


def _group_name(variables: Variables, name: str) -> str:
    return str(variables.value(f"deploy_{name}_group", name))


def _group(variables: Variables, name: str) -> list[str]:
    return list(variables.groups.get(_group_name(variables, name), []))


def _differing(variables: Variables, fleet: Sequence[str]) -> list[str]:
    """Options of the whole fleet that differ from host to host, so that one of the hosts would be ignored."""
    problems = []
    for name in OF_THE_FLEET:
        values: dict[str, list[str]] = {}
        for host in fleet:
            if (value := _of_fleet(variables, [host], name, None)) is not None:
                values.setdefault(repr(value), []).append(host)
        if len(values) > 1:
            given = "; ".join(f"{value} on {', '.join(hosts)}" for value, hosts in values.items())
            problems.append(f"The option '{name}' is one for the whole fleet, but it differs: {given}.")
    return problems


def _of_fleet(variables: Variables, hosts: Sequence[str], name: str, default: Any) -> Any:
    """An option of the whole fleet: the first host's that has it."""
    for host in hosts:
        if name in variables.names(host):
            try:
                return variables.of_host(host, name)
            except LookupError:
                continue
    return default
