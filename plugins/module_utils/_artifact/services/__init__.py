# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of a host, one service manager a file; the registry is `PROVIDERS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.none import NoManager
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Manager,
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd import Systemd
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose

PROVIDERS: Mapping[str, type[Manager]] = {
    Command.NAME: Command,
    NoManager.NAME: NoManager,
    Supervisord.NAME: Supervisord,
    Systemd.NAME: Systemd,
}


def service_options(given: Mapping[str, Any] | None) -> ServiceOptions | None:
    """The options in a user's dictionary, which names the service manager under ``manager``; None without one."""
    if given is None:
        return None
    manager, options = choose("service manager", PROVIDERS, given, key="manager")
    shared = {
        name: options[name] for name in ("name", "timeout", "min_uptime") if options.get(name) is not None
    }
    return ServiceOptions(manager.NAME, own=options, **shared)


def connect(options: ServiceOptions | None) -> Service | None:
    """The service that is meant, its options validated without asking anybody; None if there is none to restart."""
    if options is None:
        return None
    service = PROVIDERS[options.manager].service(options)
    if service is None:
        return None
    if not options.name:
        raise StrataError(f"The service manager {options.manager} needs the name of the service.")
    if options.timeout <= 0 or options.min_uptime < 0:
        raise StrataError("A service's timeout must be above 0 seconds, its min_uptime 0 or more.")
    service.validate()
    return service
