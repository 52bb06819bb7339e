# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generator: its schedule, what it writes down, its connections, its reports; against a server in this process."""

from __future__ import annotations

import io
import json
import signal
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bench import load

SCRIPT = """\
import load
from functools import partial

def ask(client, number, due):
    client.ask("home", "GET", "/", due, number=number)

def users(options):
    clients = [load.Client([url], options.log) for url in options.urls for _ in range(options.clients)]
    return load.evenly([partial(ask, client) for client in clients], options.rate)

def numbers(entries):
    return [entry["number"] for entry in entries]

REPORTS = {"numbers": numbers}
"""


class Server(ThreadingHTTPServer):
    """Answers 200, or what ``status`` says; with ``hang_up`` it closes the connection after the answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.hang_up = False
        self.closed = threading.Event()
        self.connections = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self) -> Any:
        self.connections += 1
        return super().get_request()

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        self.closed.set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self.close_connection = self.server.hang_up
        body = b"the page"
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Member", "web1")
        self.send_header("X-Release", "2.0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Seen:
    """A log that can be read."""

    def __init__(self) -> None:
        self._stream = io.StringIO()
        self.log = load.Log(self._stream)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def seen() -> Seen:
    return Seen()


def test_a_request_is_written_down_with_who_answered(server: Server, seen: Seen) -> None:
    client = load.Client([server.url], seen.log)
    before = time.time()
    answer = client.ask("home", "GET", "/", time.monotonic(), more="yes")
    client.close()
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"the page")
    (entry,) = seen.entries
    assert before - 0.1 < entry.pop("start") < time.time() + 0.1
    assert 0 < entry.pop("seconds") < 5
    assert entry == {
        "kind": "home",
        "write": False,
        "method": "GET",
        "balancer": server.url,
        "path": "/",
        "status": 200,
        "error": None,
        "member": "web1",
        "release": "2.0",
        "reopened": False,
        "more": "yes",
    }


def test_what_is_not_2xx_has_failed(server: Server, seen: Seen) -> None:
    server.status = 503
    client = load.Client([server.url], seen.log)
    assert client.ask("home", "GET", "/", time.monotonic()) is None
    client.close()
    assert seen.entries[0]["error"] == "status 503: the page"
    assert seen.entries[0]["status"] == 503


def test_what_the_check_says_is_the_failure(server: Server, seen: Seen) -> None:
    client = load.Client([server.url], seen.log)
    assert client.ask("home", "GET", "/", time.monotonic(), check=lambda answer: "not mine") is None
    client.close()
    assert seen.entries[0]["error"] == "not mine"


def test_a_server_that_is_not_there_is_a_failure(free_port: int, seen: Seen) -> None:
    client = load.Client([f"http://127.0.0.1:{free_port}"], seen.log)
    assert client.ask("home", "GET", "/", time.monotonic()) is None
    assert seen.entries[0]["error"].startswith("ConnectionRefusedError: ")
    assert seen.entries[0]["status"] is None


def test_an_answer_long_after_it_was_due_is_a_failure(server: Server, seen: Seen) -> None:
    client = load.Client([server.url], seen.log)
    assert client.ask("home", "GET", "/", time.monotonic() - load.TIMEOUT - 1) is None
    client.close()
    (entry,) = seen.entries
    assert entry["error"].startswith("answered after 11.")
    assert entry["seconds"] > load.TIMEOUT
    assert entry["start"] < time.time() - load.TIMEOUT


@pytest.mark.parametrize(("keep", "connections"), [(True, 1), (False, 3)])
def test_a_connection_is_kept_or_made_anew(server: Server, seen: Seen, keep: bool, connections: int) -> None:
    client = load.Client([server.url], seen.log, keep=keep)
    for _ in range(3):
        client.ask("home", "GET", "/", time.monotonic())
    client.close()
    assert server.connections == connections
    assert [entry["reopened"] for entry in seen.entries] == [False] * 3


def test_a_connection_that_was_closed_while_idle_is_opened_again(server: Server, seen: Seen) -> None:
    client = load.Client([server.url], seen.log)
    server.hang_up = True
    client.ask("home", "GET", "/", time.monotonic())
    assert server.closed.wait(10)
    client.ask("home", "GET", "/", time.monotonic())
    client.close()
    assert [(entry["error"], entry["reopened"]) for entry in seen.entries] == [(None, False), (None, True)]


def test_requests_are_due_on_the_schedule_of_all_users_together() -> None:
    acted: list[tuple[str, int, float]] = []
    users = load.evenly(
        [lambda number, due, name=name: acted.append((name, number, due)) for name in ("a", "b")], 100.0
    )
    load.run(users, threading.Event(), duration=0.055)
    acted.sort(key=lambda act: act[2])
    assert [act[:2] for act in acted] == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    assert [round(act[2] - acted[0][2], 3) for act in acted] == [0.0, 0.01, 0.02, 0.03, 0.04, 0.05]


def test_who_is_late_sends_what_was_due_as_of_then(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    acted: list[float] = []

    def act(number: int, due: float) -> None:
        acted.append(round(due, 3))
        clock.now += 0.35 if number == 0 else 0.0

    load.run([load.User(act, 0.1)], clock.stop, duration=0.55)
    assert acted == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]


def test_who_skips_leaves_out_what_it_could_not_send(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    acted: list[float] = []

    def act(number: int, due: float) -> None:
        acted.append(round(due, 3))
        clock.now += 0.35 if number == 0 else 0.0

    load.run([load.User(act, 0.1, skips=True)], clock.stop, duration=0.6)
    assert acted == [0.0, 0.35, 0.45, 0.55]


class Clock:
    """A clock that goes on as far as somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.stop = threading.Event()
        monkeypatch.setattr(load.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(self.stop, "wait", self._wait)

    def _wait(self, seconds: float) -> bool:
        self.now += seconds
        return False


def test_the_load_ends_when_it_is_told_to() -> None:
    stop = threading.Event()
    acted: list[int] = []

    def act(number: int, due: float) -> None:
        acted.append(number)
        if number == 2:
            stop.set()

    load.run([load.User(act, 0.001)], stop)
    assert acted == [0, 1, 2]


def test_a_user_who_breaks_ends_the_load_of_all() -> None:
    def breaks(number: int, due: float) -> None:
        raise ZeroDivisionError

    stop = threading.Event()
    with pytest.raises(ZeroDivisionError):
        load.run([load.User(breaks, 1.0), load.User(lambda number, due: None, 0.01)], stop)
    assert stop.is_set()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "users.py"
    path.write_text(SCRIPT)
    return path


def test_the_commands_run_a_script_and_read_what_it_left(
    server: Server, script: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], signals: None
) -> None:
    out = tmp_path / "requests.jsonl"
    words = [str(script), "run", "--out", str(out), "--clients", "2", "--rate", "100", "--duration", "0.045"]
    assert load.main([*words, f"{server.url}/"]) == 0
    assert {entry["balancer"] for entry in load.entries_of(out)} == {server.url}

    def said(*arguments: object) -> Any:
        assert load.main([str(script), *map(str, arguments)]) == 0
        return json.loads(capsys.readouterr().out)

    assert said("summary", out)["requests"] == 5
    assert said("summary", out)["failed"] == 0
    assert sorted(said("report", "numbers", out)) == [0, 0, 1, 1, 2]
    journal = tmp_path / "journal.jsonl"
    journal.write_text(json.dumps(deployment("1.0", 10, 20)) + "\n")
    assert [phase["phase"] for phase in said("phases", out, journal)] == ["before"]


