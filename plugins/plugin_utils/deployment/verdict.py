# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a deployment stands, read from what its tasks registered.

Every task that touches something registers its result and is ignored when it fails, so that no host
leaves the play and the last play always runs; what failed is found here, from the results alone, and
the last task of the deployment fails with it. The tables below are the only place that knows the
registered names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Variables = Mapping[str, Mapping[str, Any]]
"""A host's name -> its variables, as Ansible's ``hostvars``."""

CONTROLLER = "localhost"


@dataclass(frozen=True)
class Step:
    """One registered result: what it is called, which layer it belongs to, what it tried."""

    register: str
    layer: str
    tried: str
    once: bool = False


FLEET_STEPS = (
    Step("__artifact_plan", "open", "reading what runs there"),
    Step("__artifact_stage", "artifact", "staging the release"),
    Step("__fleet_rolling_drain", "fleet", "draining the batch", once=True),
    Step("__artifact_activate", "fleet", "activating the release"),
    Step("__artifact_rollback", "fleet", "rolling the release back"),
    Step("__fleet_rolling_restore", "fleet", "putting the batch back into rotation", once=True),
    Step("__analysis_verify", "fleet", "the synthetic journeys after the batch", once=True),
)
CONTROLLER_STEPS = (
    Step("__db_migrate_install", "open", "installing the database driver"),
    Step("__db_migrate_plan", "open", "planning the migrations"),
    Step("__fleet_rolling_pool", "open", "reading the balancers"),
    Step("__feature_flag_plan", "open", "reading the feature flags"),
    Step("__deployment_plan", "open", "checking the plan"),
    Step("__deployment_record", "open", "recording what will be drained"),
    Step("__db_migrate_backup", "database", "backing the database up"),
    Step("__deployment_note", "database", "noting in the lock where the backup is"),
    Step("__db_migrate_apply", "database", "migrating the database"),
    Step("__db_migrate_rollback", "database", "rolling back the migration"),
    Step("__feature_flag_failure", "feature", "ramping the feature"),
    Step("__feature_flag_restore", "feature", "putting the flag back after that"),
    Step("__feature_flag_rollback", "feature", "putting the flag back"),
    Step("__deployment_close", "close", "writing the journal and releasing the lock"),
)


@dataclass(frozen=True)
class Failure:
    """What went wrong where: ``hosts`` is empty for a step that concerns no single host."""

    layer: str
    tried: str
    reason: str
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    passed: bool
    failures: tuple[Failure, ...] = field(default_factory=tuple)


def failure_reason(result: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None) -> str | None:
    """Why a registered result, or the first such of several, is a failure; None where none is, or was skipped."""
    if not result:
        return None
    if not isinstance(result, Mapping):
        return next(filter(None, map(failure_reason, result)), None)
    broken = [item for item in result.get("results") or [] if failure_reason(item)]
    if broken:
        return "; ".join(
            f"{item['item']}: {failure_reason(item)}"
            if isinstance(item.get("item"), str)
            else str(failure_reason(item))
            for item in broken
        )
    if result.get("unreachable"):
        return f"unreachable: {result.get('msg', 'no answer')}"
    if result.get("failed"):
        detail = result.get("msg") or result.get("module_stderr") or result.get("exception") or "no message"
        return str(detail).strip()
    return None


def hook_failure(task: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Why a hook failed, for the record, from what Ansible tells a rescue."""
    reason = "its result is secret (no_log)" if task.get("no_log") else failure_reason(result)
    return f"{task.get('name') or task.get('action') or 'a task without a name'}: {reason or 'no message'}"


def interrupted(result: Mapping[str, Any] | None) -> bool:
    """Whether a task ended without its module's own word, so that what it did, and whether it still does, is not known."""
    result = result or {}
    return bool(result.get("unreachable")) or "module_stdout" in result


def verdict(variables: Variables, fleet: Sequence[str]) -> Verdict:
    """What has failed so far, in the order in which the deployment does things."""
    controller = variables.get(CONTROLLER, {})
    # Settling registers its own drains and restores over those that the verdict was read from.
    recorded = controller.get("__deployment_settled")
    failures = tuple(
        Failure(**{**item, "hosts": tuple(item["hosts"])}) for item in (recorded or {}).get("failures", ())
    )
    failures += tuple(
        failure
        for failure in _untold(_fleet_failures(variables, fleet), failures) + _controller_failures(controller)
        if failure not in failures
    )
    return Verdict(passed=not failures, failures=failures)


def _untold(failures: Sequence[Failure], told: Sequence[Failure]) -> tuple[Failure, ...]:
    """The failures but for the hosts of which the same is told already."""
    known = {(item.layer, item.tried, item.reason, host) for item in told for host in item.hosts}
    left = (
        replace(
            item,
            hosts=tuple(
                host for host in item.hosts if (item.layer, item.tried, item.reason, host) not in known
            ),
        )
        for item in failures
    )
    return tuple(item for item in left if item.hosts)


def _controller_failures(controller: Mapping[str, Any]) -> tuple[Failure, ...]:
    found = []
    for step in CONTROLLER_STEPS:
        reason = failure_reason(controller.get(step.register))
        if reason:
            found.append(Failure(step.layer, step.tried, reason))
    return tuple(found)


def _fleet_failures(variables: Variables, fleet: Sequence[str]) -> tuple[Failure, ...]:
    found: dict[tuple[str, str, str], list[str]] = {}
    for step in FLEET_STEPS:
        for host in fleet:
            reason = failure_reason(variables.get(host, {}).get(step.register))
            if reason:
                found.setdefault((step.layer, step.tried, reason), []).append(host)
    return tuple(
        Failure(layer, tried, reason, tuple(hosts)) for (layer, tried, reason), hosts in found.items()
    )


def schema_version(database: Mapping[str, Any]) -> str | None:
    """Where a schema is, from what a migration module said; None where the engine knows of no version."""
    unversioned = database.get("engine", "sql") != "sql"
    return database.get("version") or (None if unversioned else "an empty schema")


def succeeded(result: Mapping[str, Any] | None) -> bool:
    """Whether a registered result ran to its end and was not a failure."""
    return (
        result is not None and bool(result) and not result.get("skipped") and failure_reason(result) is None
    )


def running(variables: Variables, host: str) -> str | None:
    """The version that a host runs now, as far as this deployment saw; None where none or not known."""
    own = variables.get(host, {})
    for register in ("__artifact_rollback", "__artifact_activate"):
        result = own.get(register) or {}
        if succeeded(result):
            return str(result["version"])
        if failure_reason(result) and result.get("changed"):
            return f"{result.get('version', 'an unknown release')} (failed)"
    current = (own.get("__artifact_plan") or {}).get("current") or {}
    return current.get("version")


def needs_change(plan: Mapping[str, Any], version: str) -> bool:
    """Whether having ``version`` active would do anything on a host, from what `release_info` said of it.

    True wherever `release` would restart the service, for that must not happen to a member in rotation.
    """
    current = plan.get("current") or {}
    return (
        current.get("version") != version
        or current.get("state") != "good"
        or bool(plan.get("pending"))
        or plan.get("healthy") is False
        or plan.get("service_state") in ("stopped", "failed")
    )
