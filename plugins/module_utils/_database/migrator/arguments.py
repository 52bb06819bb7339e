# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the migration modules share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import fields
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release import arguments as artifact
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import conceal, strings
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS as DATABASES
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import BLOT, Secrets
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import PROVIDERS as ENGINES
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator

SOURCE: dict[str, Any] = {
    **artifact.SOURCE,
    "fetch": {"type": "str", "choices": ["host", "controller"], "default": "host"},
}
"""How the archive is fetched, and what it must be signed with: as a release is."""
COMMON: dict[str, Any] = {
    "engine": {"type": "str", "choices": sorted(ENGINES), "default": "sql"},
    # As a whole: which of them are secret, only the engine and the database know.
    "options": {"type": "dict", "default": {}, "no_log": True},
    "url": {"type": "str", "no_log": True},
    "connection": {"type": "dict", "no_log": True},
    "folder": {"type": "str"},
    "archive": {"type": "str", "no_log": True},
    "checksum": {"type": "str", "no_log": True},
    # As a whole, because a host's log would show a secret in it that has to be quoted there.
    "source": {"type": "dict", "no_log": True, "options": SOURCE},
    "path": {"type": "path"},
    "release": {"type": "str", "default": ""},
    "user": {"type": "str"},
    "environment": {"type": "dict", "no_log": True},
    "timeout": {"type": "float", "default": 1800},
    "lock": {"type": "str", "choices": ["database", "host"], "default": "database"},
}


def connect(parameters: MutableMapping[str, Any], no_log_values: set[str]) -> Migrator:
    """The migrator for a module's parameters, with what is secret in these kept out of the module's answer.

    Ansible would hide the value "shop" of a variable wherever there is a "shop", in the names of migrations for instance.
    So only passwords are left to it; in turn the answer does not repeat the variables, and `Tool` conceals what a command says.

    Raises:
        StrataError: an option of the engine is not valid.
    """
    parts = {
        "options": conceal(no_log_values, parameters, "options", ENGINES, key="engine"),
        "connection": conceal(no_log_values, parameters, "connection", DATABASES, key="system"),
    }
    fetched = _fetched(parameters, no_log_values)
    known = {each.name for each in fields(EngineOptions)}
    options = EngineOptions(
        **{name: value for name, value in {**parameters, **parts, **fetched}.items() if name in known}
    )
    environment = options.environment or {}
    no_log_values.difference_update(str(value) for value in environment.values())
    urls.conceal(no_log_values, options.archive, options.checksum)
    no_log_values.update(Secrets(environment).passwords, {options.url} if options.url else ())
    if environment:
        parameters["environment"] = dict.fromkeys(environment, BLOT)
    return Migrator(parameters["engine"], options)


def _fetched(parameters: MutableMapping[str, Any], no_log_values: set[str]) -> dict[str, Any]:
    """How the archive is fetched and verified, with what is secret of it kept out of the module's answer."""
    given = parameters.get("source")
    if not given:
        return {}
    shown = {**given, "url": parameters["archive"], "checksum": parameters["checksum"]}
    secrets: set[str] = set()
    artifact.conceal(secrets, shown)
    no_log_values.difference_update(strings(given))
    no_log_values.update(secrets)
    parameters["source"] = {name: shown[name] for name in given}
    if given.get("fetch") == "controller":
        raise StrataError(
            "Only the module migration has the controller fetch its archive (source: fetch): leave that out."
        )
    if not parameters["archive"]:
        return {}
    wanted = artifact.source({**given, "url": parameters["archive"], "checksum": parameters["checksum"]})
    return {"access": wanted.access, "signature": wanted.signature}