@pytest.fixture
def signals() -> Iterator[None]:
    """The handlers of this process, put back afterwards."""
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["{folder}/none.py", "summary", "x"], "Reading the script {folder}/none.py failed: "),
        (["{folder}/empty.py", "summary", "x"], "The script {folder}/empty.py has no function 'users'."),
        (["{folder}/users.py", "summary", "{folder}/none"], "Reading {folder}/none failed: "),
        (
            ["{folder}/users.py", "report", "sum", "{folder}/out"],
            "The script has no report 'sum'; it has numbers.",
        ),
        (
            ["{folder}/users.py", "run", "--out", "{folder}/no/out", "http://h"],
            "Opening {folder}/no/out failed: ",
        ),
    ],
)
def test_what_cannot_work_is_said(
    script: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    signals: None,
    words: list[str],
    error: str,
) -> None:
    (tmp_path / "empty.py").touch()
    (tmp_path / "out").touch()
    assert load.main([word.format(folder=tmp_path) for word in words]) == 1
    assert capsys.readouterr().err.startswith(error.format(folder=tmp_path))


def entry(**differing: Any) -> dict[str, Any]:
    return {
        "start": 0.0,
        "seconds": 0.01,
        "kind": "read",
        "write": False,
        "balancer": "http://lb1",
        "member": "web1",
        "release": "1.0",
        "status": 200,
        "error": None,
        "reopened": False,
        **differing,
    }


