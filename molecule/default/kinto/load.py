#!/usr/bin/env python3
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of reads and writes on Kinto, through its balancers: ``load.py --out FILE --clients 4 --rate 40 URL URL``.

Requests are due on a fixed schedule, half of them writes, and go to each balancer in turn. A write puts a record of
its own, a read gets a record whose write was acknowledged before, whichever balancer took it, and looks at its
content. Every request is a line of JSON in FILE as soon as it has ended; SIGTERM ends the load after the requests in
hand. ``load.py summary FILE`` sums them up, ``load.py phases FILE JOURNAL`` does so for each deployment in Strata's
journal and for the times before, between and after them, ``load.py acknowledged FILE`` lists what the database must
hold, and ``load.py sql`` prints the statement that lists what it does hold.

Nothing is sent twice, so that no failure is hidden: a request has failed unless it is answered as expected. A
connection is opened anew only where the balancer has closed it before a byte of the request was sent; as no answer
was due on it, an idle connection that can be read from is a closed one. Should the balancer close it in the moment
between that look and the request's arrival, the request has failed.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import json
import math
import select
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

TIMEOUT = 10.0
FAILURES_SHOWN = 5
BUCKET = "load"
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"load:load").decode(),
    "Content-Type": "application/json",
}
# The records of all runs, as Kinto's PostgreSQL storage keeps them.
SQL = (
    "SELECT id, data->>'content' FROM objects WHERE resource_name = 'record' AND NOT deleted"
    f" AND parent_id LIKE '/buckets/{BUCKET}/collections/%' ORDER BY id"
)


class LoadError(Exception):
    """The load cannot run, or its file cannot be read."""


class Journal:
    """Where the requests are written down as they end, and which writes can be read back."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._acknowledged: list[str] = []

    def add(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry) + "\n"
        with self._lock:
            self._stream.write(line)
            if is_acknowledged(entry):
                self._acknowledged.append(entry["record"])

    def to_read(self, number: int) -> str | None:
        """A record to read back: the latest, then one further back, then one from anywhere."""
        with self._lock:
            known = len(self._acknowledged)
            if not known:
                return None
            back = (0, min(50, known - 1), number * 7919 % known)[number % 3]
            return self._acknowledged[known - 1 - back]


class Client:
    """One user: a connection to each balancer, and one request at a time.

    It has a collection of its own. Kinto refuses one of two writes to the same collection in the same millisecond
    with 409 "please retry", deployment or not.
    """

    def __init__(self, number: int, run: str, balancers: Sequence[str], journal: Journal) -> None:
        self._collection = f"client-{number}"
        self._prefix = f"{self._collection}_{run}"
        self._journal = journal
        self._connections = [
            http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT) for url in balancers
        ]
        self._balancers = balancers

    def prepare(self) -> None:
        """Make the bucket and the collection, which may be there.

        Raises:
            LoadError: a balancer does not lead to a Kinto that lets us.
        """
        for path in (f"/v1/buckets/{BUCKET}", f"/v1/buckets/{BUCKET}/collections/{self._collection}"):
            for balancer, connection in zip(self._balancers, self._connections):
                try:
                    status, answer, _ = _exchange(connection, "PUT", path, "{}")
                except (OSError, http.client.HTTPException) as error:
                    raise LoadError(f"PUT {balancer}{path}: {_told(error)}") from error
                if status not in (200, 201):
                    raise LoadError(f"PUT {balancer}{path}: {status} {_excerpt(answer)}")

    def act(self, number: int, due: float) -> None:
        """Do this client's request of this number, which was due at this time of the monotonic clock."""
        balancer = number // 2 % len(self._balancers)
        record = self._journal.to_read(number) if number % 2 else None
        if record is None:
            record = f"{self._prefix}_{number}"
            self._request("write", balancer, record, due)
        else:
            self._request("read", balancer, record, due)

    def _request(self, kind: str, balancer: int, record: str, due: float) -> None:
        # From when it was due: what waits behind a slow answer is slow too.
        start = time.time() - (time.monotonic() - due)
        status, problem, reopened = None, None, False
        try:
            status, answer, reopened = _exchange(self._connections[balancer], *_to_send(kind, record))
            problem = _problem(kind, record, status, answer)
        except (OSError, http.client.HTTPException) as error:
            problem = _told(error)
            self._connections[balancer].close()
        seconds = time.monotonic() - due
        entry = {
            "start": round(start, 6),
            "seconds": round(seconds, 6),
            "kind": kind,
            "balancer": self._balancers[balancer],
            "status": status,
            "error": problem,
            "record": record,
            "reopened": reopened,
        }
        self._journal.add(entry)


