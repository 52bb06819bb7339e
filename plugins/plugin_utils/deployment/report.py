# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The last lines of a deployment: what was done, or what failed where and why, and what runs now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import flag_summary
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment, Host, Verdict
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.plan import schema_version
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    failure_reason,
    succeeded,
    was_interrupted,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    last_seen,
    members_gone,
    still_out,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    BACK_UP,
    INSTALL_DRIVER,
    MIGRATE,
    PLAN_DATABASE,
    READ_FLAGS,
    RESTORE_FLAG,
    ROLL_BACK_DATABASE,
    ROLL_BACK_FLAGS,
    SWITCH_FLAG,
)


def report(deployment: Deployment, verdict: Verdict) -> list[str]:
    """The report, a line each."""
    subject = f"{deployment.app} {deployment.target}" if deployment.target else deployment.app
    if verdict.passed:
        if deployment.check_mode:
            return [f"{subject}: this was a check, nothing was changed."]
        return [f"{subject}: done.", *_state_lines(deployment)]
    lines = [f"{subject}: FAILED in the {verdict.failures[0].layer} layer."]
    for item in verdict.failures:
        where = f" on {', '.join(item.hosts)}" if item.hosts else ""
        lines.append(f"  {item.tried}{where}: {item.reason}")
    if deployment.check_mode:
        return [*lines, "This was a check, nothing was changed."]
    return [*lines, *_state_lines(deployment), _advice(deployment, verdict.failures[0].layer)]


def _state_lines(deployment: Deployment) -> list[str]:
    lines = []
    put_back = [host for host in deployment.hosts if host.was_rolled_back]
    if put_back:
        lines.append(f"  put back       {_by_version(put_back)}")
    lines += _rotation_lines(deployment)
    untouched = [
        host for host in deployment.hosts if host.reading and host not in put_back and not host.was_touched
    ]
    if {"artifact", "fleet"} & set(deployment.layers):
        if untouched:
            lines.append(f"  not touched    {_by_version(untouched)}")
        lines.append(
            f"  running now    {_by_version([h for h in deployment.hosts if h.version]) or 'nothing'}"
        )
    return (
        lines
        + _driver_lines(deployment)
        + _backup_lines(deployment)
        + _database_lines(deployment)
        + _flag_lines(deployment)
    )


def _rotation_lines(deployment: Deployment) -> list[str]:
    seen = last_seen(deployment)
    out: dict[tuple[str, ...], list[str]] = {}
    lines = [
        f"  gone           {', '.join(members)}, which an earlier run took out of rotation: {balancer} no longer knows it"
        for balancer, members in members_gone(deployment).items()
    ]
    for balancer, members in still_out(deployment).items():
        hosts = [host for host in deployment.hosts if host.member in members]
        # A balancer that does not answer may well have them in rotation, and the others certainly do their work.
        unknown = [
            host.name for host in hosts if seen.get((balancer, str(host.member)), "unknown") == "unknown"
        ]
        drained = tuple(host.name for host in hosts if host.name not in unknown)
        if drained:
            out.setdefault(drained, []).append(balancer)
        if unknown:
            lines.append(f"  not known      whether {balancer} has {', '.join(unknown)} in rotation")
    return [
        *(
            f"  out of rotation on {', '.join(balancers)}: {', '.join(hosts)}"
            for hosts, balancers in out.items()
        ),
        *lines,
    ]


def _by_version(hosts: Sequence[Host]) -> str:
    grouped: dict[str, list[str]] = {}
    for host in hosts:
        grouped.setdefault(host.version or "nothing", []).append(host.name)
    return "; ".join(f"{version} on {', '.join(names)}" for version, names in grouped.items())


def installed_driver(deployment: Deployment) -> str | None:
    """The package that the plan has installed for the database; None where it did not."""
    for item in deployment.result(INSTALL_DRIVER).get("results") or []:
        if succeeded(item) and item.get("changed"):
            return str(item["item"])
    return None


def _driver_lines(deployment: Deployment) -> list[str]:
    package = installed_driver(deployment)
    return [f"  installed      {package} on {deployment.settings.database_host}"] if package else []


def migration_was_interrupted(deployment: Deployment) -> bool:
    """Whether a migration may still run: its host fell silent, or its module was killed."""
    return any(was_interrupted(deployment.result(step)) for step in (MIGRATE, ROLL_BACK_DATABASE))


def backup_place(deployment: Deployment) -> str | None:
    """Where the backup is that was made before the database was changed; None where there is none."""
    result = deployment.result(BACK_UP)
    if not succeeded(result):
        return None
    if "path" in result:
        return f"{deployment.settings.database_host}:{result['path']}" if result["path"] else None
    return str(result["msg"]) if result.get("msg") else None


def _backup_lines(deployment: Deployment) -> list[str]:
    """The backup of this deployment, and what one that died had noted of its own."""
    dead, place = deployment.unfinished, backup_place(deployment)
    return [
        *([f"  backup         {place}"] if place else []),
        *([f"  took over      {dead['id']}, which had noted: {dead['note']}"] if dead.get("note") else []),
    ]


def _database_lines(deployment: Deployment) -> list[str]:
    """What became of the schema; after a failure only what is sure of it."""
    if migration_was_interrupted(deployment):
        return [f"  database       not known, may still run on {deployment.settings.database_host}"]
    verbs = {ROLL_BACK_DATABASE: "rolled back", MIGRATE: "applied", PLAN_DATABASE: ""}
    for step, verb in verbs.items():
        result = deployment.result(step)
        names = result.get("done") or result.get("rolled_back") or result.get("applied") or []
        done = [f"{verb} {name}" for name in names if verb]
        # A plan that asks for the driver has not seen the schema.
        if done or (succeeded(result) and not result.get("driver")):
            version = schema_version(result) if succeeded(result) else None
            at = [f"at {version}"] if version else []
            sure = not any(failure_reason(deployment.result(each)) for each in verbs)
            line = ", ".join(at + done) or ("unchanged" if sure else "")
            return [f"  database       {line}"] if line else []
    return []


def _flag_lines(deployment: Deployment) -> list[str]:
    flags: dict[str, Any] = {}
    for step in (READ_FLAGS, SWITCH_FLAG, RESTORE_FLAG, ROLL_BACK_FLAGS):
        flags.update(deployment.result(step).get("flags") or {})
    summary = ", ".join(f"{name} {flag_summary(flag)}" for name, flag in sorted(flags.items()))
    return [f"  features       {summary}"] if flags else []


def _advice(deployment: Deployment, layer: str) -> str:
    host = deployment.settings.database_host
    if layer == "open":
        nothing = "Nothing else was changed." if installed_driver(deployment) else "Nothing was changed."
        return f"{nothing} Correct what is named above and run the same command again."
    if layer == "artifact":
        return "No host was drained and nothing was switched. Correct what is named above and run the same command again."
    if layer == "database" and migration_was_interrupted(deployment):
        return f"The fleet was not touched. Make sure that no migration runs on {host} any more, then run the same command again."
    if layer == "database" and failure_reason(deployment.result(BACK_UP)):
        return "Nothing was migrated, and the fleet was not touched. Repair the backup and run the same command again."
    if layer == "database":
        return "The fleet was not touched. Repair the migration and run the same command again."
    return "See what runs with status.yml; when the cause is removed, run the same command again."
