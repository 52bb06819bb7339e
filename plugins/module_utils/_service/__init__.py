# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services of process supervisors: one provider a file, all named here."""

from __future__ import annotations

from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._service.protocol import Service, ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._service.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._service.systemd import Systemd

PROVIDERS: dict[str, Callable[[ServiceOptions], Service]] = {
    Supervisord.NAME: Supervisord,
    Systemd.NAME: Systemd,
}


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
    if options.timeout <= 0:
        raise StrataError("A service's timeout must be above 0 seconds.")
    service = PROVIDERS[options.manager](options)
    service.validate()
    return service
