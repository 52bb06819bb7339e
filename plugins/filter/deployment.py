# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters by which the playbooks ask the deployment's cores; each is documented in a file of its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment import (
    batches,
    features,
    manifest,
    plan,
    report,
    rollback,
    rotation,
    verdict,
)

Variables = Mapping[str, Mapping[str, Any]]


def role_options(roles: str) -> list[str]:
    names: set[str] = set()
    for path in Path(roles).glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            names |= set(entry.get("options", {}))
    return sorted(names)


def option_names(
    variables: Variables, hosts: Sequence[str], roles: Sequence[str], known: Sequence[str]
) -> list[str]:
    names = {name for host in hosts for name in variables.get(host, {})}
    return manifest.meant_as_options(names, roles, known)


def deployment_id(variables: Variables) -> str:
    return str(variables[verdict.CONTROLLER]["__deployment_lock"]["lock"]["id"])


def as_dict(function: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    return lambda *arguments, **options: plain(function(*arguments, **options))


def as_text(function: Callable[..., list[str]]) -> Callable[..., str]:
    return lambda *arguments, **options: "\n".join(function(*arguments, **options))


def plain(value: Any) -> Any:
    """A result as Ansible can carry it; `dataclasses.asdict` copies, which Ansible's lazy containers refuse."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def as_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except StrataError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        functions = {
            "backup_place": report.backup_place,
            "batch_to_analyse": rotation.batch_to_analyse,
            "batches": batches.batches,
            "deployment_id": deployment_id,
            "deployment_plan": as_dict(plan.deployment_plan),
            "deployment_report": as_text(report.report),
            "deployment_status": as_text(report.deployment_status),
            "deployment_verdict": as_dict(verdict.verdict),
            "failure_reason": verdict.failure_reason,
            "feature_steps": features.feature_steps,
            "fleet_option": batches.fleet_option,
            "hosts_to_settle": report.hosts_to_settle,
            "in_rotation": rotation.in_rotation,
            "journal_entry": report.journal_entry,
            "members_of": rotation.members_of,
            "members_to_drain": rotation.members_to_drain,
            "members_to_roll_back": rotation.members_to_roll_back,
            "members_to_restore": rotation.members_to_restore,
            "needs_change": verdict.needs_change,
            "option_names": option_names,
            "remaining_record": rotation.remaining_record,
            "rollback_target": rollback.rollback_target,
            "role_options": role_options,
            "running_releases": report.running_releases,
            "stranded_members": rotation.stranded_members,
            "taken_out_by_us": rotation.taken_out_by_us,
            "unread_hosts": plan.unread_hosts,
            "wanted_groups": manifest.wanted_groups,
            "within_limit": manifest.within_limit,
        }
        return {name: as_filter(function) for name, function in functions.items()}
