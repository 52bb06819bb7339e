# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.status import status


def test_status_shows_each_host_as_the_balancer_sees_it(fleet: Any) -> None:
    fleet.runs("2.0", "web1", "worker1").pool(web1="ready")
    fleet.result("__artifact_plan", "web2", unreachable=True, msg="no route")
    lines = status(fleet.deployment(), {})
    rows = {line.split()[0]: line for line in lines}
    assert "2.0" in rows["web1"]
    assert "ready" in rows["web1"]
    assert "unreachable: no route" in rows["web2"]
    assert "not in the pool" in rows["web2"]


@pytest.mark.parametrize(
    ("database", "expected"),
    [
        ({"version": "2", "pending": [], "engine": "sql"}, "2"),
        ({"version": None, "pending": [], "engine": "sql"}, "an empty schema"),
        ({"version": None, "pending": [], "engine": "command"}, "nothing pending"),
        (
            {"version": None, "pending": [{"name": "a"}, {"name": "b"}], "engine": "command"},
            "pending: a, b",
        ),
        (
            {"version": None, "pending": None, "engine": "command"},
            "not known, because no release is on the migrating host",
        ),
        ({"failed": True, "msg": "no answer"}, "no answer"),
    ],
)
def test_the_status_tells_where_the_schema_is(fleet: Any, database: dict[str, Any], expected: str) -> None:
    fleet.runs("2.0").result("__db_migrate_plan", "localhost", **database)
    assert f"database  {expected}" in status(fleet.deployment(), {})


def test_status_shows_who_deploys_and_how_the_last_deployment_ended(fleet: Any) -> None:
    info = {
        "lock": {"user": "ada", "host": "bastion", "version": "2.1", "id": "d7"},
        "journal": [{"occasion": "deploy", "version": "2.0", "outcome": "succeeded"}, {"occasion": "older"}],
    }
    lines = status(fleet.runs("2.0").deployment(), info)
    assert "lock      ada@bastion deploys 2.1 (d7)" in lines
    assert lines[-1] == "last      deploy 2.0: succeeded"


def test_what_strata_itself_drained_is_marked(fleet: Any) -> None:
    fleet.runs("2.0").pool(web1="drained", web2="drained")
    lines = status(fleet.deployment(record={"lb1": {"member-web1": {}}}), {})
    assert "drained (by Strata)" in lines[1]
    assert "by Strata" not in lines[2]
