# SPDX-License-Identifier: GPL-3.0-or-later
"""No service manager."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.none import NoManager
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    SHARED,
    ServiceOptions,
)


def test_it_has_no_service_and_does_not_need_a_name() -> None:
    assert NoManager.service(ServiceOptions(NoManager.NAME, own={})) is None
    assert SHARED["name"].get("required")
    assert not NoManager.OPTIONS["name"].get("required")
