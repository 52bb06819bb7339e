# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment tells at its end, and what `status.yml` shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.batches import fleet_option
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import flag_summary
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    Record,
    last_seen,
    member_of,
    pools,
    remaining_record,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import (
    CONTROLLER,
    Variables,
    failure_reason,
    interrupted,
    running,
    schema_version,
    succeeded,
    verdict,
)


def touched_hosts(variables: Variables, fleet: Sequence[str]) -> list[str]:
    """Hosts on which this deployment changed what runs, or tried to."""
    found = []
    for host in fleet:
        results = [
            variables.get(host, {}).get(name) or {} for name in ("__artifact_activate", "__artifact_rollback")
        ]
        if any(failure_reason(result) or (succeeded(result) and result.get("changed")) for result in results):
            found.append(host)
    return found


def hosts_to_settle(variables: Variables, fleet: Sequence[str]) -> list[str]:
    """Hosts that the failure policy rolls back: none where the fleet layer has not failed.

    ``fleet_rolling_policy`` is ``rollback_fleet``, every host that was touched, or ``halt``, none.
    An unreachable host is tried too: it may be back, and a rollback to what it runs changes nothing.
    """
    failed = any(item.layer == "fleet" for item in verdict(variables, fleet).failures)
    policy = fleet_option(variables, fleet, "fleet_rolling_policy", "rollback_fleet")
    return touched_hosts(variables, fleet) if failed and policy == "rollback_fleet" else []


def report(
    variables: Variables,
    fleet: Sequence[str],
    *,
    app: str,
    version: str | None,
    record: Record,
    layers: Sequence[str],
    check_mode: bool = False,
    database_host: str = CONTROLLER,
) -> list[str]:
    """The last lines of a deployment: what was done or what failed where and why, and what runs now.

    Args:
        database_host: the migrating host.
    """
    outcome = verdict(variables, fleet)
    subject = f"{app} {version}" if version else app
    if check_mode and outcome.passed:
        return [f"{subject}: this was a check, nothing was changed."]
    if outcome.passed:
        return [f"{subject}: done.", *_state_lines(variables, fleet, version, record, layers, database_host)]
    lines = [f"{subject}: FAILED in the {outcome.failures[0].layer} layer."]
    for item in outcome.failures:
        where = f" on {', '.join(item.hosts)}" if item.hosts else ""
        lines.append(f"  {item.tried}{where}: {item.reason}")
    if check_mode:
        return [*lines, "This was a check, nothing was changed."]
    return [
        *lines,
        *_state_lines(variables, fleet, version, record, layers, database_host),
        _advice(outcome.failures[0].layer, variables.get(CONTROLLER, {}), database_host),
    ]


def _state_lines(
    variables: Variables,
    fleet: Sequence[str],
    version: str | None,
    record: Record,
    layers: Sequence[str],
    database_host: str,
) -> list[str]:
    lines = []
    put_back = [host for host in fleet if succeeded(variables.get(host, {}).get("__artifact_rollback"))]
    if put_back:
        lines.append(f"  put back       {_by_version(variables, put_back)}")
    lines += _rotation_lines(variables, fleet, record)
    untouched = [
        host
        for host in fleet
        if "__artifact_plan" in variables.get(host, {})
        and host not in put_back
        and host not in touched_hosts(variables, fleet)
    ]
    if {"artifact", "fleet"} & set(layers):
        if untouched:
            lines.append(f"  not touched    {_by_version(variables, untouched)}")
        lines.append(
            f"  running now    {_by_version(variables, [h for h in fleet if running(variables, h)]) or 'nothing'}"
        )
    controller = variables.get(CONTROLLER, {})
    lines += _driver_lines(controller, database_host) + _backup_lines(variables, database_host)
    lines += _database_lines(controller, database_host) + _feature_lines(controller)
    return lines


def _rotation_lines(variables: Variables, fleet: Sequence[str], record: Record) -> list[str]:
    seen = last_seen(variables, fleet)
    out: dict[tuple[str, ...], list[str]] = {}
    lines = []
    for balancer, members in remaining_record(variables, fleet, record).items():
        hosts = [host for host in fleet if member_of(variables, host) in members]
        # A balancer that does not answer may well have them in rotation, and the others certainly do their work.
        unknown = [
            host
            for host in hosts
            if seen.get((balancer, str(member_of(variables, host))), "unknown") == "unknown"
        ]
        drained = tuple(host for host in hosts if host not in unknown)
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


