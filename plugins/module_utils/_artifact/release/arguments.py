# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules on releases share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import OPTIONS, HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import Signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Access, Source
from ansible_collections.strata.deploy.plugins.module_utils._core.urls import secrets_in

BLOT = "********"
SHORTEST = 6
ON_HOST: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "service": {
        "type": "dict",
        "options": {
            "manager": {
                "type": "str",
                "required": True,
                "choices": ["command", "supervisord", "systemd", "none"],
            },
            "name": {"type": "str"},
            "address": {"type": "str", "no_log": True},
            "timeout": {"type": "float", "default": 30.0},
            "mode": {"type": "str", "choices": ["restart", "reload", "instances"], "default": "restart"},
            "min_uptime": {"type": "float", "default": 3.0},
            "commands": {
                "type": "dict",
                "options": {
                    "restart": {"type": "list", "elements": "str", "required": True},
                    "status": {"type": "list", "elements": "str"},
                    "log": {"type": "list", "elements": "str"},
                },
            },
        },
    },
    # All of it, for a host's log would show the query of a URL that has a password as well.
    "health": {"type": "dict", "options": OPTIONS, "no_log": True},
}
SOURCE: dict[str, Any] = {
    "signature": {
        "type": "dict",
        "options": {
            "format": {"type": "str", "required": True, "choices": ["gpg", "minisign", "ssh"]},
            "key": {"type": "str", "required": True, "no_log": False},
            "url": {"type": "str", "no_log": True},
            "comment": {"type": "str"},
            "identity": {"type": "str"},
            "namespace": {"type": "str", "default": "file"},
        },
    },
    "headers": {"type": "dict", "default": {}, "no_log": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "client_cert": {"type": "path"},
    "client_key": {"type": "path", "no_log": False},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "fetch_timeout": {"type": "float", "default": 30.0},
    "fetch_retries": {"type": "int", "default": 3},
    "plain_http": {"type": "bool", "default": False},
}

FETCHED: dict[str, Any] = {
    "url": {"type": "str", "no_log": True},
    "checksum": {"type": "str", "no_log": True},
    "max_bytes": {"type": "int", "default": 2147483648},
    **SOURCE,
}


def service_options(value: Mapping[str, Any] | None) -> ServiceOptions | None:
    if not value:
        return None
    commands = {verb: tuple(words) for verb, words in (value["commands"] or {}).items() if words}
    return ServiceOptions(
        value["manager"],
        value["name"] or "",
        value["address"],
        value["timeout"],
        value["mode"],
        value["min_uptime"],
        commands,
    )


def health_check(value: Mapping[str, Any] | None) -> HealthCheck | None:
    return HealthCheck(**{name: value[name] for name in OPTIONS}) if value else None


def source(parameters: Mapping[str, Any]) -> Source:
    signature = parameters["signature"]
    return Source(
        parameters["url"],
        parameters["checksum"],
        Access(
            parameters["headers"],
            parameters["username"],
            parameters["password"],
            parameters["client_cert"],
            parameters["client_key"],
            parameters["ca_path"],
            parameters["validate_certs"],
            parameters["fetch_timeout"],
            parameters["fetch_retries"],
            parameters["plain_http"],
        ),
        Signature(**signature) if signature else None,
        parameters.get("origin") or "",
    )


def conceal(no_log_values: set[str], parameters: MutableMapping[str, Any]) -> None:
    """Have what is secret in a module's parameters blotted out of its answer, and nothing else of what is ``no_log``.

    Headers are blotted out of the parameters themselves as well, for a value of one letter cannot be everywhere.
    """
    health, service = parameters.get("health") or {}, parameters.get("service") or {}
    signature, headers = parameters.get("signature") or {}, parameters.get("headers") or {}
    address = service.get("address")
    registry = (parameters.get("container") or {}).get("registry") or {}
    urls = (
        parameters.get("url"),
        parameters.get("checksum"),
        signature.get("url"),
        health.get("url"),
        address,
    )
    said = {word for value in headers.values() for word in (str(value), *str(value).split())}
    secrets = {
        address or "",
        parameters.get("password") or "",
        registry.get("password") or "",
        *(each for each in said if len(each) >= SHORTEST),
    }
    no_log_values.clear()
    no_log_values.update(secrets - {""}, *map(secrets_in, urls))
    if headers:
        parameters["headers"] = dict.fromkeys(headers, BLOT)
