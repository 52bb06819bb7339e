# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, Callable, ClassVar

import pytest
from ansible.module_utils.basic import AnsibleModule

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import Finding
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

Run = Callable[..., dict[str, Any]]


class Scripted:
    """An analysis that finds what it is told to find."""

    NAME = "scripted"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "verdict": {
            "type": "str",
            "choices": ["pass", "fail", "inconclusive", "error", "meet"],
            "default": "pass",
        },
        "least": {"type": "float", "default": 0},
        "url": {"type": "str", "no_log": True},
        "token": {"type": "str", "no_log": True},
    }
    meeting = threading.Barrier(2)
    ran: ClassVar[list[float]] = []

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.options = options

    def validate(self, duration: float) -> None:
        if duration < self.options["least"]:
            raise StrataError(f"{duration} s is too short.")

    def analyse(self, duration: float) -> Finding:
        self.ran.append(duration)
        verdict = self.options["verdict"]
        if verdict == "error":
            raise StrataError(f"{self.options['url']} does not answer.", status=503)
        if verdict == "meet":
            self.meeting.wait(10)
            verdict = "pass"
        return Finding(verdict, () if verdict == "pass" else (f"It is {verdict}.",), {"seen": 3})


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The durations of the analyses that ran."""
    monkeypatch.setitem(PROVIDERS, Scripted.NAME, Scripted)
    monkeypatch.setattr(Scripted, "ran", [])
    monkeypatch.setattr(Scripted, "meeting", threading.Barrier(2))
    return Scripted.ran


def scripted(*verdicts: str, **options: Any) -> dict[str, Any]:
    return {"analyses": [{"provider": "scripted", "verdict": verdict, **options} for verdict in verdicts]}


@pytest.mark.parametrize(
    ("verdicts", "whole", "msg"),
    [
        (["pass"], "pass", None),
        (["pass", "pass"], "pass", None),
        (
            ["pass", "fail", "inconclusive"],
            "fail",
            "The analysis failed: scripted: It is fail. scripted: It is inc",
        ),
        (
            ["pass", "inconclusive"],
            "inconclusive",
            "The analysis is inconclusive, so it has not passed: scripted: It is",
        ),
    ],
)
def test_one_verdict_sums_up_all_and_only_pass_passes(
    run_module: Run, ran: list[float], verdicts: list[str], whole: str, msg: str | None
) -> None:
    result = run_module("analysis", scripted(*verdicts))
    assert result["verdict"] == whole
    assert result["failed"] == (whole != "pass")
    assert (msg or "") in result.get("msg", "")
    assert result["analyses"] == [
        {
            "provider": "scripted",
            "verdict": verdict,
            "reasons": [] if verdict == "pass" else [f"It is {verdict}."],
            "figures": {"seen": 3},
        }
        for verdict in verdicts
    ]
    assert result["reasons"] == [f"scripted: It is {verdict}." for verdict in verdicts if verdict != "pass"]


def test_an_analysis_that_cannot_answer_is_inconclusive(run_module: Run, ran: list[float]) -> None:
    result = run_module("analysis", scripted("error", url="http://metrics:9090"))
    assert (result["failed"], result["verdict"]) == (True, "inconclusive")
    assert result["analyses"] == [
        {
            "provider": "scripted",
            "verdict": "inconclusive",
            "reasons": ["http://metrics:9090 does not answer."],
            "figures": {"status": 503},
        }
    ]


def test_all_analyses_run_at_the_same_time_for_the_same_duration(run_module: Run, ran: list[float]) -> None:
    assert run_module("analysis", {**scripted("meet", "meet"), "duration": 2})["verdict"] == "pass"
    assert ran == [2, 2]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"analyses": []}, "no analysis to run"),
        ({"analyses": [{"provider": "script"}]}, "no analysis 'script' (did you mean 'scripted'?"),
        (scripted("pass", "maybe"), "value of verdict must be one of"),
        (scripted("pass", lest=3), "'lest' is unknown (did you mean 'least'?"),
        (scripted("pass", least=3), "0.0 s is too short"),
        ({**scripted("pass"), "duration": -1}, "duration is -1.0"),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_nothing_runs_where_one_analysis_is_not_valid(
    run_module: Run, ran: list[float], arguments: dict[str, Any], error: str, check: bool
) -> None:
    result = run_module("analysis", arguments, check=check)
    assert result["failed"]
    assert error in result["msg"]
    assert "verdict" not in result
    assert ran == []


def test_check_mode_runs_nothing(run_module: Run, ran: list[float]) -> None:
    assert run_module("analysis", scripted("fail"), check=True)["skipped"]
    assert ran == []


def test_secrets_are_hidden_though_another_analysis_has_the_same_text_and_plain_urls_are_shown(
    run_module: Run, ran: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, msg, **_: logged.append(str(msg)))
    secret = {"url": "http://ada:s3cret@metrics:9090/?k=t0ken", "token": "journey"}
    journeys = {
        "provider": "journeys",
        "base_url": "http://127.0.0.1:1",
        "journeys": [{"name": "journey", "steps": []}],
    }
    for analyses in (
        [*scripted("error", **secret)["analyses"], journeys],
        scripted("error", **secret)["analyses"],
        scripted("error", **secret, tokne="s3cret")["analyses"],
    ):
        result = run_module("analysis", {"analyses": analyses})
        assert result["failed"]
        for part in ("s3cret", "t0ken", "'journey'"):
            assert part not in f"{result}{logged}"
    assert logged


def test_a_secret_stays_hidden_though_there_is_a_url_in_it(run_module: Run, ran: list[float]) -> None:
    result = run_module("analysis", scripted("error", url="next=https://shop/&password=hunter2"))
    assert "hunter2" not in str(result)
