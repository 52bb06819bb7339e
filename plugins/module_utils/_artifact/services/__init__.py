# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of process supervisors: one provider a file, all named here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd import (
    Reloaded,
    Systemd,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_instances import (
    Instances,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PROVIDERS: dict[str, Mapping[str, Callable[[ServiceOptions], Service]]] = {
    Command.NAME: {"restart": Command},
    Supervisord.NAME: {"restart": Supervisord},
    Systemd.NAME: {"instances": Instances, "reload": Reloaded, "restart": Systemd},
}
"""By the manager's name, and the mode in which a release gets into the service."""


def connect(options: ServiceOptions | None) -> Service | None:
    """The provider for ``options.manager``, validated; None for the manager ``none``."""
    if options is None or options.manager == "none":
        return None
    if options.manager not in PROVIDERS:
        raise StrataError(
            f"There is no service manager '{options.manager}'; known: {', '.join(PROVIDERS)}, none."
        )
    if not options.name:
        raise StrataError(f"The service manager {options.manager} needs the name of the service.")
    if options.timeout <= 0 or options.min_uptime < 0:
        raise StrataError("A service's timeout must be above 0 seconds, its min_uptime 0 or more.")
    if options.commands and options.manager != Command.NAME:
        raise StrataError(f"The service manager {options.manager} takes no commands.")
    modes = PROVIDERS[options.manager]
    if options.mode not in modes:
        raise StrataError(
            f"The service manager {options.manager} has no mode '{options.mode}'; it has: {', '.join(modes)}."
        )
    service = modes[options.mode](options)
    service.validate()
    return service
