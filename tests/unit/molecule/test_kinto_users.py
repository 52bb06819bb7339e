# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The users of Kinto say what went wrong, against a server that does as Kinto does but for one answer."""

from __future__ import annotations

import io
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bench import load

SCRIPT = Path(__file__).resolve().parents[3] / "molecule" / "default" / "kinto" / "users.py"
RESET = struct.pack("ii", 1, 0)

kinto = load.script_of(SCRIPT)


class Server(ThreadingHTTPServer):
    """Keeps records as Kinto does; ``fault`` is what it does wrong with the next request."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Kinto)
        # The latest one last.
        self.records: dict[str, dict[str, Any]] = {}
        self.fault = ""
        self.closed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def shutdown_request(self, request: Any) -> None:
        # Without the end of the stream before, so that a reset is all that the client sees of one.
        self.close_request(request)
        self.closed.set()


class Kinto(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer is one write: the second of two would wait for the first to be acknowledged.
    wbufsize = -1
    server: Server

    def do_GET(self) -> None:
        self._obey()

    def do_PUT(self) -> None:
        self._obey()

    def do_DELETE(self) -> None:
        self._obey()

    def _obey(self) -> None:
        fault, self.server.fault = self.server.fault, ""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close_connection = True
            return
        if fault == "503":
            self._answer(503, "<html>", member=None)
            return
        kept = dict(self.server.records)
        status, data = self._kinto(json.loads(body or "null"))
        if fault == "drop":
            self.server.records = kept
        if fault == "alter":
            (data[0] if isinstance(data, list) else data)["content"] = "another"
        if fault == "shorten":
            del data[-1]
        if fault == "turn":
            data.reverse()
        self.close_connection = fault == "close"
        self._answer(status, json.dumps({"data": {} if fault == "empty" else data}))

    def _kinto(self, body: Any) -> tuple[int, Any]:
        url, records = urlsplit(self.path), self.server.records
        collection, _, record = url.path.partition("/records")
        if not record:
            if url.path.endswith("/records"):
                limit = int(parse_qs(url.query)["_limit"][0])
                return 200, [{"id": name, **data} for name, data in list(records.items())[::-1][:limit]]
            return 200, {"id": collection}
        record = record.lstrip("/")
        if self.command == "PUT":
            status = 200 if records.pop(record, None) else 201
            records[record] = body["data"]
            return status, {"id": record, "last_modified": 7, **body["data"]}
        found = records.get(record)
        if found is None:
            return 404, {}
        if self.command == "DELETE":
            del records[record]
            return 200, {"id": record, "last_modified": 7, "deleted": True}
        return 200, {"id": record, "last_modified": 7, **found}

    def _answer(self, status: int, body: str, member: str | None = "web1") -> None:
        self.send_response(status)
        if member:
            self.send_header("X-Member", member)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

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


class User:
    """A client of the load that does one request after the other, and what it has written down."""

    def __init__(self, *balancers: str) -> None:
        self._stream = io.StringIO()
        self._reader = kinto.Reader(0, load.Options(balancers, 1, 1.0, load.Log(self._stream), "run"))
        self._number = 0

    def asks(self, kind: str) -> dict[str, Any]:
        # Of numbers like these, each is about the record that was written last.
        self._reader.ask(kind, self._number * 6, time.monotonic())
        self._number += 1
        return self.told[-1]

    def acts(self, number: int) -> dict[str, Any]:
        self._reader.act(number, time.monotonic())
        return self.told[-1]

    def leaves(self) -> None:
        self._reader.client.close()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._stream.getvalue().splitlines()]


@pytest.fixture
def user(server: Server) -> Iterator[User]:
    user = User(server.url)
    yield user
    user.leaves()


def test_right_answers_are_no_failures(server: Server, user: User) -> None:
    kinds = ["list", "create", "read", "update", "read", "create", "list", "delete", "read", "update", "list"]
    told = [user.asks(kind) for kind in kinds]
    assert [entry["error"] for entry in told] == [None] * len(kinds)
    assert [entry["kind"] for entry in told] == kinds
    assert [entry["status"] for entry in told] == [200, 201, 200, 200, 200, 201, 200, 200, 404, 200, 200]
    assert [entry["revision"] for entry in told] == [None, 1, 1, 2, 2, 1, None, None, None, 3, None]
    assert {entry["member"] for entry in told} == {"web1"}
    assert not any(entry["reopened"] for entry in told)
    living = {record: held for record, held in kinto.acknowledged(told).items() if held}
    assert living == server.records
    assert kinto.acknowledged(told)[told[5]["record"]] is None


@pytest.mark.parametrize("kind", ["read", "update", "delete"])
def test_what_there_is_no_record_for_is_a_creation(user: User, kind: str) -> None:
    assert user.asks(kind)["kind"] == "create"


@pytest.mark.parametrize(
    ("fault", "kind", "status", "error"),
    [
        ("503", "create", 503, "status 503: <html>"),
        ("503", "update", 503, "status 503: <html>"),
        ("503", "delete", 503, "status 503: <html>"),
        ("503", "read", 503, "status 503: <html>"),
        ("503", "list", 503, "status 503: <html>"),
        ("reset", "create", None, "ConnectionResetError: "),
        ("reset", "update", None, "ConnectionResetError: "),
        ("reset", "read", None, "ConnectionResetError: "),
        ("alter", "create", 201, "the record has another content: "),
        ("alter", "update", 200, "the record has another content: "),
        ("alter", "read", 200, "the record has another content: "),
        ("alter", "list", 200, "the list has another content: "),
        ("shorten", "list", 200, "the list has another content: "),
        ("turn", "list", 200, "the list has another content: "),
        ("empty", "create", 201, "the answer is not what Kinto gives: "),
        ("empty", "delete", 200, "the answer is not what Kinto gives: "),
        ("empty", "read", 200, "the answer is not what Kinto gives: "),
        ("empty", "list", 200, "the answer is not what Kinto gives: "),
    ],
)
def test_a_wrong_answer_is_told_and_its_write_is_not_judged(
    server: Server, user: User, fault: str, kind: str, status: int | None, error: str
) -> None:
    user.asks("create")
    before = user.asks("create")["record"]
    server.fault = fault
    wrong = user.asks(kind)
    assert wrong["status"] == status
    assert wrong["error"].startswith(error)
    assert wrong["member"] == (None if fault in ("503", "reset") else "web1")

    judged = kinto.acknowledged(user.told)
    assert (wrong["record"] in judged) == (kind == "read")
    assert (before in judged) == (kind not in ("update", "delete"))
    # It stays with the one failure: whether that write happened or not, what follows is right.
    assert [user.asks(kind)["error"] for kind in ("read", "list", "update", "read", "list")] == [None] * 5


@pytest.mark.parametrize(
    ("dropped", "looked", "error"),
    [
        ("create", "read", "status 404: "),
        ("create", "update", "status 201: "),
        ("create", "delete", "status 404: "),
        ("create", "list", "the list has another content: "),
        ("update", "read", "the record has another content: "),
        ("update", "list", "the list has another content: "),
        ("delete", "read", "status 200: "),
        ("delete", "list", "the list has another content: "),
    ],
)
def test_a_write_that_was_acknowledged_and_dropped_is_seen_later(
    server: Server, user: User, dropped: str, looked: str, error: str
) -> None:
    user.asks("create")
    server.fault = "drop"
    lost = user.asks(dropped)
    assert lost["error"] is None
    assert user.asks(looked)["error"].startswith(error)
    written, stored = kinto.acknowledged([lost]), server.records
    assert {record: stored.get(record) for record in written} != written


def test_a_connection_that_was_closed_while_idle_is_opened_anew(server: Server, user: User) -> None:
    server.fault = "close"
    user.asks("create")
    assert server.closed.wait(10)
    again = user.asks("read")
    assert (again["error"], again["reopened"]) == (None, True)
    assert load.summarise(user.told)["connections_reopened"] == 1


def test_records_of_an_earlier_run_are_not_judged(server: Server, user: User) -> None:
    server.records["client-0_earlier_0"] = {"content": "?", "revision": 9}
    assert [user.asks(kind)["error"] for kind in ("list", "create", "list")] == [None] * 3


def test_a_record_that_is_not_judged_may_take_its_place_in_a_full_list(server: Server, user: User) -> None:
    for _ in range(kinto.LISTED + 1):
        user.asks("create")
    server.fault = "alter"
    unknown = user.asks("create")
    assert unknown["error"]
    assert list(server.records)[-1] == unknown["record"]
    assert user.asks("list")["error"] is None


def test_a_balancer_that_is_not_there_fails_its_requests_and_no_others(server: Server) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{unheard.getsockname()[1]}"
        user = User(server.url, gone)
        told = [user.acts(number) for number in range(8)]
        user.leaves()
    assert [entry["balancer"] for entry in told] == [server.url, server.url, gone, gone] * 2
    assert [entry["error"] is None for entry in told] == [True, True, False, False] * 2
    assert told[2]["error"].startswith("ConnectionRefusedError: ")


def test_half_are_writes_and_each_kind_goes_to_either_balancer() -> None:
    asked = Counter((kinto.kind_of(number), number // 2 % 2) for number in range(28))
    assert asked == {
        **{("create", each): 3 for each in (0, 1)},
        **{("update", each): 3 for each in (0, 1)},
        **{("delete", each): 1 for each in (0, 1)},
        **{("read", each): 6 for each in (0, 1)},
        **{("list", each): 1 for each in (0, 1)},
    }


def test_the_users_ask_until_they_are_stopped(server: Server, tmp_path: Path) -> None:
    out, stop = tmp_path / "requests.jsonl", threading.Event()
    with out.open("w", buffering=1) as stream:
        users = kinto.users(load.Options([server.url], 1, 500.0, load.Log(stream), "run"))
        running = threading.Thread(target=load.run, args=(users, stop))
        running.start()
        deadline = time.monotonic() + 10
        while len(out.read_text().splitlines()) < 50:
            assert time.monotonic() < deadline
        stop.set()
        running.join(10)
    assert not running.is_alive()
    told = list(load.entries_of(out))
    assert load.summarise(told)["failures"] == []
    assert set(load.summarise(told)["kinds"]) == {"create", "update", "delete", "read", "list"}
    written = kinto.acknowledged(told)
    assert written
    assert {record: server.records.get(record) for record in written} == written


def test_a_server_that_lets_nobody_in_ends_the_load(server: Server) -> None:
    server.fault = "503"
    with pytest.raises(load.LoadError, match=r"PUT http://.*/v1/buckets/load: 503 <html>"):
        kinto.users(load.Options([server.url], 1, 10.0, load.Log(io.StringIO()), "run"))


def entry(**differing: Any) -> dict[str, Any]:
    return {"kind": "read", "write": False, "error": None, "record": "r", "revision": 1, **differing}


def write(kind: str, revision: int | None, error: str | None = None) -> dict[str, Any]:
    return entry(kind=kind, write=True, revision=revision, error=error)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], {}),
        ([write("create", 1)], {"r": 1}),
        ([write("create", 1), write("update", 2)], {"r": 2}),
        ([write("create", 1), entry(error="status 503: ")], {"r": 1}),
        ([write("create", 1), write("delete", None)], {"r": None}),
        ([write("create", 1, "TimeoutError: ")], {}),
        ([write("create", 1), write("update", 2, "TimeoutError: ")], {}),
        ([write("create", 1), write("delete", None, "TimeoutError: ")], {}),
        ([entry(kind="list", record=None, revision=None)], {}),
    ],
)
def test_the_last_acknowledged_state_of_each_record_counts(
    told: list[dict[str, Any]], expected: dict[str, int | None]
) -> None:
    states = kinto.acknowledged(told)
    assert {record: state and state["revision"] for record, state in states.items()} == expected
