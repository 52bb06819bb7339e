# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many users walk journeys at once; what they met is counted and held against thresholds."""

from __future__ import annotations

import json
import math
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.answer import (
    UnexpectedError,
    check,
    saved,
)
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import (
    Journey,
    Step,
    fill,
    fill_path,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import http, urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

USERS_LIMIT = 500
FAILURES_SHOWN = 5


@dataclass(frozen=True)
class Load:
    """Who walks: ``users`` at once, each all the journeys in turn, ``iterations`` times over ``duration`` seconds.

    ``headers`` go with each request that does not set them itself.
    """

    base_url: str
    users: int = 5
    iterations: int = 1
    duration: float = 0.0
    timeout: float = 10.0
    validate_certs: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Thresholds:
    """What is still good: the fraction of journeys that fail, and seconds for a percentile of the requests."""

    error_rate: float = 0.0
    percentile: float = 95.0
    latency: float | None = None


@dataclass(frozen=True)
class Walk:
    """One journey of one user: the seconds of each request, and where it ended early."""

    journey: str
    latencies: Sequence[float]
    step: str | None = None
    failure: UnexpectedError | None = None


@dataclass(frozen=True)
class JourneyResult:
    """The sum of all walks; latencies in seconds, of requests."""

    journeys: int
    failed_journeys: int
    error_rate: float
    requests: int
    seconds: float
    latency: Mapping[str, float]
    failures: Sequence[Mapping[str, Any]]


def validate(load: Load, thresholds: Thresholds) -> None:
    """Raise StrataError for values with which no run makes sense."""
    urls.validate_http(load.base_url, "base_url")
    if not 1 <= load.users <= USERS_LIMIT or load.iterations < 1 or load.timeout <= 0 or load.duration < 0:
        raise StrataError(
            f"Of a journey run, users must be 1 to {USERS_LIMIT}, iterations at least 1, timeout above 0 "
            f"and duration at least 0; they are {load.users}, {load.iterations}, {load.timeout} and {load.duration}."
        )
    if not 0 <= thresholds.error_rate <= 1 or not 0 < thresholds.percentile <= 100:
        raise StrataError(
            "Of the thresholds, error_rate is a fraction from 0 to 1 and percentile lies above 0 and up to 100; "
            f"they are {thresholds.error_rate} and {thresholds.percentile}."
        )


def run_journeys(journeys: Sequence[Journey], load: Load, thresholds: Thresholds) -> JourneyResult:
    """Walk, with all users starting at one moment, and count.

    Raises:
        StrataError: before the first request, for values with which no run makes sense, or too many users
            for this machine.
    """
    validate(load, thresholds)
    base_url, authorization = urls.credentials(load.base_url)
    load = replace(load, base_url=base_url.rstrip("/"), headers={**authorization, **load.headers})
    start = threading.Barrier(load.users)

    def walk_as(user: int) -> list[Walk]:
        start.wait()
        walks = []
        for iteration in range(1, load.iterations + 1):
            time.sleep(max(0.0, began + _offset(iteration, load) - time.perf_counter()))
            for journey in journeys:
                predefined = {"user": user, "iteration": iteration, "uuid": str(uuid.uuid4())}
                walks.append(_walk(journey, load, predefined))
        return walks

    began = time.perf_counter()
    with ThreadPoolExecutor(load.users) as pool:
        try:
            walked = pool.map(walk_as, range(1, load.users + 1))
        except RuntimeError as error:
            start.abort()  # those who were started would wait for the others for ever
            raise StrataError(
                f"Starting {load.users} users at once, each a thread: {error}. Nothing was requested. "
                "Give fewer users, or let this user have more threads (ulimit -u)."
            ) from error
        walks = [walk for user in walked for walk in user]
    return _sum(walks, time.perf_counter() - began, thresholds.percentile)


def judge(result: JourneyResult, thresholds: Thresholds) -> tuple[str, ...]:
    """A sentence for each threshold that the result exceeds; none if it is good."""
    complaints = []
    if result.error_rate > thresholds.error_rate:
        first = result.failures[0]
        complaints.append(
            f"{result.failed_journeys} of {result.journeys} journeys failed, a rate of {result.error_rate:.4g} where "
            f"{thresholds.error_rate} is allowed. The first: journey '{first['journey']}', step '{first['step']}' "
            f"expected {first['expected']} and got {first['got']}."
        )
    name = percentile_name(thresholds.percentile)
    if thresholds.latency is not None and result.latency[name] > thresholds.latency:
        complaints.append(
            f"The latency {name} of {result.requests} requests was {result.latency[name]} s "
            f"where {thresholds.latency} s is allowed."
        )
    return tuple(complaints)


def percentile_name(percentile: float) -> str:
    """The key of a percentile among the latencies: p95, p99.9."""
    return f"p{percentile:g}"


def _offset(iteration: int, load: Load) -> float:
    """When an iteration begins, in seconds: they are spread evenly, and the last begins when the duration is over."""
    if load.iterations == 1:
        return load.duration
    return load.duration * (iteration - 1) / (load.iterations - 1)


def _walk(journey: Journey, load: Load, predefined: Mapping[str, Any]) -> Walk:
    variables = dict(predefined)
    latencies: list[float] = []
    for step in journey.steps:
        began = time.perf_counter()
        try:
            try:
                response = _send(step, load, variables)
            finally:
                latencies.append(time.perf_counter() - began)
            check(step, response, variables)
            variables.update(saved(step, response))
        except UnexpectedError as failure:
            return Walk(journey.name, latencies, step.name, failure)
    return Walk(journey.name, latencies)


def _send(step: Step, load: Load, variables: Mapping[str, Any]) -> http.Response:
    path = fill_path(step.path, variables)
    # An application may name the next page, in a Location header for one, by its whole URL.
    path = path[len(load.base_url) :] if path.startswith(f"{load.base_url}/") else path
    if not path.startswith("/"):
        raise UnexpectedError("path", f"{step.path} to be a path of {load.base_url}", f"'{path}'")
    headers = {name: str(value) for name, value in fill(step.headers, variables).items()}
    given = set(map(str.lower, headers))
    headers.update({name: value for name, value in load.headers.items() if name.lower() not in given})
    body = None if step.body is None else str(fill(step.body, variables)).encode(errors="replace")
    if step.json is not None:
        body = json.dumps(fill(step.json, variables)).encode()
        if "content-type" not in given:
            headers["Content-Type"] = "application/json"
    try:
        return http.request(
            step.method,
            load.base_url + path,
            headers=headers,
            body=body,
            timeout=load.timeout,
            validate_certs=load.validate_certs,
        )
    except StrataError as error:
        # The error itself names the URL, which may hold a value that is not to be shown.
        raise UnexpectedError(
            "answer", "an answer", f"none: {error.__cause__ or 'the URL is not valid'}"
        ) from error


def _sum(walks: Sequence[Walk], seconds: float, percentile: float) -> JourneyResult:
    latencies = sorted(latency for walk in walks for latency in walk.latencies)
    failures: dict[tuple[str, str | None, str], dict[str, Any]] = {}
    for walk in walks:
        if walk.failure:
            failure = failures.setdefault(
                (walk.journey, walk.step, walk.failure.check),
                {
                    "journey": walk.journey,
                    "step": walk.step,
                    "expected": walk.failure.expected,
                    "got": walk.failure.got,
                    "count": 0,
                },
            )
            failure["count"] += 1
    failed = sum(failure["count"] for failure in failures.values())
    return JourneyResult(
        journeys=len(walks),
        failed_journeys=failed,
        error_rate=failed / len(walks),
        requests=len(latencies),
        seconds=round(seconds, 3),
        latency={
            **{percentile_name(wanted): _percentile(latencies, wanted) for wanted in (50, 95, percentile)},
            "max": round(latencies[-1], 4),
        },
        failures=list(failures.values())[:FAILURES_SHOWN],
    )


def _percentile(latencies: Sequence[float], percentile: float) -> float:
    """The nearest rank: the smallest latency that this percentage of the requests did not exceed."""
    return round(latencies[math.ceil(round(len(latencies) * percentile / 100, 6)) - 1], 4)
