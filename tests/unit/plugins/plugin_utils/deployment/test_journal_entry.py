# SPDX-License-Identifier: GPL-3.0-or-later
"""What the journal keeps of a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.journal_entry import journal_entry
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.model import Failure, Verdict


def test_a_deployment_that_passed(fleet: Any) -> None:
    fleet.runs("2.0").result("__db_migrate_apply", "localhost", changed=True, applied=["1_a.sql"])
    assert journal_entry(fleet.deployment(), Verdict()) == {
        "app": "shop",
        "occasion": "deploy",
        "version": "2.0",
        "outcome": "succeeded",
        "failures": [],
        "hosts": {"web1": "2.0", "web2": "2.0", "worker1": "2.0"},
        "migrations": ["1_a.sql"],
        "backup": None,
        "took_over": None,
    }


def test_each_failure_is_kept_with_its_hosts(fleet: Any) -> None:
    entry = journal_entry(fleet.deployment(), Verdict((Failure("fleet", "draining", "timeout", ("web1",)),)))
    assert entry["outcome"] == "failed"
    assert entry["failures"] == [
        {"layer": "fleet", "tried": "draining", "hosts": ["web1"], "reason": "timeout"}
    ]


def test_what_a_failed_migration_did_before_it_failed_is_kept(fleet: Any) -> None:
    fleet.result("__db_migrate_apply", "localhost", failed=True, msg="no", done=["1_a.sql"], applied=[])
    assert journal_entry(fleet.deployment(), Verdict())["migrations"] == ["1_a.sql"]


@pytest.mark.parametrize(("noted", "note"), [({"note": "backup: db1:/dump"}, "backup: db1:/dump"), ({}, "")])
def test_the_dead_run_that_was_taken_over_is_named(fleet: Any, noted: dict[str, str], note: str) -> None:
    deployment = fleet.deployment(unfinished={"id": "d0", **noted})
    assert journal_entry(deployment, Verdict())["took_over"] == {"id": "d0", "note": note}
