# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.provided import (
    VALIDATORS,
    provider_problem,
)

GOOD: dict[str, Any] = {
    "analysis_analyses": [],
    "artifact_service": {"manager": "systemd", "name": "shop.service"},
    "artifact_signature": {"format": "minisign", "key": "/etc/shop/minisign.pub"},
    "feature_flag_service": {"provider": "flagd", "path": "/etc/flagd/shop.json"},
    "fleet_rolling_balancer": {"provider": "haproxy", "address": "/run/haproxy/admin.sock", "pool": "shop"},
    "fleet_rolling_min_ready": "50%",
}


@pytest.mark.parametrize("name", VALIDATORS)
def test_good_options_of_a_provider_have_no_problem(name: str) -> None:
    assert provider_problem(name, GOOD[name]) is None


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("fleet_rolling_balancer", {"provider": "haprxy"}, "did you mean 'haproxy'?"),
        ("fleet_rolling_balancer", {"provider": "haproxy", "adress": "x"}, "did you mean 'address'?"),
        ("artifact_service", {"manager": "systemdd"}, "did you mean 'systemd'?"),
        ("artifact_service", {"manager": "systemd", "tmeout": 5}, "did you mean 'timeout'?"),
        ("artifact_signature", {"format": "gpg", "kee": "x"}, "key"),
        ("feature_flag_service", {"provider": "flagd", "path": "relative.json"}, "absolute path"),
        ("analysis_analyses", [{"provider": "journey"}], "did you mean 'journeys'?"),
        ("analysis_analyses", [5], "not a dictionary"),
        ("fleet_rolling_min_ready", "half", "give a count such as 2 or a percentage"),
        ("fleet_rolling_min_ready", -1, "give a count such as 2 or a percentage"),
        ("fleet_rolling_min_ready", "150%", "give a count such as 2 or a percentage"),
    ],
)
def test_what_a_provider_refuses_is_said_with_the_option(name: str, value: Any, said: str) -> None:
    problem = provider_problem(name, value)
    assert problem is not None
    assert problem.startswith(f"{name}: ")
    assert said in problem


def test_options_of_no_provider_are_not_looked_at() -> None:
    assert provider_problem("artifact_root", {"provider": "x"}) is None
