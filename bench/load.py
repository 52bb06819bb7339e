#!/usr/bin/env python3
# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users of an HTTP service, and what they saw: ``load.py SCRIPT run --out FILE URL...``.

SCRIPT is a Python file that says what the users of one application do: its function ``users(options)`` returns a list of
`User`. Requests are due on a schedule, however long the earlier ones take, and their time is measured from when they were
due. Nothing is sent twice, so no failure is hidden. Every request is a line of JSON in FILE as soon as it has ended. SIGTERM
or SIGINT ends the load after the requests that are under way.

``load.py SCRIPT summary FILE`` sums the requests up. ``load.py SCRIPT phases FILE JOURNAL`` does so for each deployment in
Strata's journal, and for the times before, between and after them. A script may have more such reports: a dictionary
``REPORTS`` of functions that get the requests.

It needs Python 3.11 and nothing else, so it can be copied to a host.
"""

from __future__ import annotations

import argparse
import http.client
import importlib.util
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
from typing import Any, Callable, TextIO
from urllib.parse import urlsplit

TIMEOUT = 10.0
FAILURES_SHOWN = 5


class LoadError(Exception):
    """The load cannot run, or its file cannot be read."""


class Log:
    """Where the requests of all users are written down as they end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def add(self, entry: Mapping[str, Any]) -> None:
        line = json.dumps(entry) + "\n"
        with self._lock:
            self._stream.write(line)


@dataclass(frozen=True)
class Options:
    """What a script gets: where the users go, how many there are, requests a second of all together, the log, the run's name."""

    urls: Sequence[str]
    clients: int
    rate: float
    log: Log
    run: str


@dataclass(frozen=True)
class User:
    """One user: ``act(number, due)`` does its request of this number, which was due at this time of the monotonic clock.

    Args:
        interval: seconds between two requests.
        offset: seconds until the first one.
        skips: whether requests that it could not send in time are left out, instead of sent late.
    """

    act: Callable[[int, float], object]
    interval: float
    offset: float = 0.0
    skips: bool = False


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def excerpt(self) -> str:
        return self.body[:200].decode(errors="replace")


def is_success(answer: Answer) -> str | None:
    """Why an answer is not 2xx; None if it is."""
    return None if 200 <= answer.status < 300 else f"status {answer.status}: {answer.excerpt}"


class Client:
    """A user's connections, one to each URL; one request at a time.

    With ``keep`` a connection stays open. It is opened again only where the server closed it before a byte of the request was
    sent: no answer is due on an idle connection, so one that can be read from was closed. Should the server close it between
    this look and the request's arrival, the request has failed.
    """

    def __init__(
        self, urls: Sequence[str], log: Log, *, keep: bool = True, headers: Mapping[str, str] | None = None
    ) -> None:
        self._urls = urls
        self._log = log
        self._keep = keep
        self._headers = dict(headers or {})
        self._connections = [
            http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT) for url in urls
        ]

    def ask(
        self,
        kind: str,
        method: str,
        path: str,
        due: float,
        *,
        body: str | None = None,
        url: int = 0,
        write: bool = False,
        check: Callable[[Answer], str | None] = is_success,
        **more: Any,
    ) -> Answer | None:
        """Send a request and write it down.

        Args:
            kind: what the reports call requests like this.
            url: the number of the URL that it goes to.
            write: whether what is acknowledged must not be lost.
            check: says why an answer is not the right one; None if it is.
            more: what else is written down about it.

        Returns: the answer; None if the request failed.
        """
        start = time.time() - (time.monotonic() - due)
        connection = self._connections[url]
        reopened = _close_if_closed(connection)
        answer, problem = None, None
        try:
            answer = self.exchange(method, path, body, url=url)
            problem = check(answer)
        except (OSError, http.client.HTTPException) as error:
            problem = f"{type(error).__name__}: {error}"
            connection.close()
        seconds = time.monotonic() - due
        if problem is None and seconds > TIMEOUT:
            problem = f"answered after {seconds:.1f} s"
        headers = answer.headers if answer else {}
        entry = {
            "start": round(start, 6),
            "seconds": round(seconds, 6),
            "kind": kind,
            "write": write,
            "method": method,
            "balancer": self._urls[url],
            "path": path,
            "status": answer and answer.status,
            "error": problem,
            "member": headers.get("X-Member"),
            "release": headers.get("X-Release"),
            "reopened": reopened,
            **more,
        }
        self._log.add(entry)
        if not self._keep:
            connection.close()
        return None if problem else answer

    def exchange(self, method: str, path: str, body: str | None = None, *, url: int = 0) -> Answer:
        """Send a request that is no part of the load, and return its answer."""
        connection = self._connections[url]
        connection.request(method, path, body, self._headers)
        response = connection.getresponse()
        return Answer(response.status, response.read(), response.headers)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def _close_if_closed(connection: http.client.HTTPConnection) -> bool:
    """Whether the other side has closed it, so that it has to be opened again."""
    closed = connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])
    if closed:
        connection.close()
    return closed


