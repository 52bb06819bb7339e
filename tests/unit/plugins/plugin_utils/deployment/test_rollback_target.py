# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.rollback_target import rollback_target


def releases(**states: str) -> list[dict[str, str]]:
    return [{"version": name.lstrip("v").replace("_", "."), "state": state} for name, state in states.items()]


def test_one_release_everywhere_goes_to_its_predecessor(fleet: Any) -> None:
    fleet.runs("2.0", rollback_target="1.0", releases=releases(v2_0="good", v1_0="good"))
    assert rollback_target(fleet.deployment(), None) == "1.0"


def test_a_rollback_that_stopped_half_way_goes_on_to_where_it_was_going(fleet: Any) -> None:
    fleet.runs("1.0", "web1", rollback_target="0.9", releases=releases(v2_0="bad", v1_0="good", v0_9="good"))
    fleet.runs("2.0", "web2", "worker1", rollback_target="1.0", releases=releases(v2_0="good", v1_0="good"))
    assert rollback_target(fleet.deployment(), None) == "1.0"


def test_a_canary_left_on_a_bad_release_goes_to_what_the_others_run(fleet: Any) -> None:
    fleet.runs("3.0", "web1", rollback_target="2.0", releases=releases(v3_0="bad", v2_0="good", v1_0="good"))
    fleet.runs("2.0", "web2", "worker1", rollback_target="1.0", releases=releases(v2_0="good", v1_0="good"))
    assert rollback_target(fleet.deployment(), None) == "2.0"


@pytest.mark.parametrize("state", ["staged", "good"])
def test_a_canary_that_a_dead_run_left_half_switched_goes_to_what_the_others_run(
    fleet: Any, state: str
) -> None:
    found = releases(v3_0=state, v2_0="good", v1_0="good")
    pending = {"act": "activate", "version": "3.0", "previous": "2.0"}
    fleet.runs("3.0", "web1", rollback_target="2.0", releases=found, pending=pending)
    fleet.runs("2.0", "web2", "worker1", rollback_target="1.0", releases=found)
    assert rollback_target(fleet.deployment(), None) == "2.0"


def test_a_rollback_that_died_while_it_switched_goes_on_to_where_it_was_going(fleet: Any) -> None:
    found = releases(v2_0="good", v1_0="good")
    bad = releases(v2_0="bad", v1_0="good")
    pending = {"act": "roll_back", "version": "1.0", "previous": "2.0"}
    fleet.runs("1.0", "web1", releases=bad, pending=pending)
    fleet.runs("2.0", "web2", "worker1", rollback_target="1.0", releases=found)
    assert rollback_target(fleet.deployment(), None) == "1.0"


def test_the_operator_may_name_a_good_release(fleet: Any) -> None:
    fleet.runs("3.0", rollback_target="2.0", releases=releases(v3_0="good", v2_0="good", v1_0="good"))
    assert rollback_target(fleet.deployment(), "1.0") == "1.0"


@pytest.mark.parametrize(
    ("plans", "wanted", "said"),
    [
        ([("2.0", None, releases(v2_0="good"))] * 3, None, "There is no earlier good release than 2.0"),
        (
            [("2.0", "1.0", releases(v2_0="good", v1_0="good"))] * 3,
            "9.9",
            "web1, web2, worker1 cannot go back to 9.9",
        ),
        (
            [("2.0", "1.0", releases(v2_0="good", v1_0="bad"))] * 3,
            "1.0",
            "not among the good releases there (2.0)",
        ),
        (
            [
                ("2.0", "1.0", releases(v2_0="good", v1_0="good")),
                ("2.0", "0.9", releases(v2_0="good", v0_9="good")),
                ("2.0", "1.0", releases(v2_0="good", v1_0="good")),
            ],
            None,
            "earlier good releases differ (0.9, 1.0)",
        ),
        (
            [
                ("2.0", "1.0", releases(v2_0="good", v1_0="good")),
                ("1.0", None, releases(v1_0="good")),
                ("1.0", None, releases(v1_0="good")),
            ],
            None,
            "The fleet runs 1.0, 2.0, so which release to go back to cannot be told",
        ),
    ],
)
def test_what_cannot_be_told_is_asked_for(
    fleet: Any, plans: list[Any], wanted: str | None, said: str
) -> None:
    for host, (version, target, found) in zip(fleet.hosts, plans):
        fleet.runs(version, host, rollback_target=target, releases=found)
    with pytest.raises(StrataError) as caught:
        rollback_target(fleet.deployment(), wanted)
    assert said in str(caught.value)


def test_a_bare_fleet_has_nothing_to_roll_back(fleet: Any) -> None:
    fleet.runs(None)
    with pytest.raises(StrataError, match="No host of the fleet runs a release"):
        rollback_target(fleet.deployment(), None)
