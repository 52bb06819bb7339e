# SPDX-License-Identifier: GPL-3.0-or-later
"""How a release gets into a systemd service."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd import MODES, Systemd
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_instances import (
    Instances,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_unit import (
    Reloaded,
    Unit,
)


@pytest.mark.parametrize(
    ("mode", "kind"), [("instances", Instances), ("reload", Reloaded), ("restart", Unit)]
)
def test_the_mode_chooses_the_service(mode: str, kind: type[Unit]) -> None:
    service = Systemd.service(ServiceOptions(Systemd.NAME, "shop@.service", own={"mode": mode}))
    assert type(service) is kind


def test_every_mode_can_be_chosen() -> None:
    assert Systemd.OPTIONS["mode"]["choices"] == list(MODES)
