# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.journal_entry import journal_entry
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.report import report
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.verdict import verdict

ASKED: dict[str, Any] = {"version": "3.0", "layers": ["database", "artifact", "fleet"]}


def lines_of(fleet: Any, **asked: Any) -> list[str]:
    deployment = fleet.deployment(**{**ASKED, "settings": {"database_host": "db1"}, **asked})
    return report(deployment, verdict(deployment))


def entry_of(fleet: Any, **asked: Any) -> dict[str, Any]:
    deployment = fleet.deployment(**{**ASKED, "settings": {"database_host": "db1"}, **asked})
    return journal_entry(deployment, verdict(deployment))


def test_a_failure_is_told_with_what_where_why_and_what_runs(fleet: Any) -> None:
    fleet.runs("2.0").result("__artifact_activate", "web1", failed=True, msg="health answered 500")
    fleet.result("__artifact_rollback", "web1", version="2.0", changed=True)
    text = "\n".join(lines_of(fleet))
    for part in (
        "shop 3.0: FAILED in the fleet layer",
        "activating the release on web1: health answered 500",
        "put back       2.0 on web1",
        "not touched    2.0 on web2, worker1",
        "running now    2.0 on web1, web2, worker1",
    ):
        assert part in text


def test_a_host_left_out_of_rotation_is_named(fleet: Any) -> None:
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    drained = {"member-web1": {"state": "drained"}}
    fleet.result("__fleet_rolling_drain", "web1", results=[{"item": "lb1", "members": drained}])
    fleet.result("__artifact_activate", "web1", unreachable=True, msg="gone")
    lines = lines_of(fleet, record={"lb1": {"member-web1": None}})
    assert "  out of rotation on lb1: web1" in lines


def test_a_member_that_leaves_the_record_because_its_balancer_no_longer_knows_it_is_named(fleet: Any) -> None:
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    (line,) = [
        line for line in lines_of(fleet, record={"lb1": {"member-web9": None}}) if "member-web9" in line
    ]
    assert line.endswith("lb1 no longer knows it")


OUT = "  out of rotation on lb1: web1"
NOT_KNOWN = "  not known      whether lb1 has web1 in rotation"
DRAINED = {"members": {"member-web1": {"state": "drained"}}}
REFUSED = {"failed": True, "msg": "refused", "changed": False}
TIMED_OUT = {"failed": True, "msg": "the time is up", "changed": True}
SILENT = {"unreachable": True, "msg": "no answer"}
KILLED = {"failed": True, "msg": "MODULE FAILURE", "changed": False, "module_stdout": "", "rc": 137}


@pytest.mark.parametrize(
    ("drain", "restore", "line"),
    [
        (DRAINED, REFUSED, OUT),
        (DRAINED, TIMED_OUT, NOT_KNOWN),
        (DRAINED, SILENT, NOT_KNOWN),
        (DRAINED, KILLED, NOT_KNOWN),
        (TIMED_OUT, REFUSED, OUT),
        (TIMED_OUT, SILENT, NOT_KNOWN),
        (REFUSED, SILENT, NOT_KNOWN),
        (SILENT, SILENT, NOT_KNOWN),
    ],
)
def test_a_member_that_may_have_been_put_back_is_not_called_out_of_rotation(
    fleet: Any, drain: dict[str, Any], restore: dict[str, Any], line: str
) -> None:
    fleet.runs("2.0").pool(web1="ready", web2="ready")
    fleet.result("__fleet_rolling_drain", "web1", results=[{"item": "lb1", **drain}])
    fleet.result("__fleet_rolling_restore", "web1", results=[{"item": "lb1", **restore}])
    lines = lines_of(fleet, record={"lb1": {"member-web1": None}})
    assert [item for item in lines if "rotation" in item and "putting" not in item] == [line]


