# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.features import feature_steps


@pytest.mark.parametrize(
    ("flag", "steps"),
    [
        (None, [5, 25, 100]),
        ({"state": "off", "percentage": 0}, [5, 25, 100]),
        ({"state": "partial", "percentage": 5}, [25, 100]),
        ({"state": "partial", "percentage": 10}, [25, 100]),
        ({"state": "on", "percentage": 100}, []),
    ],
)
def test_a_rollout_goes_on_from_where_the_flag_is(flag: dict[str, Any] | None, steps: list[int]) -> None:
    flags = {"billing": flag} if flag else {}
    found = feature_steps(flags, [{"name": "billing", "rollout": [5, 25, 100], "bake": 2}])
    assert [step["percentage"] for step in found] == steps
    assert all(step["bake"] == 2 for step in found)


def test_the_last_step_of_each_rollout_is_known() -> None:
    features: list[dict[str, Any]] = [{"name": "billing", "rollout": [5, 25, 100]}, {"name": "banner"}]
    flags = {"billing": {"state": "partial", "percentage": 5}}
    found = [(step["name"], step["percentage"], step["last"]) for step in feature_steps(flags, features)]
    assert found == [("billing", 25, False), ("billing", 100, True), ("banner", 100, True)]


@pytest.mark.parametrize("given", ["", "shop-2.0-1a2b"])
def test_all_steps_are_of_one_rollout_so_that_what_was_before_it_is_recorded(given: str) -> None:
    features: list[dict[str, Any]] = [{"name": "billing", "rollout": [5, 100]}, {"name": "banner"}]
    (rollout,) = {step["rollout"] for step in feature_steps({}, features, given)}
    assert rollout == given if given else rollout


@pytest.mark.parametrize(("target", "steps"), [(0, [0]), (25, [25])])
def test_a_flag_that_is_on_can_be_turned_down(target: int, steps: list[int]) -> None:
    flags = {"billing": {"state": "on", "percentage": 100}}
    assert [
        step["percentage"] for step in feature_steps(flags, [{"name": "billing", "rollout": [target]}])
    ] == steps


@pytest.mark.parametrize(
    ("flag", "target", "analysed"),
    [
        ({"state": "on", "percentage": 100}, 0, False),
        ({"state": "on", "percentage": 100}, 25, False),
        ({"state": "partial", "percentage": 5}, 25, True),
        ({"state": "off", "percentage": 0}, 5, True),
    ],
)
def test_a_step_down_is_not_analysed_so_that_a_kill_holds(
    flag: dict[str, Any], target: int, analysed: bool
) -> None:
    (step,) = feature_steps({"billing": flag}, [{"name": "billing", "rollout": [target]}])
    assert step["analyse"] is analysed
