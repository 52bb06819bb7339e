# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's verdict and its numbers."""

from __future__ import annotations

from typing import Any

import pytest

from demo import summary

GOOD: dict[str, Any] = {
    "requests": 100,
    "failed": 0,
    "writes": 50,
    "writes_lost": 0,
    "releases": {"web1": "2.0", "worker1": "2.0"},
    "seconds": {"fleet": 9.5},
}


@pytest.mark.parametrize(
    ("executions", "expected"),
    [
        (None, {}),
        ([], {}),
        ({}, {}),
        (
            {
                "plays": [
                    {"name": "Open", "seconds": 2.0, "remote": 5, "local": 3, "skipped": 0},
                    {"name": "Stage", "seconds": 1.04, "remote": 5, "local": 0, "skipped": 0},
                    {"name": "Database", "seconds": 0.5, "remote": 1, "local": 0, "skipped": 0},
                    {"name": "Fleet", "seconds": 4.0, "remote": 1, "local": 2, "skipped": 0},
                    {"name": "Fleet", "seconds": 5.5, "remote": 4, "local": 2, "skipped": 0},
                    {"name": "Features", "seconds": 7.25, "remote": 0, "local": 6, "skipped": 0},
                ]
            },
            {"artifact": 1.0, "database": 0.5, "fleet": 9.5, "feature": 7.2},
        ),
    ],
)
def test_seconds_of_a_layer_are_those_of_its_plays(executions: Any, expected: dict[str, float]) -> None:
    assert summary.seconds_per_layer(executions) == expected


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({}, None),
        ({"requests": 0}, "no request"),
        ({"failed": 3}, "3 requests failed"),
        ({"writes_lost": 1}, "1 acknowledged writes"),
        ({"releases": {"web1": "1.0"}}, "web1 runs 1.0, not 2.0"),
        ({"releases": {"web1": "nothing"}}, "web1 runs nothing, not 2.0"),
    ],
)
def test_a_run_succeeds_only_if_nothing_was_lost_and_all_hosts_are_updated(
    change: dict[str, Any], problem: str | None
) -> None:
    found = summary.problems({**GOOD, **change}, "2.0")
    assert (problem is None and not found) or (problem is not None and problem in found[0])


def test_the_summary_holds_exactly_the_promised_keys() -> None:
    load = {**GOOD, "failures": [], "latency": {}, "served": {}}
    assert summary.summarise(load, GOOD["releases"], GOOD["seconds"]) == GOOD


def test_the_table_shows_hosts_counts_and_layers() -> None:
    table = summary.render(GOOD)
    for cell in ("web1", "2.0", "requests failed", "writes lost", "seconds, fleet", "9.5"):
        assert cell in table
