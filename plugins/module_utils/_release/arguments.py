# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules on releases and health share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils import _url
from ansible_collections.strata.deploy.plugins.module_utils._health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import ServiceOptions

HEALTH: dict[str, Any] = {
    "url": {"type": "str", "required": True},
    "status": {"type": "int", "default": 200},
    "successes": {"type": "int", "default": 2},
    "interval": {"type": "float", "default": 0.1},
    "timeout": {"type": "float", "default": 30.0},
    "version_header": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
}

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
    "health": {"type": "dict", "options": HEALTH},
}


def service_options(value: Mapping[str, Any] | None) -> ServiceOptions | None:
    return (
        ServiceOptions(value["manager"], value["name"] or "", value["address"], value["timeout"])
        if value
        else None
    )


def health_check(value: Mapping[str, Any] | None) -> HealthCheck | None:
    return HealthCheck(**{name: value[name] for name in HEALTH}) if value else None


def secrets(parameters: Mapping[str, Any]) -> set[str]:
    """What in a module's parameters must not be shown."""
    health, service = parameters.get("health") or {}, parameters.get("service") or {}
    urls = parameters.get("url"), health.get("url"), service.get("address")
    return set().union(*(_url.secrets_in(url) for url in urls))
