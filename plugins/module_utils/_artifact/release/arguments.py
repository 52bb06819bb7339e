# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the modules on releases share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import OPTIONS, HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact import (
    kinds,
    services,
    signatures,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.protocol import Artifact, Wanted
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import PROVIDERS as SOURCES
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Access, Source
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.providers import own_options
from ansible_collections.strata.deploy.plugins.module_utils._core import providers
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.urls import secrets_in

SHORTEST = 6
ON_HOST: dict[str, Any] = {
    "path": {"type": "path", "required": True},
    "service": {"type": "dict", "no_log": True},
    # All of it, because a host's log would show the query of a URL that has a password as well.
    "health": {"type": "dict", "options": OPTIONS, "no_log": True},
}
SOURCE: dict[str, Any] = {
    "signature": {"type": "dict", "no_log": True},
    "source_options": {"type": "dict", "no_log": True},
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

TOP_LEVEL = (
    "image",
    "max_bytes",
    "max_entries",
    "strip",
    "setuid",
    "owner",
    "group",
    "file_mode",
    "folder_mode",
)
"""The options of kinds that are options of the module itself. Each goes to every kind that declares it."""
NAMED_DICTIONARIES = ("container", "package")
"""The kinds whose other options are in a dictionary of the same name. Those of any kind may be in ``kind_options``."""
DICTIONARIES: tuple[tuple[str, Mapping[str, type[providers.Provider]], str], ...] = (
    ("service", services.PROVIDERS, "manager"),
    ("signature", signatures.PROVIDERS, "format"),
    ("source_options", SOURCES, "provider"),
    ("kind_options", kinds.PROVIDERS, "kind"),
    *((kind, kinds.PROVIDERS, "kind") for kind in NAMED_DICTIONARIES),
)
"""The options that hold those of a provider: the option, the registry, and the key of the provider's name in it."""
KIND: dict[str, Any] = {
    "kind": {"type": "str", "choices": sorted(kinds.PROVIDERS), "default": "archive"},
    # All of it, because a host's log would show a value that has to be quoted there.
    "kind_options": {"type": "dict", "no_log": True},
    **{
        name: declared
        for each in kinds.PROVIDERS.values()
        for name, declared in each.OPTIONS.items()
        if name in TOP_LEVEL
    },
    **{
        kind: {
            "type": "dict",
            "no_log": True,
            "options": {
                name: declared
                for name, declared in kinds.PROVIDERS[kind].OPTIONS.items()
                if name not in TOP_LEVEL
            },
        }
        for kind in NAMED_DICTIONARIES
    },
}


def artifact(parameters: Mapping[str, Any]) -> Artifact:
    """What is to be staged.

    Raises:
        StrataError: the options do not fit the kind.
    """
    kind = parameters["kind"]
    installer = kinds.PROVIDERS[kind]
    if parameters["image"] and "image" not in installer.OPTIONS:
        takers = " or ".join(name for name, each in kinds.PROVIDERS.items() if "image" in each.OPTIONS)
        raise StrataError(
            f"There is an image, and the kind is {kind}. Give the kind {takers}, or leave the image out."
        )
    fetched = source(parameters) if parameters["url"] else None
    if fetched is None and parameters["signature"] is not None:
        raise StrataError("There is a signature to verify, and no url to fetch what it is of. Leave it out.")
    given = {
        **{name: parameters[name] for name in TOP_LEVEL if name in installer.OPTIONS},
        **((parameters[kind] if kind in NAMED_DICTIONARIES else None) or {}),
        **(parameters["kind_options"] or {}),
        "kind": kind,
    }
    _installer, options = providers.choose("kind", kinds.PROVIDERS, given, key="kind")
    return installer.artifact(options, Wanted(parameters["version"], parameters["checksum"] or "", fetched))


def health_check(value: Mapping[str, Any] | None) -> HealthCheck | None:
    return HealthCheck(**{name: value[name] for name in OPTIONS}) if value else None


def source(parameters: Mapping[str, Any]) -> Source:
    signature = parameters["signature"]
    return Source(
        parameters["url"],
        parameters["checksum"] or "",
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
            own_options(parameters["url"], parameters["source_options"] or {}),
        ),
        signatures.signature(signature) if signature else None,
        parameters.get("origin") or "",
    )


def conceal(no_log_values: set[str], parameters: MutableMapping[str, Any]) -> None:
    """Hide what is secret in a module's parameters from its answer, and nothing else of what is ``no_log``.

    Headers, and what a kind of artifact hides, are replaced in the parameters themselves, because a value of one
    letter cannot be hidden wherever it is.
    """
    health, headers = parameters.get("health") or {}, parameters.get("headers") or {}
    signature = parameters.get("signature") or {}
    urls = (parameters.get("url"), parameters.get("checksum"), signature.get("url"), health.get("url"))
    said = {word for value in headers.values() for word in (str(value), *str(value).split())}
    no_log_values.clear()
    for name, registry, key in DICTIONARIES:
        found: set[str] = set()
        providers.conceal(found, parameters, name, registry, key=key)
        no_log_values |= found
    for name in ("kind_options", *NAMED_DICTIONARIES):
        if parameters.get(name):
            kind = name if name in NAMED_DICTIONARIES else parameters["kind"]
            parameters[name] = kinds.PROVIDERS[kind].shown(parameters[name])
    # The password in a URL is secret without the URL, too.
    no_log_values.update(*[secrets_in(each) for each in no_log_values if "://" in each])
    no_log_values.update({parameters.get("password") or ""} - {""}, *map(secrets_in, urls))
    no_log_values.update(each for each in said if len(each) >= SHORTEST)
    if headers:
        parameters["headers"] = dict.fromkeys(headers, providers.HIDDEN)
