# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of shop users, measured by itself: ``python -m demo.load --out FILE``.

Requests start on a fixed schedule, however long the earlier ones take, each on a connection of its own. Half of
them write. Every acknowledged write is looked for in the database afterwards, past the shop.
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import statistics
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from demo import fleet
from demo.state import DemoError, State, write_json

TIMEOUT = 10.0
FAILURES_KEPT = 5


@dataclass(frozen=True)
class Result:
    """What the users saw; times in seconds, ``served`` counts the answers of each release."""

    requests: int
    failed: int
    writes: int
    writes_lost: int
    failures: list[str]
    latency: dict[str, float]
    served: dict[str, int]
    seconds: float


@dataclass
class Tally:
    """What the requests report as they end, from their threads."""

    requests: int = 0
    failures: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    orders: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)
    served: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


class User:
    """Sends one request at a time to the shop at this address."""

    def __init__(self, url: str, tally: Tally) -> None:
        self._address = urlsplit(url).netloc
        self._tally = tally

    def act(self, number: int, due: float) -> None:
        """Do the schedule's request of this number, which was due at this time of the monotonic clock."""
        if number % 2 == 0:
            self._order(number, due)
        elif number % 4 == 1 or not self._tally.orders:
            self._request("GET", "/products", due)
        else:
            self._request("GET", f"/orders/{self._tally.orders[-1]}", due)

    def _order(self, number: int, due: float) -> None:
        key = str(uuid.uuid4())
        order = {"key": key, "customer": f"user-{number % 100}", "product": number % 3 + 1, "quantity": 1}
        answer = self._request("POST", "/orders", due, json.dumps(order))
        if answer is None:
            return
        with self._tally.lock:
            self._tally.written.append(key)
            self._tally.orders.append(json.loads(answer)["id"])

    def _request(self, method: str, path: str, due: float, body: str | None = None) -> bytes | None:
        """The answer; None if the request failed, which is then counted."""
        release, problem, answer = "", "", b""
        connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            answer = response.read()
            release = response.headers.get("X-Release", "")
            if not 200 <= response.status < 300:
                problem = f"{response.status} {answer[:200].decode(errors='replace')}".strip()
        except (OSError, http.client.HTTPException) as error:
            problem = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        seconds = time.monotonic() - due
        if not problem and seconds > TIMEOUT:
            problem = f"answered after {seconds:.1f} s"
        with self._tally.lock:
            self._tally.requests += 1
            self._tally.latencies.append(seconds)
            self._tally.served[release] += 1
            if problem:
                self._tally.failures.append(f"{time.strftime('%H:%M:%S')} {method} {path}: {problem}")
        return None if problem else answer


def run(
    url: str, database_url: str, rate: float, stop: threading.Event, duration: float | None = None
) -> Result:
    """Send ``rate`` requests a second until ``stop`` is set, or for ``duration`` seconds; then check the writes."""
    tally = Tally()
    user = User(url, tally)
    started = time.monotonic()
    # As many threads as can wait at once, were nothing answered until the timeout.
    with ThreadPoolExecutor(max_workers=int(rate * TIMEOUT) + 1) as pool:
        acts: list[Future[None]] = []
        number = 0
        while duration is None or number < rate * duration:
            due = started + number / rate
            if stop.wait(max(0.0, due - time.monotonic())):
                break
            acts.append(pool.submit(user.act, number, due))
            number += 1
    errors = [error for act in acts if (error := act.exception())]
    tally.failures.extend(f"{type(error).__name__}: {error}" for error in errors)
    return Result(
        requests=tally.requests,
        failed=len(tally.failures),
        writes=len(tally.written),
        writes_lost=len(tally.written) - stored(database_url, tally.written),
        failures=tally.failures[:FAILURES_KEPT],
        latency={f"p{p}": round(percentile(tally.latencies, p), 4) for p in (50, 99)},
        served=dict(sorted(tally.served.items())),
        seconds=round(time.monotonic() - started, 1),
    )


def stored(database_url: str, keys: Sequence[str]) -> int:
    """How many of the orders with these keys are in the database."""
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        row = connection.execute("SELECT count(*) FROM orders WHERE key = ANY(%s)", [list(keys)]).fetchone()
    assert row is not None
    return int(row[0])


def percentile(values: Sequence[float], percent: int) -> float:
    """What this percentage of the values do not exceed; 0 of none."""
    if len(values) < 2:
        return sum(values)
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.load", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second")
    parser.add_argument("--duration", type=float, help="seconds; without it, until SIGTERM or SIGINT")
    parser.add_argument("--out", type=Path, help="where the result goes as JSON, besides the output")
    options = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        target = fleet.load(State())
    except DemoError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        result = run(target.balancer_url, target.database_url, options.rate, stop, options.duration)
    except psycopg.Error as error:
        print(f"The writes cannot be checked in the database: {error}", file=sys.stderr)
        return 2
    if options.out:
        write_json(options.out, asdict(result))
    print(json.dumps(asdict(result), indent=2))
    return 1 if result.failed or result.writes_lost else 0


if __name__ == "__main__":
    sys.exit(main())
