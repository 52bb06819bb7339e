# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS, journeys
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.run import JourneyResult, Load
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose

GIVEN = {
    "provider": "journeys",
    "base_url": "http://shop",
    "users": "2",
    "latency": 0.5,
    "journeys": [{"name": "order", "steps": [{"name": "look", "path": "/"}]}],
}


def made(**given: Any) -> journeys.Journeys:
    _provider, options = choose("analysis", PROVIDERS, {**GIVEN, **given})
    return journeys.Journeys(options)


@pytest.mark.parametrize(("slowest", "verdict"), [(0.4, "pass"), (0.6, "fail")])
def test_the_thresholds_decide_and_the_figures_are_those_of_the_run(
    monkeypatch: pytest.MonkeyPatch, slowest: float, verdict: str
) -> None:
    loads: list[Load] = []

    def run(_journeys: object, load: Load, _thresholds: object) -> JourneyResult:
        loads.append(load)
        return JourneyResult(2, 0, 0.0, 2, 7.0, {"p50": 0.1, "p95": slowest, "max": slowest}, [])

    monkeypatch.setattr(journeys, "run_journeys", run)
    finding = made().analyse(7)
    assert loads == [Load("http://shop", users=2, duration=7)]
    assert finding.verdict == verdict
    assert finding.figures["latency"]["p95"] == slowest
    assert len(finding.reasons) == (verdict == "fail")


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"base_url": "shop"}, "base_url"),
        ({"users": 0}, "users must be 1 to"),
        ({"journeys": []}, "no journey to walk"),
        ({"journeys": [{"name": "a", "steps": [{"name": "b", "path": "x"}]}]}, "begin with a slash"),
        ({"percentile": 101}, "percentile"),
    ],
)
def test_what_cannot_be_walked_is_refused_without_a_request(given: dict[str, Any], error: str) -> None:
    with pytest.raises(StrataError, match=error):
        made(**given).validate(0)


def test_the_duration_is_validated_too() -> None:
    made().validate(0)
    with pytest.raises(StrataError, match="duration at least 0"):
        made().validate(-1)
