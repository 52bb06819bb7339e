#!/usr/bin/env python3
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady load of reads and writes on Kinto, through its balancers: ``load.py --out FILE --clients 4 --rate 40 URL URL``.

Requests are due on a fixed schedule, half of them writes, and go to each balancer in turn. A user has a collection of
its own: it creates records there, replaces and deletes some, gets one, and lists the latest, whichever balancer took
the writes. As nobody else writes to that collection, what each answer must be is known from what was acknowledged
before. Every request is a line of JSON in FILE as soon as it has ended; SIGTERM ends the load after the requests in
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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

TIMEOUT = 10.0
FAILURES_SHOWN = 5
BUCKET = "load"
# Seven of either, for with an even number a kind would go to one of two balancers only.
WRITES = ("create", "update", "create", "update", "update", "create", "delete")
READS = ("read", "read", "read", "read", "read", "read", "list")
LISTED = 10
HEADERS = {
    "Authorization": "Basic " + base64.b64encode(b"load:load").decode(),
    "Content-Type": "application/json",
}
# The records of all runs, as Kinto's PostgreSQL storage keeps them; a deleted one stays there as a tombstone.
SQL = (
    "SELECT id, data FROM objects WHERE resource_name = 'record' AND NOT deleted"
    f" AND parent_id LIKE '/buckets/{BUCKET}/collections/%' ORDER BY id"
)


class LoadError(Exception):
    """The load cannot run, or its file cannot be read."""


@dataclass(frozen=True)
class Request:
    """What is asked of a record: to have this revision from now on, to be gone, or to be what it was left as.

    Without a revision, a record that is read must be gone. A list is of no record.
    """

    kind: str
    record: str | None
    revision: int | None


@dataclass(frozen=True)
class Answer:
    """What came back, and which member behind the balancer says so."""

    status: int
    body: bytes
    member: str | None


class Records:
    """What must be there: the revision in which each record was last acknowledged, the latest one last.

    A deleted one has none. A write that has failed may have happened, or may happen yet: its record is not judged
    any more, by not being here.
    """

    def __init__(self) -> None:
        self.revisions: dict[str, int | None] = {}

    def write(self, record: str, revision: int | None, acknowledged: bool) -> None:
        self.revisions.pop(record, None)
        if acknowledged:
            self.revisions[record] = revision

    def living(self) -> list[tuple[str, int | None]]:
        return [(record, revision) for record, revision in self.revisions.items() if revision is not None]


class Journal:
    """Where the requests of all users are written down as they end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def add(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry) + "\n"
        with self._lock:
            self._stream.write(line)


class Client:
    """One user: a connection to each balancer, and one request at a time.

    It has a collection of its own, which makes its answers foreseeable. Nor would sharing one do: Kinto refuses one of
    two writes to the same collection in the same millisecond with 409 "please retry", deployment or not.
    """

    def __init__(self, number: int, run: str, balancers: Sequence[str], journal: Journal) -> None:
        self._collection = f"client-{number}"
        self._prefix = f"{self._collection}_{run}"
        self._path = f"/v1/buckets/{BUCKET}/collections/{self._collection}"
        self._records = Records()
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
        for path in (f"/v1/buckets/{BUCKET}", self._path):
            for balancer, connection in zip(self._balancers, self._connections):
                try:
                    answer = _exchange(connection, "PUT", path, "{}")
                except (OSError, http.client.HTTPException) as error:
                    raise LoadError(f"PUT {balancer}{path}: {_told(error)}") from error
                if answer.status not in (200, 201):
                    raise LoadError(f"PUT {balancer}{path}: {answer.status} {_excerpt(answer)}")

    def act(self, number: int, due: float) -> None:
        """Do this client's request of this number, which was due at this time of the monotonic clock."""
        self.ask(kind_of(number), number, due)

    def ask(self, kind: str, number: int, due: float) -> None:
        """Do a request of this kind, or create a record where there is none that it could be about."""
        turn = number // 2
        request = self._choose(kind, turn) or Request("create", f"{self._prefix}_{number}", 1)
        self._send(request, turn % len(self._balancers), due)

    def _choose(self, kind: str, turn: int) -> Request | None:
        if kind == "list":
            return Request(kind, None, None)
        known = list(self._records.revisions.items()) if kind == "read" else self._records.living()
        if kind == "create" or not known:
            return None
        # The latest, then one further back, then one from anywhere.
        back = (0, min(50, len(known) - 1), turn * 7919 % len(known))[turn % 3]
        record, revision = known[-1 - back]
        if kind == "read":
            return Request(kind, record, revision)
        return Request(kind, record, (revision or 0) + 1 if kind == "update" else None)

    def _send(self, request: Request, balancer: int, due: float) -> None:
        # From when it was due: what waits behind a slow answer is slow too.
        start = time.time() - (time.monotonic() - due)
        answer, problem = None, None
        connection = self._connections[balancer]
        reopened = _close_if_closed(connection)
        try:
            answer = _exchange(connection, *self._to_send(request))
            problem = _problem(request, answer, self._records)
        except (OSError, http.client.HTTPException) as error:
            problem = _told(error)
            connection.close()
        seconds = time.monotonic() - due
        if request.record is not None and request.kind in WRITES:
            self._records.write(request.record, request.revision, problem is None)
        entry = {
            "start": round(start, 6),
            "seconds": round(seconds, 6),
            "kind": request.kind,
            "balancer": self._balancers[balancer],
            "member": answer and answer.member,
            "status": answer and answer.status,
            "error": problem,
            "record": request.record,
            "revision": request.revision,
            "reopened": reopened,
        }
        self._journal.add(entry)

    def _to_send(self, request: Request) -> tuple[str, str, str | None]:
        if request.record is None:
            return "GET", f"{self._path}/records?_limit={LISTED}&_sort=-last_modified", None
        path = f"{self._path}/records/{request.record}"
        if request.kind in ("read", "delete"):
            return "GET" if request.kind == "read" else "DELETE", path, None
        return "PUT", path, json.dumps({"data": data_of(request.record, request.revision)})