def test_the_last_line_may_be_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    path.write_text(json.dumps(entry()) + "\n" + json.dumps(entry())[:20])
    assert list(load.entries_of(path)) == [entry()]


def test_writes_that_succeeded_are_acknowledged() -> None:
    entries = [entry(), entry(write=True, record=1), entry(write=True, record=2, error="status 503: ")]
    assert [each["record"] for each in load.acknowledged(entries)] == [1]


def test_the_summary_counts_who_was_asked_who_answered_and_what_failed() -> None:
    failed = entry(
        kind="create",
        write=True,
        balancer="http://lb2",
        member=None,
        release=None,
        status=503,
        error="status 503: ",
    )
    answered = [
        entry(),
        entry(kind="list", member="web2", release="2.0", reopened=True),
        entry(kind="update", write=True),
    ]
    seen = load.summarise([*answered, failed])
    assert (seen["requests"], seen["failed"], seen["failures"]) == (4, 1, [failed])
    assert (seen["reads"], seen["writes"], seen["writes_acknowledged"]) == (2, 2, 1)
    assert seen["kinds"] == {"create": 1, "list": 1, "read": 1, "update": 1}
    assert seen["balancers"] == {"http://lb1": 3, "http://lb2": 1}
    assert seen["members"] == {"web1": 2, "web2": 1}
    assert seen["releases"] == {"1.0": 2, "2.0": 1}
    assert seen["connections_reopened"] == 1
    assert (seen["p50_ms"], seen["p99_ms"], seen["max_ms"]) == (10.0, 10.0, 10.0)


@pytest.mark.parametrize(
    ("seconds", "percent", "expected"),
    [
        ([], 99, None),
        ([0.003], 50, 3.0),
        ([0.001, 0.002, 0.003, 0.004], 50, 2.0),
        ([number / 1000 for number in range(1, 101)], 99, 99.0),
        ([number / 1000 for number in range(1, 101)], 100, 100.0),
        ([0.001, 9.0], 99, 9000.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(
    seconds: list[float], percent: int, expected: float | None
) -> None:
    assert load.percentile_ms(seconds, percent) == expected


def deployment(version: str | None, opened: int, closed: int, occasion: str = "deploy") -> dict[str, Any]:
    moment = "1970-01-01T00:00:{:02d}Z"
    return {
        "occasion": occasion,
        "version": version,
        "opened": moment.format(opened),
        "closed": moment.format(closed),
    }


@pytest.mark.parametrize(
    ("starts", "deployments", "expected"),
    [
        ([], [], [("before", 0)]),
        ([5, 6], [], [("before", 2)]),
        # It had ended when the load began.
        ([5, 6], [deployment("1.0", 1, 4)], [("before", 2)]),
        (
            [5, 10, 19.9, 20],
            [deployment("1.0", 1, 4), deployment("2.0", 10, 20)],
            [("before", 1), ("deploy 2.0", 2), ("after deploy 2.0", 1)],
        ),
        (
            [5, 15, 25, 35, 45],
            [deployment("2.0", 10, 20), deployment(None, 30, 40, "rollback artifact")],
            [
                ("before", 1),
                ("deploy 2.0", 1),
                ("after deploy 2.0", 1),
                ("rollback artifact", 1),
                ("after rollback artifact", 1),
            ],
        ),
    ],
)
def test_requests_belong_to_the_deployment_in_which_they_were_due(
    starts: list[float], deployments: list[dict[str, Any]], expected: list[tuple[str, int]]
) -> None:
    phases = load.by_phase([entry(start=start) for start in starts], deployments)
    assert [(phase["phase"], phase["requests"]) for phase in phases] == expected