@pytest.mark.parametrize(
    ("lb2", "line"),
    [("ready", "  out of rotation on lb1: web1"), ("drained", "  out of rotation on lb1, lb2: web1")],
)
def test_the_balancers_that_have_a_member_out_are_named(fleet: Any, lb2: str, line: str) -> None:
    fleet.runs("2.0").result(
        "__fleet_rolling_drain",
        "web1",
        results=[
            {"item": balancer, "members": {"member-web1": {"state": state}}}
            for balancer, state in (("lb1", "drained"), ("lb2", lb2))
        ],
    )
    fleet.result("__artifact_activate", "web1", failed=True, msg="health answered 500")
    record = {"lb1": {"member-web1": None}, "lb2": {"member-web1": None}}
    lines = lines_of(fleet, record=record)
    assert [item for item in lines if "rotation" in item] == [line]


@pytest.mark.parametrize("register", ["__db_migrate_apply", "__db_migrate_rollback"])
@pytest.mark.parametrize("broken", [SILENT, KILLED])
def test_a_migration_whose_end_nobody_saw_may_still_run(
    fleet: Any, register: str, broken: dict[str, Any]
) -> None:
    fleet.runs("2.0").result("__db_migrate_plan", "localhost", version="1", pending=["2_a"])
    fleet.result(register, "localhost", **broken)
    lines = lines_of(fleet)
    assert [line for line in lines if line.startswith("  database ")] == [
        "  database       not known, may still run on db1"
    ]
    assert lines[-1] == (
        "The fleet was not touched. Make sure that no migration runs on db1 any more, then run the same command again."
    )


@pytest.mark.parametrize(
    ("changed", "told", "advice"),
    [
        (True, ["  installed      python3-psycopg2 on db1"], "Nothing else was changed."),
        (False, [], "Nothing was changed."),
    ],
)
def test_a_driver_that_was_installed_before_the_failure_is_named(
    fleet: Any, changed: bool, told: list[str], advice: str
) -> None:
    fleet.runs("2.0").result(
        "__db_migrate_install", "localhost", results=[{"item": "python3-psycopg2", "changed": changed}]
    )
    fleet.result("__db_migrate_plan", "localhost", failed=True, msg="no such database")
    lines = lines_of(fleet)
    assert [line for line in lines if line.startswith("  installed ")] == told
    assert lines[-1].startswith(advice)


@pytest.mark.parametrize(
    ("apply", "kept"),
    [
        ({"applied": ["a", "b"]}, ["a", "b"]),
        ({"failed": True, "msg": "no", "done": ["a"]}, ["a"]),
        ({"failed": True, "msg": "no"}, []),
    ],
)
def test_the_journal_keeps_what_was_applied_before_a_failure(
    fleet: Any, apply: dict[str, Any], kept: list[str]
) -> None:
    fleet.runs("2.0").result("__db_migrate_apply", "localhost", **apply)
    entry = entry_of(fleet)
    assert entry["migrations"] == kept


@pytest.mark.parametrize(
    ("result", "place"),
    [
        ({"path": "/var/backups/strata/shop.dump"}, "db1:/var/backups/strata/shop.dump"),
        ({"path": None}, None),
        ({"msg": "s3://backups/shop-17"}, "s3://backups/shop-17"),
        ({"skipped": True}, None),
    ],
)
def test_the_backup_s_place_is_in_the_report_and_in_the_journal(
    fleet: Any, result: dict[str, Any], place: str | None
) -> None:
    fleet.runs("2.0").result("__db_migrate_backup", "localhost", **result)
    lines = lines_of(fleet)
    assert [line for line in lines if "backup" in line] == ([f"  backup         {place}"] if place else [])
    entry = entry_of(fleet)
    assert entry["backup"] == place


def test_a_failed_backup_is_what_failed_and_there_is_none(fleet: Any) -> None:
    fleet.runs("2.0").result("__db_migrate_backup", "localhost", failed=True, msg="no room")
    fleet.result("__db_migrate_plan", "localhost", version="1", pending=["2_a"])
    lines = lines_of(fleet)
    assert lines[:2] == [
        "shop 3.0: FAILED in the database layer.",
        "  backing the database up: no room",
    ]
    assert "  database       at 1" in lines
    assert lines[-1] == (
        "Nothing was migrated, and the fleet was not touched. Repair the backup and run the same command again."
    )
    entry = entry_of(fleet)
    assert entry["backup"] is None