def kind_of(number: int) -> str:
    """What a client's request of this number is: writes and reads in turn."""
    kinds = READS if number % 2 else WRITES
    return kinds[number // 2 % len(kinds)]


def data_of(record: str, revision: int | None) -> dict[str, Any]:
    """What a record holds: it follows from both, so that another's or an older content is seen to be one."""
    return {"content": hashlib.sha256(f"{record} {revision}".encode()).hexdigest(), "revision": revision}


def is_acknowledged(entry: Mapping[str, Any]) -> bool:
    """Whether this is a write that must not be lost. One that failed may be in the database or not."""
    return entry["kind"] in WRITES and entry["error"] is None


def acknowledged(entries: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any] | None]:
    """What each record must hold in the end, null if it must be gone; without those of which that is not known."""
    records = Records()
    for entry in entries:
        if entry["kind"] in WRITES:
            records.write(entry["record"], entry["revision"], is_acknowledged(entry))
    return {
        record: None if revision is None else data_of(record, revision)
        for record, revision in records.revisions.items()
    }


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


def entries_of(path: Path) -> Iterator[dict[str, Any]]:
    """The requests, in the order in which they ended."""
    try:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                # Where the disk was full, or the machine went down, the last one may be cut short.
                if line.endswith("\n"):
                    yield json.loads(line)
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
        "reads": sum(entry["kind"] in READS for entry in entries),
        "writes": sum(entry["kind"] in WRITES for entry in entries),
        "writes_acknowledged": sum(map(is_acknowledged, entries)),
        "kinds": _counts(entry["kind"] for entry in entries),
        "balancers": _counts(entry["balancer"] for entry in entries),
        "members": _counts(entry["member"] for entry in entries if entry["member"]),
        "connections_reopened": sum(entry["reopened"] for entry in entries),
        "p50_ms": percentile_ms(seconds, 50),
        "p99_ms": percentile_ms(seconds, 99),
        "max_ms": percentile_ms(seconds, 100),
        "first": min((entry["start"] for entry in entries), default=None),
        "last": max((entry["start"] for entry in entries), default=None),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


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


def _close_if_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed it, so that it has to be opened again."""
    closed = connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])
    if closed:
        connection.close()
    return closed


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None
) -> Answer:
    connection.request(method, path, body, HEADERS)
    response = connection.getresponse()
    return Answer(response.status, response.read(), response.getheader("X-Member"))


def _problem(request: Request, answer: Answer, records: Records) -> str | None:
    """Why this is not the answer that was due; None if it is."""
    if answer.status != _status_due(request):
        return f"status {answer.status}: {_excerpt(answer)}"
    if answer.status == 404:
        return None  # it is gone, as it should be
    try:
        data = json.loads(answer.body)["data"]
        if request.record is None:
            right = _lists(data, records)
        elif request.kind == "delete":
            right = data["deleted"] is True
        else:
            right = _held(data) == data_of(request.record, request.revision)
    except (ValueError, KeyError, TypeError):
        return f"the answer is not what Kinto gives: {_excerpt(answer)}"
    what = "the list" if request.record is None else "the record"
    return None if right else f"{what} has another content: {_excerpt(answer)}"


def _status_due(request: Request) -> int:
    """An update that creates, or a deleted record that is found, tells of a write that was lost."""
    if request.kind == "read" and request.revision is None:
        return 404
    return 201 if request.kind == "create" else 200


def _lists(rows: Any, records: Records) -> bool:
    """Whether these are the collection's latest records; some may be of an earlier run, or of a write that failed."""
    if not isinstance(rows, list):
        raise TypeError("not a list")
    judged = [(row["id"], _held(row)) for row in rows if row["id"] in records.revisions]
    places = max(0, LISTED - (len(rows) - len(judged)))
    latest = records.living()[::-1][:places]
    return judged == [(record, data_of(record, revision)) for record, revision in latest]


def _held(data: Mapping[str, Any]) -> dict[str, Any]:
    """A record's content, without what Kinto adds to it."""
    return {"content": data["content"], "revision": data["revision"]}


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _excerpt(answer: Answer) -> str:
    return answer.body[:200].decode(errors="replace")


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
    _print_json(summarise(list(entries_of(options.file))))


def _phases(arguments: Sequence[str]) -> None:
    parser = _reader("phases")
    parser.add_argument("journal", type=Path)
    options = parser.parse_args(arguments)
    deployments = [json.loads(line) for line in options.journal.read_text(encoding="utf-8").splitlines()]
    _print_json(by_phase(list(entries_of(options.file)), deployments))


def _acknowledged(arguments: Sequence[str]) -> None:
    options = _reader("acknowledged").parse_args(arguments)
    _print_json(acknowledged(entries_of(options.file)))


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
