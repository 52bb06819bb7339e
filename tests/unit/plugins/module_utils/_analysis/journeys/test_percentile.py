# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.run import Walk, _sum

HUNDRED = [number / 100 for number in range(100, 0, -1)]


@pytest.mark.parametrize(
    ("latencies", "percentile", "expected"),
    [
        ([0.5], 95, 0.5),
        ([0.1, 0.2], 50, 0.1),
        ([0.1, 0.2], 51, 0.2),
        (HUNDRED, 95, 0.95),
        (HUNDRED, 99, 0.99),
        (HUNDRED, 99.9, 1.0),
        (HUNDRED, 100, 1.0),
        (HUNDRED * 10, 99.9, 1.0),
    ],
)
def test_the_nearest_rank_is_taken(latencies: list[float], percentile: float, expected: float) -> None:
    result = _sum([Walk("x", latencies)], 1.0, percentile)
    assert result.latency[f"p{percentile:g}"] == expected
    assert {"p50", "p95", "max"} <= set(result.latency)
