# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment is going to do, from what its read-only tasks registered, and why it must not begin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import capacity_problems
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import flag_summary, steps_of
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rollback import rollback_target
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    Record,
    intended_record,
    member_of,
    members_of,
    pools,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import (
    CONTROLLER,
    Variables,
    failure_reason,
    needs_change,
    running,
    schema_version,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.versions import is_at_least

BY_HAND = "feature by hand"
"""The occasion of a flag that an operator names on the command line."""


@dataclass(frozen=True)
class Plan:
    """What will change, as lines for a person; ``problems`` are reasons not to begin.

    ``contracted`` is the version to be written down as the first that does with the schema, before it is contracted.
    """

    problems: tuple[str, ...]
    lines: tuple[str, ...]
    record: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    contracted: str | None = None


def unread_hosts(variables: Variables, fleet: Sequence[str]) -> list[str]:
    """Hosts of the fleet that this run has not looked at: ``--limit`` left them out."""
    return [host for host in fleet if not variables.get(host, {}).get("__artifact_plan")]


def deployment_plan(
    variables: Variables,
    fleet: Sequence[str],
    *,
    app: str,
    version: str | None,
    layers: Sequence[str],
    features: Sequence[Mapping[str, Any]],
    record: Record,
    occasion: str = "deploy",
    contract_from: str | None = None,
    contracted: str | None = None,
    allow_old_code: bool = False,
    phase: str = "expand",
) -> Plan:
    """The whole plan, and every reason why it must not be carried out.

    Args:
        phase: the migrations' that the database layer applies.
        contract_from: the first version that does without the old schema; by default ``version``.
        contracted: the version from which on releases do with the schema as it is, where it was contracted.
        allow_old_code: whether that may leave a release without what it needs, where none runs it.
    """
    controller = variables.get(CONTROLLER, {})
    problems: list[str] = []
    if occasion == "rollback artifact":
        try:
            version = rollback_target(variables, fleet, version)
        except StrataError as error:
            problems.append(str(error))
    lines = [f"{app}, {occasion}" if occasion != "deploy" else f"{app} {version}"]
    intended: Mapping[str, Mapping[str, Any]] = record
    read = [host for host in fleet if host not in unread_hosts(variables, fleet)]
    if "database" in layers and occasion != "rollback database":
        lines.append(_database_line(controller))
    if "database" in layers and phase == "contract" and occasion not in ("contract", "rollback database"):
        problems.append(
            "db_migrate_phase is contract, and contract migrations are for playbooks/contract.yml alone, which looks whether old "
            "code needs what they take away. Take it out of the inventory and the command."
        )
    if occasion in ("contract", "rollback database") and not fleet:
        problems.append(
            "Which releases run is not known, for the fleet has no hosts: give the group that has them with "
            "-e deploy_fleet_group=GROUP."
        )
    if occasion == "contract":
        problems += _old_code(variables, fleet, contract_from or str(version), allow_old_code)
    if occasion == "rollback database":
        problems += _unknown_releases(variables, fleet)
    if {"artifact", "fleet"} & set(layers):
        if not read:
            problems.append(
                f"No host of the fleet was read, of {', '.join(fleet) or 'none'}: --limit leaves them all out, or "
                "deploy_fleet_group is set in the inventory, where plays do not see it; give it with -e."
            )
        if version:
            lines += _host_lines(variables, fleet, version, layers)
    if "fleet" in layers and version:
        problems += _unknown_members(variables, read, fleet)
        problems += capacity_problems(variables, fleet, read, version, record)
        if "artifact" not in layers and not occasion.startswith("rollback"):
            problems += _not_staged(variables, read, version)
        intended = intended_record(variables, read, version, record)
    if "fleet" in layers and version and contracted and not allow_old_code:
        problems += _lost_schema(version, contracted)
    if "feature" in layers:
        lines += _feature_lines(controller, features, left_out="fleet" in layers and len(read) < len(fleet))
        problems += _unknown_flags(controller, features, occasion)
    pending = (controller.get("__db_migrate_plan") or {}).get("pending")
    leaves = (contract_from or version) if occasion == "contract" and pending else None
    if leaves and contracted and is_at_least(contracted, leaves):
        leaves = None  # what is written down is the stricter one
    return Plan(tuple(problems), tuple(lines), intended, leaves)


def _database_line(controller: Mapping[str, Any]) -> str:
    plan = controller.get("__db_migrate_plan") or {}
    if failure_reason(plan) or failure_reason(controller.get("__db_migrate_install")):
        return f"{'database':<9} not read"
    if plan.get("driver"):
        return f"{'database':<9} {plan['driver']} is installed first; what is pending is not known before"
    pending = ", ".join(plan.get("pending") or [])
    at = f"at {schema_version(plan)}, " if schema_version(plan) else ""
    return f"{'database':<9} {at}{'pending: ' + pending if pending else 'nothing pending'}"


def _host_lines(variables: Variables, fleet: Sequence[str], version: str, layers: Sequence[str]) -> list[str]:
    lines = []
    for host in fleet:
        plan = variables.get(host, {}).get("__artifact_plan")
        before = running(variables, host) or "nothing"
        if not plan:
            line = "left out by --limit"
        elif failure_reason(plan):
            line = "not read"
        elif "fleet" not in layers:
            line = f"{before} runs, {version} is staged beside it"
        elif not needs_change(plan, version):
            line = f"{version}, unchanged"
        else:
            line = f"{before} -> {version}" + (", unhealthy or unfinished" if before == version else "")
        lines.append(f"{'fleet':<9} {host}: {line}")
    return lines


def _feature_lines(
    controller: Mapping[str, Any], features: Sequence[Mapping[str, Any]], *, left_out: bool
) -> list[str]:
    flags = (controller.get("__feature_flag_plan") or {}).get("flags") or {}
    lines = []
    for feature in features:
        now = flag_summary(flags.get(feature["name"]) or {"state": "absent"})
        steps = [f"{step}%" for step in steps_of(feature, flags.get(feature["name"]))]
        what = " -> ".join([now, *steps]) if steps and not left_out else f"{now}, unchanged"
        if steps and left_out:
            what += ", for --limit leaves a part of the fleet on other code"
        lines.append(f"{'feature':<9} {feature['name']}: {what}")
    return lines


def _old_code(
    variables: Variables, fleet: Sequence[str], contract_from: str, allow_old_code: bool
) -> list[str]:
    """Hosts on which a release that runs, or would be gone back to, may still need what a contract migration takes away."""
    problems = []
    for host in fleet:
        plan = variables.get(host, {}).get("__artifact_plan") or {}
        now, target = running(variables, host), plan.get("rollback_target")
        if plan.get("pending"):
            problems.append(
                f"{host} has not come to the end of a change of its release, and what runs there is not known: deploy again first."
            )
        elif not now or not is_at_least(now, contract_from):
            problems.append(
                f"{host} runs {now or 'nothing that is known'}{_against(now, contract_from)}: contract the database only when "
                "the whole fleet runs releases that do without the old schema."
            )
        elif target and not allow_old_code and not is_at_least(target, contract_from):
            problems.append(
                f"{host} would go back to {target}{_against(target, contract_from)}, and could not any more: deploy one more "
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


def _unknown_releases(variables: Variables, fleet: Sequence[str]) -> list[str]:
    return [
        f"What {host} runs was not read, and it may need the migration: roll the database back without --limit, "
        "with every host of the fleet answering."
        for host in fleet
        if not variables.get(host, {}).get("__artifact_plan")
        or failure_reason(variables[host]["__artifact_plan"])
    ]


def _unknown_members(variables: Variables, hosts: Sequence[str], fleet: Sequence[str]) -> list[str]:
    problems = []
    for balancer, members in sorted(pools(variables).items()):
        for host in hosts:
            member = member_of(variables, host)
            if member and member not in members:
                problems.append(
                    f"The balancer {balancer} does not know the member '{member}' of {host}. "
                    f"Its pool has: {', '.join(sorted(members)) or 'nobody'}. "
                    "Add it to the balancer, or mend fleet_rolling_member."
                )
        if not members_of(variables, fleet):
            problems.append(
                f"The pool of {balancer} has {', '.join(sorted(members)) or 'nobody'}, and no host of the fleet is a "
                "member: set fleet_rolling_member for those that it sends requests to."
            )
    return problems


def _not_staged(variables: Variables, hosts: Sequence[str], version: str) -> list[str]:
    return [
        f"{version} is not staged on {host}: run playbooks/artifact.yml first."
        for host in hosts
        for plan in [variables[host]["__artifact_plan"]]
        if not failure_reason(plan)
        and version not in [release["version"] for release in plan.get("releases") or []]
    ]


def _unknown_flags(
    controller: Mapping[str, Any], features: Sequence[Mapping[str, Any]], occasion: str
) -> list[str]:
    """A flag switched by hand must be there: a misspelt name would switch nothing that users see."""
    flags = (controller.get("__feature_flag_plan") or {}).get("flags") or {}
    return [
        f"There is no flag '{feature['name']}' to switch. See what there is with status.yml."
        for feature in features
        if occasion == BY_HAND and flags.get(feature["name"], {}).get("state") == "absent"
    ]
