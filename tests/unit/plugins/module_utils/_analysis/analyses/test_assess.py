# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.assess import assess, prepare
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import (
    Finding,
    Verdict,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Found:
    """An analysis whose finding is given; None is one that cannot answer."""

    NAME: ClassVar[str] = "found"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, verdict: Verdict | None) -> None:
        self.verdict = verdict

    def validate(self, duration: float) -> None:
        pass

    def analyse(self, duration: float) -> Finding:
        if self.verdict is None:
            raise StrataError("No data.", asked=1)
        return Finding(self.verdict, (f"{self.verdict}.",), {"duration": duration})


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (["pass"], "pass"),
        (["pass", "inconclusive", "pass"], "inconclusive"),
        (["pass", None], "inconclusive"),
        (["inconclusive", "fail", "pass"], "fail"),
        ([None, "fail"], "fail"),
    ],
)
def test_the_worst_finding_decides(verdicts: list[Verdict | None], whole: Verdict) -> None:
    assert assess([Found(verdict) for verdict in verdicts], 0).verdict == whole


def test_findings_keep_the_order_and_the_figures_of_the_analyses() -> None:
    assessment = assess([Found(None), Found("pass")], 2)
    assert assessment.reasons == ("found: No data.", "found: pass.")
    assert assessment.findings == (
        ("found", Finding("inconclusive", ("No data.",), {"asked": 1})),
        ("found", Finding("pass", ("pass.",), {"duration": 2})),
    )


def test_a_verdict_that_does_not_exist_passes_nowhere() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        assess([Found("ok")], 0)  # type: ignore[arg-type]


def test_each_analysis_is_validated_for_the_duration() -> None:
    step = {"name": "look", "path": "/"}
    journeys = {"provider": "journeys", "base_url": "http://h", "journeys": [{"name": "a", "steps": [step]}]}
    (analysis,) = prepare([journeys], 3)
    assert analysis.NAME == "journeys"
    with pytest.raises(StrataError, match="no analysis to run"):
        prepare([], 0)
    with pytest.raises(StrataError, match="duration is -1"):
        prepare([journeys], -1)
    with pytest.raises(StrataError, match="users must be 1 to"):
        prepare([journeys, {**journeys, "users": 0}], 0)


def test_the_registry_is_alphabetical_and_names_itself() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert all(name == provider.NAME for name, provider in PROVIDERS.items())