def content_of(record: str) -> str:
    """What a record holds: it follows from the id, so that one record's content is seen to be in another."""
    return hashlib.sha256(record.encode()).hexdigest()


def is_acknowledged(entry: Mapping[str, Any]) -> bool:
    """Whether this is a write that must not be lost. One that failed may be in the database or not."""
    return bool(entry["kind"] == "write" and entry["error"] is None)


def run(out: Path, clients: int, rate: float, balancers: Sequence[str], stop: threading.Event) -> None:
    """Send ``rate`` requests a second, of all clients together, until ``stop`` is set.

    Raises:
        LoadError: the bucket and the collections cannot be made, or the file cannot be written.
    """
    identity = uuid.uuid4().hex[:12]
    try:
        stream = out.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise LoadError(f"Opening {out} failed: {error}") from error
    with stream, ThreadPoolExecutor(max_workers=clients) as pool:
        journal = Journal(stream)
        users = [Client(number, identity, balancers, journal) for number in range(clients)]
        for user in users:
            user.prepare()
        started = time.monotonic()
        acts = [
            pool.submit(_act_on_schedule, user, started + number / rate, clients / rate, stop)
            for number, user in enumerate(users)
        ]
        for act in acts:
            act.result()


def _act_on_schedule(user: Client, first: float, interval: float, stop: threading.Event) -> None:
    number = 0
    try:
        while not stop.wait(max(0.0, first + number * interval - time.monotonic())):
            user.act(number, first + number * interval)
            number += 1
    finally:
        # A load that has lost a client is no longer the load that was asked for.
        stop.set()


def entries_of(path: Path, since: float = -math.inf, until: float = math.inf) -> Iterator[dict[str, Any]]:
    """The requests that were due in this time, epoch seconds."""
    try:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                # Where the disk was full, or the machine went down, the last one may be cut short.
                if line.endswith("\n"):
                    entry = json.loads(line)
                    if since <= entry["start"] < until:
                        yield entry
    except (OSError, ValueError) as error:
        raise LoadError(f"Reading {path} failed: {error}") from error


def summarise(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the users saw."""
    failures = [entry for entry in entries if entry["error"] is not None]
    seconds = sorted(entry["seconds"] for entry in entries)
    return {
        "requests": len(entries),
        "failed": len(failures),
        "failures": failures[:FAILURES_SHOWN],
        "reads": sum(entry["kind"] == "read" for entry in entries),
        "writes": sum(entry["kind"] == "write" for entry in entries),
        "writes_acknowledged": sum(map(is_acknowledged, entries)),
        "balancers": dict(sorted(Counter(entry["balancer"] for entry in entries).items())),
        "connections_reopened": sum(entry["reopened"] for entry in entries),
        "p50_ms": percentile_ms(seconds, 50),
        "p99_ms": percentile_ms(seconds, 99),
        "max_ms": percentile_ms(seconds, 100),
        "first": min((entry["start"] for entry in entries), default=None),
        "last": max((entry["start"] for entry in entries), default=None),
    }


def by_phase(
    entries: Sequence[Mapping[str, Any]], deployments: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """What the users saw before, in and after each deployment that ended under load."""
    windows, name, since = [], "before", -math.inf
    for deployment in deployments:
        opened, closed = _epoch(deployment["opened"]), _epoch(deployment["closed"])
        if entries and closed > entries[0]["start"]:
            title = f"{deployment['occasion']} {deployment['version'] or ''}".strip()
            windows += [(name, since, opened), (title, opened, closed)]
            name, since = f"after {title}", closed
    windows.append((name, since, math.inf))
    return [
        {"phase": phase, **summarise([entry for entry in entries if since <= entry["start"] < until])}
        for phase, since, until in windows
    ]


def _epoch(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def percentile_ms(ascending: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile of these seconds, in milliseconds."""
    if not ascending:
        return None
    return round(ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)] * 1000, 1)


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None
) -> tuple[int, bytes, bool]:
    """Status and body of the answer, and whether the connection had to be opened again."""
    closed = connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])
    if closed:
        connection.close()
    connection.request(method, path, body, HEADERS)
    response = connection.getresponse()
    return response.status, response.read(), closed