def test_what_a_dead_deployment_had_noted_is_not_lost(fleet: Any) -> None:
    noted = {"id": "shop-2.0-1", "note": "backup: db1:/var/backups/strata/shop.dump", "version": "2.0"}
    fleet.runs("2.0")
    lines = lines_of(fleet, unfinished=noted)
    assert "  took over      shop-2.0-1, which had noted: backup: db1:/var/backups/strata/shop.dump" in lines
    entry = entry_of(fleet, unfinished=noted)
    assert entry["took_over"] == {"id": noted["id"], "note": noted["note"]}


def test_a_check_says_that_nothing_was_changed(fleet: Any) -> None:
    assert lines_of(fleet, check_mode=True) == ["shop 3.0: this was a check, nothing was changed."]


def test_a_check_that_fails_claims_no_repair(fleet: Any) -> None:
    fleet.runs("2.0").result("__artifact_activate", "web1", failed=True, msg="x")
    fleet.result("__artifact_rollback", "web1", version="2.0", changed=True)
    text = "\n".join(lines_of(fleet, check_mode=True))
    assert "put back" not in text
    assert "nothing was changed" in text


def test_a_host_whose_rollback_failed_was_touched(fleet: Any) -> None:
    fleet.runs("2.0").result("__artifact_rollback", "web1", failed=True, msg="x", changed=True, version="1.0")
    text = "\n".join(lines_of(fleet))
    assert "not touched    2.0 on web2, worker1" in text
    assert "1.0 (failed) on web1" in text


def test_the_journal_keeps_the_outcome_and_its_reason(fleet: Any) -> None:
    fleet.runs("2.0").result("__artifact_stage", "web1", failed=True, msg="404")
    entry = entry_of(fleet)
    assert entry["outcome"] == "failed"
    assert entry["failures"] == [
        {"layer": "artifact", "tried": "staging the release", "hosts": ["web1"], "reason": "404"}
    ]
    assert entry["hosts"] == {"web1": "2.0", "web2": "2.0", "worker1": "2.0"}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({"plan": {"version": "1", "pending": ["2_a"], "applied": ["2_a"]}}, "at 1"),
        ({"plan": {"version": None, "engine": "sql"}}, "at an empty schema"),
        ({"plan": {"version": None, "engine": "command"}}, "unchanged"),
        ({"plan": {"driver": "python3-psycopg2"}, "install": {"failed": True, "msg": "no"}}, None),
        ({"apply": {"version": "2", "applied": ["2_a"], "engine": "sql"}}, "at 2, applied 2_a"),
        ({"apply": {"version": None, "applied": ["a", "b"], "engine": "command"}}, "applied a, applied b"),
        ({"plan": {"version": "1"}, "apply": {"failed": True, "msg": "no", "done": ["2_a"]}}, "applied 2_a"),
        ({"plan": {"version": "1"}, "apply": {"failed": True, "msg": "no", "done": []}}, "at 1"),
        ({"plan": {"engine": "command"}, "apply": {"failed": True, "msg": "killed"}}, None),
        ({"rollback": {"version": "1", "rolled_back": ["2_a"]}}, "at 1, rolled back 2_a"),
        ({"rollback": {"failed": True, "msg": "no", "done": ["3_b"]}}, "rolled back 3_b"),
    ],
)
def test_the_report_tells_where_the_schema_is_and_what_became_of_it(
    fleet: Any, results: dict[str, Any], expected: str | None
) -> None:
    fleet.runs("2.0")
    for name, result in results.items():
        fleet.result(f"__db_migrate_{name}", "localhost", **result)
    lines = [line for line in lines_of(fleet) if line.startswith("  database ")]
    assert lines == ([f"  database       {expected}"] if expected else [])
