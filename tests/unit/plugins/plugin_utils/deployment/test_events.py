# SPDX-License-Identifier: GPL-3.0-or-later
"""What a deployment has seen, in the order in which it was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.events import with_new_events
from ansible_collections.strata.deploy.plugins.plugin_utils.deployment.steps import MIGRATE, STAGE


def test_hosts_with_the_same_outcome_share_an_event(fleet: Any) -> None:
    fleet.result("__artifact_stage", "web1", "worker1", changed=True, version="2.0")
    fleet.result("__artifact_stage", "web2", failed=True, msg="404")
    staged, failed = with_new_events(fleet.deployment()).events
    assert (staged.tried, staged.outcome, staged.hosts, staged.reason) == (
        STAGE.tried,
        "succeeded",
        ("web1", "worker1"),
        None,
    )
    assert (failed.outcome, failed.hosts, failed.reason) == ("failed", ("web2",), "404")


def test_a_step_of_the_controller_names_no_host_and_may_be_skipped(fleet: Any) -> None:
    fleet.result("__db_migrate_apply", "localhost", skipped=True, changed=False)
    (event,) = with_new_events(fleet.deployment()).events
    assert (event.tried, event.outcome, event.hosts) == (MIGRATE.tried, "skipped", ())


def test_what_was_noted_stays_and_only_news_are_added(fleet: Any) -> None:
    fleet.result("__artifact_stage", "web1", changed=True, version="2.0")
    (first,) = with_new_events(fleet.deployment()).events
    earlier = replace(first, noted="2026-01-01T00:00:00Z")
    fleet.result("__db_migrate_apply", "localhost", changed=True)
    deployment = replace(fleet.deployment(), events=(earlier,))
    kept, new = with_new_events(deployment).events
    assert kept == earlier
    assert new.tried == MIGRATE.tried
    assert with_new_events(with_new_events(deployment)).events == (kept, new)
