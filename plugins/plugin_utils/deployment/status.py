# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `status.yml` shows: the hosts, the schema, the flags, who deploys now and who did last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import flag_summary
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Deployment, Host
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.plan import schema_version
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import (
    Result,
    failure_reason,
    was_skipped,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import (
    PLAN_DATABASE,
    READ_FLAGS,
    READ_POOLS,
)


def status(deployment: Deployment, info: Mapping[str, Any]) -> list[str]:
    """The status, a line each.

    Args:
        info: what `deploy_info` read on the control host: ``lock``, ``journal`` (the newest entry first), ``drained``.
    """
    lines = status_table(deployment)
    database = deployment.result(PLAN_DATABASE)
    if database and not was_skipped(database):
        lines.append(f"database  {failure_reason(database) or _schema(database)}")
    flags = deployment.result(READ_FLAGS)
    summary = ", ".join(
        f"{name} {flag_summary(flag)}" for name, flag in sorted((flags.get("flags") or {}).items())
    )
    lines.append(f"features  {failure_reason(flags) or summary or 'none'}")
    balancers = failure_reason(deployment.result(READ_POOLS))
    if balancers:
        lines.append(f"balancer  {balancers}")
    lock = info.get("lock")
    if lock:
        lines.append(
            f"lock      {lock['user']}@{lock['host']} deploys {lock['version'] or deployment.app} ({lock['id']})"
        )
    for entry in (info.get("journal") or [])[:1]:
        lines.append(
            f"last      {entry.get('occasion')} {entry.get('version') or ''}: {entry.get('outcome')}"
        )
    return lines


def _schema(database: Result) -> str:
    version = schema_version(database)
    if version:
        return version
    if database.get("pending") is None:
        return "not known, because no release is on the migrating host"
    names = ", ".join(each["name"] for each in database["pending"])
    return f"pending: {names}" if names else "nothing pending"


def status_table(deployment: Deployment) -> list[str]:
    """A line for each host: release, since when, balancer state, health."""
    rows = [("HOST", "RELEASE", "SINCE", "BALANCER", "HEALTH")]
    rows += [_row(deployment, host) for host in deployment.hosts]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]).rstrip() for row in rows
    ]


def _row(deployment: Deployment, host: Host) -> tuple[str, str, str, str, str]:
    reading = host.reading
    current = reading.get("current") or {}
    states = {
        members[host.member]["state"]
        for members in deployment.pools.values()
        if host.member and host.member in members
    }
    balancer = "/".join(sorted(states)) or ("not in the pool" if host.member else "-")
    recorded = {member for members in deployment.record.values() for member in members}
    if host.member in recorded and "drained" in states:
        balancer += " (by Strata)"
    health = {True: "healthy", False: f"unhealthy: {reading.get('health_detail', '')}", None: "-"}[
        reading.get("healthy")
    ]
    return (
        host.name,
        str(current.get("version") or "none") + (" (unfinished)" if reading.get("pending") else ""),
        str(current.get("since") or "-"),
        balancer,
        failure_reason(reading) or health,
    )
