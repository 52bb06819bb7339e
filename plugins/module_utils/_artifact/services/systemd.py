# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system's systemd: a unit that is restarted or reloaded, or instances of a template unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    SHARED,
    Service,
    ServiceOptions,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_instances import (
    Instances,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_unit import (
    Reloaded,
    Unit,
)

MODES: Mapping[str, type[Unit]] = {"instances": Instances, "reload": Reloaded, "restart": Unit}


class Systemd:
    """See `Manager`; ``mode`` says how a release gets into the service."""

    NAME: ClassVar[str] = "systemd"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "mode": {"type": "str", "choices": sorted(MODES), "default": "restart"},
    }

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        return MODES[options.own["mode"]](options)
