# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.plan import make_plan, running_releases

SETTINGS = {"features", "phase", "contract_from", "allow_old_code", "batches", "min_ready", "backup"}


def plan(fleet: Any, /, **asked: Any) -> Any:
    settings = {name: asked.pop(name) for name in SETTINGS & set(asked)}
    return make_plan(fleet.deployment(settings={"batches": [1], **settings}, **asked))


def problems(fleet: Any, /, **asked: Any) -> str:
    return "\n".join(plan(fleet, **asked).problems)


def test_a_member_that_the_balancer_does_not_know_is_a_problem(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready")
    (problem,) = plan(fleet, min_ready=0).problems
    assert "'member-web2' of web2" in problem
    assert "member-web1" in problem


def test_the_plan_names_hosts_migrations_and_flags_from_and_to(fleet: Any) -> None:
    fleet.runs("1.0", "web1").runs("2.0", "web2").runs(None, "worker1").pool(web1="ready", web2="ready")
    fleet.variables["localhost"]["__db_migrate_plan"] = {"version": "1", "pending": ["2_currency"]}
    fleet.variables["localhost"]["__feature_flag_plan"] = {
        "flags": {"billing": {"state": "partial", "percentage": 5}}
    }
    found = plan(
        fleet,
        layers=["database", "artifact", "fleet", "feature"],
        features=[{"name": "billing", "rollout": [5, 25, 100]}],
    )
    assert found.fleet_hosts == ("web1", "worker1")
    assert found.batches == (("web1",), ("worker1",))
    assert [step["percentage"] for step in found.steps] == [25, 100]
    text = "\n".join(found.lines)
    for line in (
        "at 1, pending: 2_currency",
        "web1: 1.0 -> 2.0",
        "web2: 2.0, unchanged",
        "worker1: nothing -> 2.0",
        "billing: 5% -> 25% -> 100%",
    ):
        assert line in text


def test_a_plan_without_a_problem(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    assert problems(fleet) == ""


def test_a_deployment_that_would_touch_no_host_is_refused(fleet: Any) -> None:
    assert "No host of the fleet was read" in problems(fleet, selected=[])


def test_a_pool_of_which_no_host_is_a_member_is_refused(fleet: Any) -> None:
    fleet.runs("1.0").pool(web1="ready", web2="ready")
    for host in ("web1", "web2"):
        del fleet.variables[host]["fleet_rolling_member"]
    assert "no host of the fleet is a member" in problems(fleet)


def test_the_schema_is_not_rolled_back_while_a_host_was_not_read(fleet: Any) -> None:
    fleet.runs("2.0", "web1", "worker1")
    said = problems(fleet, layers=["database"], occasion="rollback database", version=None)
    assert "What web2 runs was not read" in said
    fleet.result("__artifact_plan", "web2", unreachable=True, msg="no route")
    assert "What web2 runs was not read" in problems(
        fleet, layers=["database"], occasion="rollback database", version=None
    )


def test_the_fleet_layer_alone_wants_the_release_staged(fleet: Any) -> None:
    fleet.runs("1.0", releases=[{"version": "1.0", "state": "good"}]).pool(web1="ready", web2="ready")
    assert "2.0 is not staged on web1" in problems(fleet, layers=["fleet"])
    fleet.runs("1.0", releases=[{"version": "2.0", "state": "staged"}])
    assert problems(fleet, layers=["fleet"]) == ""


def test_a_flag_switched_by_hand_must_be_there(fleet: Any) -> None:
    fleet.variables["localhost"]["__feature_flag_plan"] = {"flags": {"biling": {"state": "absent"}}}
    asked = {"layers": ["feature"], "features": [{"name": "biling", "rollout": [0]}], "version": None}
    assert "There is no flag 'biling'" in problems(fleet, **asked, occasion="feature by hand")
    assert problems(fleet, **asked) == ""


def test_features_wait_while_a_part_of_the_fleet_runs_other_code(fleet: Any) -> None:
    fleet.runs("1.0", "web1").pool(web1="ready", web2="ready")
    fleet.variables["localhost"]["__feature_flag_plan"] = {
        "flags": {"billing": {"state": "off", "percentage": 0}}
    }
    found = plan(
        fleet,
        selected=["web1"],
        layers=["fleet", "feature"],
        features=[{"name": "billing", "rollout": [100]}],
    )
    assert (
        "billing: off, unchanged, because --limit leaves a part of the fleet on other code" in found.lines[-1]
    )
    assert found.steps == ()


def test_a_rollback_tells_where_each_host_goes(fleet: Any) -> None:
    good = [{"version": "2.0", "state": "good"}, {"version": "1.0", "state": "good"}]
    fleet.runs("2.0", rollback_target="1.0", releases=good).pool(web1="ready", web2="ready")
    found = plan(fleet, version=None, layers=["fleet"], occasion="rollback artifact")
    assert found.problems == ()
    assert found.version == "1.0"
    assert "web1: 2.0 -> 1.0" in "\n".join(found.lines)
    assert found.fleet_hosts == fleet.hosts


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"version": None, "pending": []}, "at an empty schema, nothing pending"),
        ({"version": None, "pending": [], "engine": "command"}, "nothing pending"),
        ({"version": None, "pending": ["a", "b"], "engine": "command"}, "pending: a, b"),
        (
            {"driver": "python3-psycopg2"},
            "python3-psycopg2 is installed first; what is pending is not known before",
        ),
    ],
)
def test_the_plan_of_the_database_is_what_its_engine_knows(
    fleet: Any, database: dict[str, Any], expected: str
) -> None:
    fleet.runs("2.0").result("__db_migrate_plan", "localhost", **database)
    assert f"database  {expected}" in plan(fleet, layers=["database"]).lines