def _by_version(variables: Variables, hosts: Sequence[str]) -> str:
    grouped: dict[str, list[str]] = {}
    for host in hosts:
        grouped.setdefault(running(variables, host) or "nothing", []).append(host)
    return "; ".join(f"{version} on {', '.join(names)}" for version, names in grouped.items())


def installed_driver(controller: Mapping[str, Any]) -> str | None:
    """The package that the plan has installed for the database; None where it did not."""
    for item in (controller.get("__db_migrate_install") or {}).get("results") or []:
        if succeeded(item) and item.get("changed"):
            return str(item["item"])
    return None


def _driver_lines(controller: Mapping[str, Any], database_host: str) -> list[str]:
    package = installed_driver(controller)
    return [f"  installed      {package} on {database_host}"] if package else []


def migration_interrupted(controller: Mapping[str, Any]) -> bool:
    """Whether a migration or its rollback may still run, its host having fallen silent or its module having been killed."""
    return any(
        interrupted(controller.get(register)) for register in ("__db_migrate_apply", "__db_migrate_rollback")
    )


def backup_place(variables: Variables, database_host: str) -> str | None:
    """Where the backup is that was made before the database was changed; None where there is none."""
    result = variables.get(CONTROLLER, {}).get("__db_migrate_backup") or {}
    if not succeeded(result):
        return None
    if "path" in result:
        return f"{database_host}:{result['path']}" if result["path"] else None
    return str(result["msg"])


def _backup_lines(variables: Variables, database_host: str) -> list[str]:
    """The backup of this deployment, and what one that died had noted of its own."""
    dead = (variables.get(CONTROLLER, {}).get("__deployment_lock") or {}).get("unfinished") or {}
    place = backup_place(variables, database_host)
    return [
        *([f"  backup         {place}"] if place else []),
        *([f"  took over      {dead['id']}, which had noted: {dead['note']}"] if dead.get("note") else []),
    ]


def _database_lines(controller: Mapping[str, Any], database_host: str) -> list[str]:
    """What became of the schema; after a failure only what is sure of it."""
    if migration_interrupted(controller):
        return [f"  database       not known, may still run on {database_host}"]
    verbs = {"__db_migrate_rollback": "rolled back", "__db_migrate_apply": "applied", "__db_migrate_plan": ""}
    results = {register: controller.get(register) or {} for register in verbs}
    for register, verb in verbs.items():
        result = results[register]
        names = result.get("done") or result.get("rolled_back") or result.get("applied") or []
        done = [f"{verb} {name}" for name in names if verb]
        # A plan that asks for the driver has not seen the schema.
        if done or (succeeded(result) and not result.get("driver")):
            version = schema_version(result) if succeeded(result) else None
            at = [f"at {version}"] if version else []
            sure = not any(map(failure_reason, results.values()))
            line = ", ".join(at + done) or ("unchanged" if sure else "")
            return [f"  database       {line}"] if line else []
    return []


def _feature_lines(controller: Mapping[str, Any]) -> list[str]:
    flags: dict[str, Any] = {}
    for register in (
        "__feature_flag_plan",
        "__feature_flag_apply",
        "__feature_flag_restore",
        "__feature_flag_rollback",
    ):
        flags.update((controller.get(register) or {}).get("flags") or {})
    summary = ", ".join(f"{name} {flag_summary(flag)}" for name, flag in sorted(flags.items()))
    return [f"  features       {summary}"] if flags else []


def _advice(layer: str, controller: Mapping[str, Any], database_host: str) -> str:
    if layer == "open":
        nothing = "Nothing else was changed." if installed_driver(controller) else "Nothing was changed."
        return f"{nothing} Mend what is named above and run the same command again."
    if layer == "artifact":
        return "No host was drained and nothing was switched. Mend what is named above and run the same command again."
    if layer == "database" and migration_interrupted(controller):
        return (
            f"The fleet was not touched. See that no migration runs on {database_host} any more, "
            "then run the same command again."
        )
    if layer == "database" and failure_reason(controller.get("__db_migrate_backup")):
        return "Nothing was migrated, and the fleet was not touched. Mend the backup and run the same command again."
    if layer == "database":
        return "The fleet was not touched. Mend the migration and run the same command again."
    return "See what runs with status.yml; when the cause is mended, run the same command again."


