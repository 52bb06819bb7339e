# SPDX-License-Identifier: GPL-3.0-or-later
"""What of an app is on a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import (
    describe,
    needs_change,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.layout import Layout
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import load
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_where_there_is_no_app_nothing_is_made(root: Path) -> None:
    report = describe(str(root))
    assert (report.current, report.releases, report.rollback_target, report.pending) == (None, [], None, None)
    assert (report.healthy, report.service_state, report.migrations) == (None, None, [])
    assert not root.exists()


def test_the_newest_release_comes_first_without_what_is_internal(
    root: Path, stage: Callable[..., Any], deploy: Callable[..., Any]
) -> None:
    deploy("2.0", "1.0")
    stage("3.0")
    report = describe(str(root))
    assert [each["version"] for each in report.releases] == ["1.0", "2.0", "3.0"]
    assert report.rollback_target == "2.0"
    assert report.current
    assert (report.current["version"], report.current["state"]) == ("1.0", "good")
    assert all(0 <= each["age"] < 60 for each in report.releases)
    assert all({"digests", "order"}.isdisjoint(each) for each in report.releases)
    before = load(Layout(str(root)).state)
    describe(str(root))
    assert load(Layout(str(root)).state) == before


def test_an_unhealthy_release_is_told_and_no_error(
    root: Path, deploy: Callable[..., Any], free_port: int
) -> None:
    deploy("1.0")
    check = HealthCheck(f"http://127.0.0.1:{free_port}/", timeout=0.01, interval=0.01)
    report = describe(str(root), health=check)
    assert report.healthy is False
    assert "refused" in report.health_detail


def test_a_supervisor_that_does_not_answer_is_told_and_no_error(
    root: Path, deploy: Callable[..., Any]
) -> None:
    deploy("1.0")
    service = service_options(
        {"manager": "supervisord", "name": "shop", "address": f"unix://{root}/none.sock"}
    )
    report = describe(str(root), service=service)
    assert report.service_state == "unknown"
    assert report.service_detail


def test_migrations_of_the_current_release_are_named(root: Path, deploy: Callable[..., Any]) -> None:
    deploy("1.0")
    folder = root / "releases" / "1.0" / "db"
    folder.mkdir()
    for name in ("2_b.sql", "1_a.sql", "README"):
        (folder / name).touch()
    assert describe(str(root), migrations="db").migrations == ["1_a.sql", "2_b.sql"]
    assert describe(str(root), migrations="none").migrations is None
    with pytest.raises(StrataError, match="must be relative"):
        describe(str(root), migrations="../db")


@pytest.mark.parametrize(
    ("reading", "changes"),
    [
        ({"current": {"version": "2.0", "state": "good"}, "healthy": True, "pending": None}, False),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": None, "pending": None}, False),
        ({"current": {"version": "2.0", "state": "bad"}, "healthy": True, "pending": None}, True),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": None, "service_state": "stopped"}, True),
        ({"current": {"version": "1.0"}, "healthy": True, "pending": None}, True),
        ({"current": None, "healthy": None, "pending": None}, True),
        ({"current": {"version": "2.0", "state": "good"}, "healthy": False, "pending": None}, True),
        (
            {
                "current": {"version": "2.0", "state": "good"},
                "healthy": True,
                "pending": {"action": "activate"},
            },
            True,
        ),
    ],
)
def test_what_needs_a_change(reading: dict[str, Any], changes: bool) -> None:
    assert needs_change(reading, "2.0") is changes
