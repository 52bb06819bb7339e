# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters of the playbooks and roles; each is documented in a file of its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from ansible import context
from ansible.errors import AnsibleFilterError

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.archive_source import archive_source
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import feature_steps
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.results import failure_reason
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rotation import (
    in_rotation,
    taken_out_by_us,
)
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.selection import check_whole


def whole_run(hosts: str, limit: str, groups: Mapping[str, Sequence[str]]) -> str:
    """The play's hosts, once it is sure that the command leaves out nothing that a deployment needs."""
    check_whole(context.CLIARGS, limit, groups)
    return hosts


def as_filter(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except StrataError as error:
            raise AnsibleFilterError(str(error)) from error

    return call


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        functions = {
            "archive_source": archive_source,
            "failure_reason": failure_reason,
            "feature_steps": feature_steps,
            "in_rotation": in_rotation,
            "taken_out_by_us": taken_out_by_us,
            "whole_run": whole_run,
        }
        return {name: as_filter(function) for name, function in functions.items()}
