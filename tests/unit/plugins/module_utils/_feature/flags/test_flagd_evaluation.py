# SPDX-License-Identifier: GPL-3.0-or-later
"""What users get, asked of the real OpenFeature provider for flagd in file mode."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd import config as flagd_config
from openfeature.evaluation_context import EvaluationContext

from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.flagd import Flagd

FLAG = "billing-integration"
USERS = [f"user-{number}" for number in range(1000)]
PERCENTAGES = [0, 0.5, 5, 25, 50, 99, 100]


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[float, OpenFeatureClient]]:
    """A client for each percentage; its provider reads the file as it starts, so that nothing waits."""
    clients = {}
    for percentage in PERCENTAGES:
        path = tmp_path_factory.mktemp("flags") / "flags.json"
        path.write_text('{"flags": {}}')
        ours = Flagd({"path": str(path)})
        ours.write({FLAG: ours.revise(FLAG, None, percentage)})
        provider = FlagdProvider(
            resolver_type=flagd_config.ResolverType.FILE,
            offline_flag_source_path=str(path),
            deadline_ms=60_000,
        )
        api.set_provider_and_wait(provider, domain=f"at-{percentage}")
        clients[percentage] = api.get_client(domain=f"at-{percentage}")
    yield clients
    api.shutdown()


def users_with(client: OpenFeatureClient, default: bool = False) -> set[str]:
    return {user for user in USERS if client.get_boolean_value(FLAG, default, EvaluationContext(user))}


@pytest.mark.parametrize("percentage", PERCENTAGES)
def test_the_share_of_users_is_the_percentage(
    clients: dict[float, OpenFeatureClient], percentage: float
) -> None:
    share = len(users_with(clients[percentage])) / len(USERS) * 100
    deviation = (percentage * (100 - percentage) / len(USERS)) ** 0.5
    assert abs(share - percentage) <= 3 * deviation


def test_who_has_a_feature_keeps_it_as_the_percentage_rises(clients: dict[float, OpenFeatureClient]) -> None:
    shares = [users_with(clients[percentage]) for percentage in PERCENTAGES]
    assert all(lower < higher for lower, higher in zip(shares, shares[1:]))


@pytest.mark.parametrize("percentage", PERCENTAGES)
def test_an_evaluation_without_a_user_is_off_until_all_have_it(
    clients: dict[float, OpenFeatureClient], percentage: float
) -> None:
    got: dict[str, Any] = {
        json.dumps(default): clients[percentage].get_boolean_value(FLAG, default) for default in (True, False)
    }
    assert got == {"true": percentage == 100, "false": percentage == 100}