def _to_send(kind: str, record: str) -> tuple[str, str, str | None]:
    collection = record.partition("_")[0]
    path = f"/v1/buckets/{BUCKET}/collections/{collection}/records/{record}"
    if kind == "read":
        return "GET", path, None
    return "PUT", path, json.dumps({"data": {"content": content_of(record)}})


def _problem(kind: str, record: str, status: int, answer: bytes) -> str | None:
    """Why this is not the answer that was due; None if it is."""
    if status != (201 if kind == "write" else 200):
        return f"status {status}: {_excerpt(answer)}"
    try:
        content = json.loads(answer)["data"]["content"]
    except (ValueError, KeyError, TypeError):
        return f"the answer is not a record: {_excerpt(answer)}"
    return None if content == content_of(record) else f"the record has another content: {_excerpt(answer)}"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _excerpt(answer: bytes) -> str:
    return answer[:200].decode(errors="replace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="load.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the file that the requests are appended to")
    parser.add_argument("--clients", type=int, default=4, help="users at once")
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second, of all users together")
    parser.add_argument("balancers", nargs="+", metavar="URL", help="the balancers, http://HOST[:PORT]")
    return parser


def _reader(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"load.py {name}")
    parser.add_argument("file", type=Path)
    parser.add_argument("--from", dest="since", type=float, default=-math.inf, help="epoch seconds")
    parser.add_argument("--to", dest="until", type=float, default=math.inf, help="epoch seconds, exclusive")
    return parser


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _send(arguments: Sequence[str]) -> None:
    options = _parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(options.out, options.clients, options.rate, [url.rstrip("/") for url in options.balancers], stop)


def _summary(arguments: Sequence[str]) -> None:
    options = _reader("summary").parse_args(arguments)
    _print_json(summarise(list(entries_of(options.file, options.since, options.until))))


def _phases(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="load.py phases")
    parser.add_argument("file", type=Path)
    parser.add_argument("journal", type=Path)
    options = parser.parse_args(arguments)
    deployments = [json.loads(line) for line in options.journal.read_text(encoding="utf-8").splitlines()]
    _print_json(by_phase(list(entries_of(options.file)), deployments))


def _acknowledged(arguments: Sequence[str]) -> None:
    options = _reader("acknowledged").parse_args(arguments)
    entries = entries_of(options.file, options.since, options.until)
    _print_json({entry["record"]: content_of(entry["record"]) for entry in entries if is_acknowledged(entry)})


def _sql(arguments: Sequence[str]) -> None:
    argparse.ArgumentParser(prog="load.py sql").parse_args(arguments)
    sys.stdout.write(SQL + "\n")


COMMANDS = {"acknowledged": _acknowledged, "phases": _phases, "sql": _sql, "summary": _summary}


def main(arguments: Sequence[str]) -> int:
    try:
        if arguments and arguments[0] in COMMANDS:
            COMMANDS[arguments[0]](arguments[1:])
        else:
            _send(arguments)
    except LoadError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
