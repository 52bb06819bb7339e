# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment is going to do, from what its read-only tasks registered, and why it must not begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import capacity_problems, cut
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import (
    flag_summary,
    steps_of,
    steps_of_all,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment, Host, Plan
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import Result, failure_reason
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rollback_target import rollback_target
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import members_to_heal
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    INSTALL_DRIVER,
    PLAN_DATABASE,
    READ_FLAGS,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.versions import is_at_least

BY_HAND = "feature by hand"
"""The occasion of a flag that an operator names on the command line."""


def make_plan(deployment: Deployment) -> Plan:
    """The whole plan, with every reason why it must not be carried out."""
    problems: list[str] = []
    version = deployment.version
    if deployment.occasion == "rollback artifact":
        try:
            version = rollback_target(deployment, version)
        except StrataError as error:
            problems.append(str(error))
    lines = [_title(deployment, version)]
    heal = members_to_heal(deployment)
    lines += _heal_lines(deployment, heal)
    if "database" in deployment.layers and not deployment.is_rollback:
        lines.append(_database_line(deployment))
    problems += _database_problems(deployment)
    if {"artifact", "fleet"} & set(deployment.layers):
        if not any(host.selected for host in deployment.hosts):
            names = ", ".join(host.name for host in deployment.hosts) or "none"
            problems.append(
                f"No host of the fleet was read, of {names}: --limit leaves them all out, or "
                "deploy_fleet_group is set in the inventory, where plays do not see it; give it with -e."
            )
        if version:
            lines += _host_lines(deployment, version)
    plan = Plan(version=version, heal=heal)
    if "fleet" in deployment.layers and version:
        plan = _with_fleet(deployment, plan, version)
        problems += _fleet_problems(deployment, plan, version)
    if "feature" in deployment.layers:
        left_out = "fleet" in deployment.layers and not all(host.selected for host in deployment.hosts)
        lines += _feature_lines(deployment, left_out=left_out)
        problems += _unknown_flags(deployment)
        if not left_out:
            plan = replace(plan, steps=tuple(steps_of_all(_flags(deployment), deployment.settings.features)))
    return replace(
        plan, problems=tuple(problems), lines=tuple(lines), contracted=_leaves_behind(deployment, version)
    )


def _title(deployment: Deployment, version: str | None) -> str:
    if deployment.occasion == "deploy":
        return f"{deployment.app} {version}"
    return f"{deployment.app}, {deployment.occasion}"


def _with_fleet(deployment: Deployment, plan: Plan, version: str) -> Plan:
    hosts = [host.name for host in deployment.hosts if host.was_read and host.needs_change(version)]
    batches = tuple(tuple(batch) for batch in cut(hosts, deployment.settings.batches))
    return replace(plan, fleet_hosts=tuple(hosts), batches=batches, batch_sizes=deployment.settings.batches)


def _fleet_problems(deployment: Deployment, plan: Plan, version: str) -> list[str]:
    problems = _unknown_members(deployment) + capacity_problems(deployment, plan.fleet_hosts, version)
    if "artifact" not in deployment.layers and not deployment.is_rollback:
        problems += _not_staged(deployment, version)
    if deployment.contracted and not deployment.settings.allow_old_code:
        problems += _lost_schema(version, deployment.contracted)
    return problems


def _leaves_behind(deployment: Deployment, version: str | None) -> str | None:
    """The version to write down as the first that does not need the old schema; None where nothing stricter is known."""
    if deployment.occasion != "contract" or not deployment.result(PLAN_DATABASE).get("pending"):
        return None
    leaves = deployment.settings.contract_from or version
    # What is written down already may be the stricter one.
    if leaves and deployment.contracted and is_at_least(deployment.contracted, leaves):
        return None
    return leaves


def _database_problems(deployment: Deployment) -> list[str]:
    occasion, settings = deployment.occasion, deployment.settings
    problems = []
    if (
        "database" in deployment.layers
        and settings.phase == "contract"
        and occasion not in ("contract", "rollback database")
    ):
        problems.append(
            "db_migrate_phase is contract, and contract migrations are for playbooks/contract.yml alone, which checks whether old "
            "code needs what they take away. Take it out of the inventory and the command."
        )
    if occasion in ("contract", "rollback database") and not deployment.hosts:
        problems.append(
            "Which releases run is unknown, because the fleet has no hosts: give the group that has them with "
            "-e deploy_fleet_group=GROUP."
        )
    if occasion == "contract":
        problems += _old_code(deployment, settings.contract_from or str(deployment.version))
    if occasion == "rollback database":
        problems += _unknown_releases(deployment)
    return problems


def backs_up(deployment: Deployment) -> bool:
    """Whether the database is backed up: a way to do it is set, and the database is about to change."""
    changes = deployment.is_rollback or bool(deployment.result(PLAN_DATABASE).get("pending"))
    return deployment.settings.backup and "database" in deployment.layers and changes


def running_releases(deployment: Deployment) -> list[dict[str, Any]]:
    """What each fleet host runs, as `migration` asks for it: ``{host, version, migrations}``, the last None if unknown."""
    return [
        {"host": host.name, "version": host.version, "migrations": host.reading.get("migrations")}
        for host in deployment.hosts
        if host.version
    ]


def _heal_lines(deployment: Deployment, heal: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [
        f"{'fleet':<9} put back on {balancer}, where an earlier deployment left it out of rotation: {', '.join(members)}"
        for balancer, members in sorted(heal.items())
    ]


def _database_line(deployment: Deployment) -> str:
    plan = deployment.result(PLAN_DATABASE)
    if failure_reason(plan) or failure_reason(deployment.result(INSTALL_DRIVER)):
        return f"{'database':<9} not read"
    if plan.get("driver"):
        return f"{'database':<9} {plan['driver']} is installed first; what is pending is not known before"
    pending = ", ".join(plan.get("pending") or [])
    at = f"at {schema_version(plan)}, " if schema_version(plan) else ""
    return f"{'database':<9} {at}{'pending: ' + pending if pending else 'nothing pending'}"


def schema_version(database: Result) -> str | None:
    """Where a schema is, from what a migration module said; None where the engine knows of no version."""
    unversioned = database.get("engine", "sql") != "sql"
    return database.get("version") or (None if unversioned else "an empty schema")


def _host_lines(deployment: Deployment, version: str) -> list[str]:
    return [f"{'fleet':<9} {host.name}: {_host_line(deployment, host, version)}" for host in deployment.hosts]


def _host_line(deployment: Deployment, host: Host, version: str) -> str:
    before = host.version or "nothing"
    if not host.selected:
        return "left out by --limit"
    if not host.was_read:
        return "not read"
    if "fleet" not in deployment.layers:
        return f"{before} runs, {version} is staged beside it"
    if not host.needs_change(version):
        return f"{version}, unchanged"
    return f"{before} -> {version}" + (", unhealthy or unfinished" if before == version else "")


def _flags(deployment: Deployment) -> Mapping[str, Any]:
    flags: Mapping[str, Any] = deployment.result(READ_FLAGS).get("flags") or {}
    return flags


def _feature_lines(deployment: Deployment, *, left_out: bool) -> list[str]:
    flags = _flags(deployment)
    lines = []
    for feature in deployment.settings.features:
        if feature["name"] not in flags:
            lines.append(f"{'feature':<9} {feature['name']}: not read")
            continue
        now = flag_summary(flags[feature["name"]])
        steps = [f"{step}%" for step in steps_of(feature, flags[feature["name"]])]
        what = " -> ".join([now, *steps]) if steps and not left_out else f"{now}, unchanged"
        if steps and left_out:
            what += ", because --limit leaves a part of the fleet on other code"
        lines.append(f"{'feature':<9} {feature['name']}: {what}")
    return lines


def _old_code(deployment: Deployment, contract_from: str) -> list[str]:
    """Hosts on which a release that runs, or would be gone back to, may still need what a contract migration takes away."""
    problems = []
    for host in deployment.hosts:
        now, target = host.version, host.reading.get("rollback_target")
        if host.reading.get("pending"):
            problems.append(
                f"A release change on {host.name} did not finish, so what runs there is unknown. Run the deployment again first."
            )
        elif not now or not is_at_least(now, contract_from):
            problems.append(
                f"{host.name} runs {now or 'nothing that is known'}{_against(now, contract_from)}: contract the database only when "
                "the whole fleet runs releases that do not need the old schema."
            )
        elif target and not deployment.settings.allow_old_code and not is_at_least(target, contract_from):
            problems.append(
                f"{host.name} would go back to {target}{_against(target, contract_from)}, and could not any more: deploy one more "
                "release first, or give that way back up with -e db_migrate_allow_old_code=true."
            )
    return problems


def _against(version: str | None, contract_from: str) -> str:
    """Why a version is not good enough, for the middle of a sentence."""
    if version and is_at_least(version, contract_from) is None:
        return f", which cannot be compared with {contract_from} (db_migrate_contract_from)"
    return f", not {contract_from} or later"


def _lost_schema(version: str, contracted: str) -> list[str]:
    """Why a release that is known to be from before a contraction is not to run again."""
    if is_at_least(version, contracted) is not False:
        return []
    return [
        f"The schema has been contracted for releases from {contracted} on, and {version} is an earlier one: it may need what is "
        "gone. Go forward; if you know that it does not, give -e db_migrate_allow_old_code=true."
    ]


def _unknown_releases(deployment: Deployment) -> list[str]:
    return [
        f"What {host.name} runs was not read, and it may need the migration: roll the database back without --limit, "
        "with every host of the fleet answering."
        for host in deployment.hosts
        if not host.was_read
    ]


def _unknown_members(deployment: Deployment) -> list[str]:
    problems = []
    for balancer, members in sorted(deployment.pools.items()):
        problems += [
            f"The balancer {balancer} does not know the member '{host.member}' of {host.name}. "
            f"Its pool has: {', '.join(sorted(members)) or 'nobody'}. "
            "Add it to the balancer, or correct fleet_rolling_member."
            for host in deployment.hosts
            if host.selected and host.member and host.member not in members
        ]
        if not deployment.members_of(deployment.hosts):
            problems.append(
                f"The pool of {balancer} has {', '.join(sorted(members)) or 'nobody'}, and no host of the fleet is a "
                "member: set fleet_rolling_member for those that it sends requests to."
            )
    return problems


def _not_staged(deployment: Deployment, version: str) -> list[str]:
    return [
        f"{version} is not staged on {host.name}: run playbooks/artifact.yml first."
        for host in deployment.hosts
        if host.was_read
        and version not in [release["version"] for release in host.reading.get("releases") or []]
    ]


def _unknown_flags(deployment: Deployment) -> list[str]:
    """A flag switched by hand must be there: a misspelt name would switch nothing that users see."""
    return [
        f"There is no flag '{feature['name']}' to switch. See what there is with status.yml."
        for feature in deployment.settings.features
        if deployment.occasion == BY_HAND
        and _flags(deployment).get(feature["name"], {}).get("state") == "absent"
    ]
