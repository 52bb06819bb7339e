# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that the migration modules share, as Ansible declares them."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import fields
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import TLS_MODES
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import BLOT, Secrets
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.engines import ENGINES
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.migrator import Migrator

CONNECTION: dict[str, Any] = {
    "system": {"type": "str", "choices": ["mysql", "postgresql", "sqlite"]},
    "host": {"type": "str"},
    "port": {"type": "int"},
    "socket": {"type": "path"},
    "database": {"type": "str"},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "password_file": {"type": "path", "no_log": False},
    "tls": {"type": "str", "choices": list(TLS_MODES)},
    "tls_ca": {"type": "path"},
    "tls_cert": {"type": "path"},
    "tls_key": {"type": "path", "no_log": False},
}
COMMON: dict[str, Any] = {
    "engine": {"type": "str", "choices": sorted(ENGINES), "default": "sql"},
    "url": {"type": "str", "no_log": True},
    "connection": {"type": "dict", "options": CONNECTION},
    "folder": {"type": "str"},
    "archive": {"type": "str", "no_log": True},
    "checksum": {"type": "str", "no_log": True},
    "path": {"type": "path"},
    "release": {"type": "str", "default": ""},
    "commands": {
        "type": "dict",
        "options": {
            "plan": {"type": "raw", "required": True},
            "apply": {"type": "raw", "required": True},
            "rollback": {"type": "raw"},
        },
    },
    "alembic": {
        "type": "dict",
        "options": {
            "python": {"type": "str", "default": "python3"},
            "config": {"type": "str", "default": "alembic.ini"},
        },
    },
    "django": {
        "type": "dict",
        "options": {
            "python": {"type": "str", "default": "python3"},
            "settings": {"type": "str"},
            "database": {"type": "str", "default": "default"},
            "contract": {"type": "list", "elements": "str", "default": []},
        },
    },
    "dbmate": {
        "type": "dict",
        "options": {"program": {"type": "str", "default": "dbmate"}},
    },
    "user": {"type": "str"},
    "environment": {"type": "dict", "no_log": True},
    "timeout": {"type": "float", "default": 1800},
    "lock": {"type": "str", "choices": ["database", "host"], "default": "database"},
}
REQUIRED_IF = [("engine", "command", ["commands"])]


def connect(parameters: MutableMapping[str, Any], no_log_values: set[str]) -> Migrator:
    """The migrator for a module's parameters, what is secret in these kept out of the module's answer.

    Ansible would blot out the value shop of a variable wherever there is a shop, in the names of migrations for instance.
    So only passwords are left to it; in turn the answer does not repeat the parameter, and `Tool` conceals what a command says.
    """
    known = {each.name for each in fields(EngineOptions)}
    options = EngineOptions(**{name: value for name, value in parameters.items() if name in known})
    environment = options.environment or {}
    no_log_values.difference_update(str(value) for value in environment.values())
    urls.conceal(no_log_values, options.archive, options.checksum)
    no_log_values.update(Secrets(environment).passwords, {options.url} if options.url else ())
    if environment:
        parameters["environment"] = dict.fromkeys(environment, BLOT)
    return Migrator(parameters["engine"], options)
