# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules on releases share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils import _url
from ansible_collections.strata.deploy.plugins.module_utils._health import OPTIONS, HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import ServiceOptions

ON_HOST: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "service": {
        "type": "dict",
        "options": {
            "manager": {"type": "str", "required": True, "choices": ["supervisord", "systemd", "none"]},
            "name": {"type": "str"},
            "address": {"type": "str", "no_log": True},
            "timeout": {"type": "float", "default": 30.0},
        },
    },
    # All of it, for a host's log would show the query of a URL that has a password as well.
    "health": {"type": "dict", "options": OPTIONS, "no_log": True},
}


def service_options(value: Mapping[str, Any] | None) -> ServiceOptions | None:
    return (
        ServiceOptions(value["manager"], value["name"] or "", value["address"], value["timeout"])
        if value
        else None
    )


def health_check(value: Mapping[str, Any] | None) -> HealthCheck | None:
    return HealthCheck(**{name: value[name] for name in OPTIONS}) if value else None


def conceal(no_log_values: set[str], parameters: Mapping[str, Any]) -> None:
    """Have what is secret in a module's parameters blotted out of its answer, and nothing else of what is ``no_log``."""
    health, service = parameters.get("health") or {}, parameters.get("service") or {}
    address = service.get("address")
    registry = (parameters.get("container") or {}).get("registry") or {}
    secrets = (_url.secrets_in(url) for url in (parameters.get("url"), health.get("url"), address))
    no_log_values.clear()
    no_log_values.update({each for each in (address, registry.get("password")) if each}, *secrets)
