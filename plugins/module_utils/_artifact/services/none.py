# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service manager ``none``: there is no service to restart, or it is not known here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    SHARED,
    Service,
    ServiceOptions,
)


class NoManager:
    """See `Manager`. A container takes ``timeout`` and ``min_uptime`` from it."""

    NAME: ClassVar[str] = "none"
    OPTIONS: ClassVar[Mapping[str, Any]] = {**SHARED, "name": {"type": "str"}}

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        del options
        return None