def deployment_status(variables: Variables, fleet: Sequence[str], *, app: str) -> list[str]:
    """What `status.yml` shows: the hosts, the schema, the flags, who deploys now and who did last."""
    controller = variables.get(CONTROLLER, {})
    info = controller.get("__deployment_info") or {}
    lines = status_table(variables, fleet, info.get("drained") or {})
    database = controller.get("__db_migrate_plan") or {}
    if not database.get("skipped"):
        lines.append(f"database  {failure_reason(database) or _schema(database)}")
    flags = controller.get("__feature_flag_plan") or {}
    summary = ", ".join(
        f"{name} {flag_summary(flag)}" for name, flag in sorted((flags.get("flags") or {}).items())
    )
    lines.append(f"features  {failure_reason(flags) or summary or 'none'}")
    balancers = failure_reason(controller.get("__fleet_rolling_pool"))
    if balancers:
        lines.append(f"balancer  {balancers}")
    lock = info.get("lock")
    if lock:
        lines.append(
            f"lock      {lock['user']}@{lock['host']} deploys {lock['version'] or app} ({lock['id']})"
        )
    for entry in (info.get("journal") or [])[:1]:
        lines.append(
            f"last      {entry.get('occasion')} {entry.get('version') or ''}: {entry.get('outcome')}"
        )
    return lines


def _schema(database: Mapping[str, Any]) -> str:
    version = schema_version(database)
    if version:
        return version
    if database.get("pending") is None:
        return "not known, for no release is on the migrating host"
    names = ", ".join(each["name"] for each in database["pending"])
    return f"pending: {names}" if names else "nothing pending"


def status_table(variables: Variables, fleet: Sequence[str], record: Record) -> list[str]:
    """A line for each host: release, since when, balancer state, health."""
    rows = [("HOST", "RELEASE", "SINCE", "BALANCER", "HEALTH")]
    recorded = {member for members in record.values() for member in members}
    for host in fleet:
        plan = variables.get(host, {}).get("__artifact_plan") or {}
        reason = failure_reason(plan)
        current = plan.get("current") or {}
        member = member_of(variables, host) or ""
        states = {members[member]["state"] for members in pools(variables).values() if member in members}
        balancer = "/".join(sorted(states)) or ("not in the pool" if member else "-")
        if member in recorded and "drained" in states:
            balancer += " (by Strata)"
        health = {True: "healthy", False: f"unhealthy: {plan.get('health_detail', '')}", None: "-"}[
            plan.get("healthy")
        ]
        rows.append(
            (
                host,
                str(current.get("version") or "none") + (" (unfinished)" if plan.get("pending") else ""),
                str(current.get("since") or "-"),
                balancer,
                reason or health,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows
    ]


def journal_entry(
    variables: Variables,
    fleet: Sequence[str],
    *,
    app: str,
    version: str | None,
    occasion: str,
    database_host: str = CONTROLLER,
) -> dict[str, Any]:
    """What the journal keeps of a deployment; the lock's module adds who and when.

    ``took_over`` is what a deployment that died before its own entry had noted in the lock, the place of its backup.
    """
    outcome = verdict(variables, fleet)
    controller = variables.get(CONTROLLER, {})
    migration = controller.get("__db_migrate_apply") or {}
    dead = (controller.get("__deployment_lock") or {}).get("unfinished") or {}
    return {
        "app": app,
        "occasion": occasion,
        "version": version,
        "outcome": "succeeded" if outcome.passed else "failed",
        "failures": [
            {"layer": item.layer, "tried": item.tried, "hosts": list(item.hosts), "reason": item.reason}
            for item in outcome.failures
        ],
        "hosts": {host: running(variables, host) for host in fleet},
        # A failure tells what was applied before it as done.
        "migrations": list(migration.get("done") or migration.get("applied") or []),
        "backup": backup_place(variables, database_host),
        "took_over": {"id": dead["id"], "note": dead["note"]} if dead else None,
    }


def running_releases(variables: Variables, fleet: Sequence[str]) -> list[dict[str, Any]]:
    """What each fleet host runs, as `migration` asks for it: ``{host, version, migrations}``, the last null where not known."""
    return [
        {
            "host": host,
            "version": running(variables, host),
            "migrations": (variables[host].get("__artifact_plan") or {}).get("migrations"),
        }
        for host in fleet
        if running(variables, host)
    ]
