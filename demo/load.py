# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of shop users: ``python -m demo.load --out FILE``.

Half of the requests write. Every acknowledged write is looked for in the database afterwards, past the shop.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench import load
from demo import fleet
from demo.state import DemoError, State, write_json

CLIENTS = 50
"""So many users, because one who waits for an answer sends nothing else."""


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


class Shopper:
    """Orders, looks at the products, and looks at an order, each on a connection of its own."""

    def __init__(self, number: int, options: load.Options, orders: list[int]) -> None:
        self._number, self._users = number, options.clients
        self._client = load.Client(
            options.urls, options.log, keep=False, headers={"Content-Type": "application/json"}
        )
        self._orders = orders

    def act(self, number: int, due: float) -> None:
        turn = number * self._users + self._number
        if turn % 2 == 0:
            self._order(turn, due)
        elif turn % 4 == 1 or not self._orders:
            self._client.ask("products", "GET", "/products", due)
        else:
            self._client.ask("order", "GET", f"/orders/{self._orders[-1]}", due)

    def _order(self, turn: int, due: float) -> None:
        key = str(uuid.uuid4())
        order = {"key": key, "customer": f"user-{turn % 100}", "product": turn % 3 + 1, "quantity": 1}
        answer = self._client.ask(
            *("ordering", "POST", "/orders", due), body=json.dumps(order), write=True, check=_problem, key=key
        )
        if answer is not None:
            self._orders.append(json.loads(answer.body)["id"])


def _problem(answer: load.Answer) -> str | None:
    """Why it is not the answer to an order; None if it is."""
    try:
        return load.is_success(answer) or (None if json.loads(answer.body)["id"] else "it has no id")
    except (ValueError, KeyError, TypeError):
        return f"the answer is not an order: {answer.excerpt}"


def users(options: load.Options) -> list[load.User]:
    orders: list[int] = []
    return load.evenly(
        [Shopper(number, options, orders).act for number in range(options.clients)], options.rate
    )


def run(
    url: str, database_url: str, rate: float, stop: threading.Event, duration: float | None = None
) -> Result:
    """Send ``rate`` requests a second until ``stop`` is set, or for ``duration`` seconds; then check the writes."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "requests.jsonl")
        with path.open("w", encoding="utf-8") as stream:
            load.run(users(load.Options([url], CLIENTS, rate, load.Log(stream), "")), stop, duration)
        entries = list(load.entries_of(path))
    keys = [entry["key"] for entry in load.acknowledged(entries)]
    seen = load.summarise(entries)
    return Result(
        requests=seen["requests"],
        failed=seen["failed"],
        writes=len(keys),
        writes_lost=len(keys) - stored(database_url, keys),
        failures=[_shown(entry) for entry in seen["failures"]],
        latency={name: (seen[f"{name}_ms"] or 0.0) / 1000 for name in ("p50", "p99")},
        served=seen["releases"],
        seconds=round(time.monotonic() - started, 1),
    )


def _shown(entry: Mapping[str, Any]) -> str:
    moment = time.strftime("%H:%M:%S", time.localtime(entry["start"]))
    return f"{moment} {entry['method']} {entry['path']}: {entry['error']}"


def stored(database_url: str, keys: Sequence[str]) -> int:
    """How many of the orders with these keys are in the database."""
    with psycopg.connect(database_url, connect_timeout=10) as connection:
        row = connection.execute("SELECT count(*) FROM orders WHERE key = ANY(%s)", [list(keys)]).fetchone()
    assert row is not None
    return int(row[0])


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