def run(users: Sequence[User], stop: threading.Event, duration: float | None = None) -> None:
    """Have all users act until ``stop`` is set, or for ``duration`` seconds.

    A user whose action raises ends the load, because what is left is not the load that was asked for.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=len(users)) as pool:
        for act in [pool.submit(_act_on_schedule, user, started, stop, duration) for user in users]:
            act.result()


def _act_on_schedule(user: User, started: float, stop: threading.Event, duration: float | None) -> None:
    number, due = 0, started + user.offset
    try:
        while duration is None or due < started + duration:
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            user.act(number, due)
            number += 1
            due += user.interval
            if user.skips:
                due = max(due, time.monotonic())
    except BaseException:
        stop.set()
        raise


def evenly(acts: Sequence[Callable[[int, float], object]], rate: float) -> list[User]:
    """Users who together send ``rate`` requests a second, in turn."""
    return [User(act, len(acts) / rate, number / rate) for number, act in enumerate(acts)]


def entries_of(path: Path) -> Iterator[dict[str, Any]]:
    """The requests, in the order in which they ended.

    Raises:
        LoadError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8") as stream:
            for line in stream:
                # The last line may be one that is being written, or was cut short.
                if line.endswith("\n"):
                    yield json.loads(line)
    except (OSError, ValueError) as error:
        raise LoadError(f"Reading {path} failed: {error}") from error


def acknowledged(entries: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The writes that must not be lost. One that failed may have happened or not."""
    return [entry for entry in entries if entry["write"] and entry["error"] is None]


def summarise(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the users saw."""
    failures = [entry for entry in entries if entry["error"] is not None]
    seconds = sorted(entry["seconds"] for entry in entries)
    writes = sum(entry["write"] for entry in entries)
    return {
        "requests": len(entries),
        "failed": len(failures),
        "failures": failures[:FAILURES_SHOWN],
        "reads": len(entries) - writes,
        "writes": writes,
        "writes_acknowledged": len(acknowledged(entries)),
        "kinds": _counts(entry["kind"] for entry in entries),
        "balancers": _counts(entry["balancer"] for entry in entries),
        "members": _counts(entry["member"] for entry in entries if entry["member"]),
        "releases": _counts(entry["release"] for entry in entries if entry["release"]),
        "connections_reopened": sum(entry["reopened"] for entry in entries),
        "p50_ms": percentile_ms(seconds, 50),
        "p99_ms": percentile_ms(seconds, 99),
        "max_ms": percentile_ms(seconds, 100),
        "first": min((entry["start"] for entry in entries), default=None),
        "last": max((entry["start"] for entry in entries), default=None),
    }


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def percentile_ms(ascending: Sequence[float], percent: int) -> float | None:
    """The nearest-rank percentile of these seconds, in milliseconds."""
    if not ascending:
        return None
    return round(ascending[max(0, math.ceil(len(ascending) * percent / 100) - 1)] * 1000, 1)


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


def script_of(path: Path) -> Any:
    """The module of a script.

    Raises:
        LoadError: it cannot be loaded, or has no function ``users``.
    """
    # A script says ``import load``, wherever it lies and however this file was started.
    sys.modules["load"] = sys.modules[__name__]
    try:
        spec = importlib.util.spec_from_file_location(f"load_script_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        script = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = script  # where its dataclasses look their types up
        spec.loader.exec_module(script)
    except OSError as error:
        raise LoadError(f"Reading the script {path} failed: {error}") from error
    if not callable(getattr(script, "users", None)):
        raise LoadError(f"The script {path} has no function 'users'.")
    return script


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="load.py", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("script", type=Path, help="what the users do")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="have the users act")
    running.add_argument("--out", type=Path, required=True, help="the file that the requests are appended to")
    running.add_argument("--clients", type=int, default=4, help="users at once")
    running.add_argument("--rate", type=float, default=40.0, help="requests a second, of all users together")
    running.add_argument("--duration", type=float, help="seconds; without it, until SIGTERM or SIGINT")
    running.add_argument("urls", nargs="+", metavar="URL", help="where they go, http://HOST[:PORT]")
    summary = commands.add_parser("summary", help="sum the requests up")
    phases = commands.add_parser("phases", help="sum them up for each deployment")
    report = commands.add_parser("report", help="a report that the script defines")
    report.add_argument("name")
    for reader in (summary, phases, report):
        reader.add_argument("file", type=Path)
    phases.add_argument("journal", type=Path)
    return parser


def _run(script: Any, options: argparse.Namespace) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        stream = options.out.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise LoadError(f"Opening {options.out} failed: {error}") from error
    with stream:
        urls = [url.rstrip("/") for url in options.urls]
        users = script.users(Options(urls, options.clients, options.rate, Log(stream), uuid.uuid4().hex[:12]))
        run(users, stop, options.duration)


def _read(script: Any, options: argparse.Namespace) -> Any:
    entries = list(entries_of(options.file))
    if options.command == "summary":
        return summarise(entries)
    if options.command == "phases":
        lines = options.journal.read_text(encoding="utf-8").splitlines()
        return by_phase(entries, [json.loads(line) for line in lines])
    if options.name not in script.REPORTS:
        raise LoadError(f"The script has no report '{options.name}'; it has {', '.join(script.REPORTS)}.")
    return script.REPORTS[options.name](entries)


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        script = script_of(options.script)
        if options.command == "run":
            _run(script, options)
        else:
            sys.stdout.write(json.dumps(_read(script, options), indent=2) + "\n")
    except (LoadError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