def test_a_database_whose_driver_could_not_be_installed_was_not_read(fleet: Any) -> None:
    fleet.runs("2.0").result("__db_migrate_plan", "localhost", driver="python3-psycopg2")
    fleet.result(
        "__db_migrate_install",
        "localhost",
        results=[{"item": "python3-psycopg2", "failed": True, "msg": "no such package"}],
    )
    assert "database  not read" in plan(fleet, layers=["database"]).lines


CONTRACT: dict[str, Any] = {"layers": ["database"], "occasion": "contract"}


@pytest.mark.parametrize(
    ("runs", "target", "asked", "expected"),
    [
        ("2.0", "2.0", {}, ""),
        ("2.0", None, {}, ""),
        ("1.0", None, {}, "web1 runs 1.0, not 2.0 or later"),
        (None, None, {}, "web1 runs nothing that is known, not 2.0 or later"),
        ("2.1", "2.0", {"version": "2.1", "contract_from": "2.0"}, ""),
        ("2.0", "1.9", {}, "web1 would go back to 1.9, not 2.0 or later"),
        ("2.0", "1.9", {"contract_from": "1.9"}, ""),
        ("2.0", "1.9", {"allow_old_code": True}, ""),
        ("1.0", None, {"allow_old_code": True}, "web1 runs 1.0, not 2.0 or later"),
        ("2.10", "2.9", {"contract_from": "2.9"}, ""),
        ("2.0-rc1", None, {}, "web1 runs 2.0-rc1, not 2.0 or later"),
        ("4f2a91c", None, {"version": "4f2a91c"}, ""),
        ("4f2a91c", "88e01d2", {"version": "4f2a91c"}, "88e01d2, which cannot be compared with 4f2a91c"),
    ],
)
def test_the_schema_is_contracted_only_where_no_host_and_no_way_back_needs_it(
    fleet: Any, runs: str | None, target: str | None, asked: dict[str, Any], expected: str
) -> None:
    fleet.runs(runs, rollback_target=target)
    said = problems(fleet, **CONTRACT, **asked)
    assert expected in said
    assert bool(said) == bool(expected)


@pytest.mark.parametrize(
    ("version", "asked", "refused"),
    [
        ("1.9", {}, True),
        ("2.0", {}, False),
        ("2.1", {}, False),
        ("1.9", {"allow_old_code": True}, False),
        ("88e01d2", {}, False),  # which of two commits is the older one nobody can tell
    ],
)
def test_a_release_from_before_the_contraction_does_not_come_back(
    fleet: Any, version: str, asked: dict[str, Any], refused: bool
) -> None:
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    said = problems(fleet, version=version, contracted="2.0", **asked)
    assert ("The schema has been contracted for releases from 2.0 on" in said) == refused


@pytest.mark.parametrize(("pending", "expected"), [(["3_drop_note.sql"], "1.9"), ([], None)])
def test_what_is_contracted_is_to_be_written_down_before(
    fleet: Any, pending: list[str], expected: str | None
) -> None:
    fleet.runs("2.0").variables["localhost"]["__db_migrate_plan"] = {"pending": pending}
    assert plan(fleet, **CONTRACT, contract_from="1.9").contracted == expected


@pytest.mark.parametrize("occasion", ["contract", "rollback database"])
def test_the_schema_is_not_narrowed_where_nobody_knows_what_runs(fleet: Any, occasion: str) -> None:
    (problem,) = plan(fleet, fleet=[], layers=["database"], occasion=occasion, phase="contract").problems
    assert "the fleet has no hosts" in problem
    assert "-e deploy_fleet_group=GROUP" in problem


@pytest.mark.parametrize("occasion", ["deploy", "database"])
def test_only_the_contract_playbook_contracts(fleet: Any, occasion: str) -> None:
    fleet.runs("2.0")
    asked = {"layers": ["database"], "occasion": occasion}
    assert "contract migrations are for playbooks/contract.yml alone" in problems(
        fleet, **asked, phase="contract"
    )
    assert problems(fleet, **asked) == ""


def test_a_host_in_the_middle_of_a_change_is_not_treated_as_done(fleet: Any) -> None:
    fleet.runs("2.0", "web2", "worker1").runs("2.0", "web1", pending={"act": "activate", "version": "2.0"})
    assert "A release change on web1 did not finish" in problems(fleet, **CONTRACT, phase="contract")


@pytest.mark.parametrize(
    ("known", "expected"), [("2.0", None), ("1.5", None), ("1.4", "1.5"), ("4f2a91c", "1.5")]
)
def test_what_was_contracted_before_is_not_forgotten(fleet: Any, known: str, expected: str | None) -> None:
    fleet.runs("3.0").variables["localhost"]["__db_migrate_plan"] = {"pending": ["4_drop.sql"]}
    assert plan(fleet, **CONTRACT, contract_from="1.5", contracted=known).contracted == expected


def test_running_releases_name_their_migrations(fleet: Any) -> None:
    fleet.runs("2.0", "web1", migrations=["1_a", "2_b"]).runs(None, "web2", "worker1")
    assert running_releases(fleet.deployment()) == [
        {"host": "web1", "version": "2.0", "migrations": ["1_a", "2_b"]}
    ]


def test_what_a_dead_deployment_left_out_of_rotation_is_in_the_plan(fleet: Any) -> None:
    fleet.runs("2.0").pool(web1="drained", web2="ready")
    found = plan(fleet, record={"lb1": {"member-web1": {"dial": "web1"}}})
    assert found.heal == {"lb1": {"member-web1": {"dial": "web1"}}}
    assert "put back on lb1, where an earlier deployment left it out of rotation: member-web1" in "\n".join(
        found.lines
    )
