# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import (
    parse_journeys,
)
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.run import (
    JourneyResult,
    Load,
    Thresholds,
    judge,
    run_journeys,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import http
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Shop(ThreadingHTTPServer):
    """A small shop: POST /orders makes an order, GET /orders/N reads it."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.orders: dict[int, Any] = {}
        self.seen: list[tuple[str, str]] = []
        self.authorizations: list[str | None] = []
        self.lock = threading.Lock()
        self.meeting = threading.Barrier(8)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.seen.append((self.path, self.headers.get("X-User", "")))
            self.server.authorizations.append(self.headers.get("Authorization"))
        if self.path.startswith("/orders/"):
            order = self.server.orders.get(int(self.path.split("/")[2]))
            self.answer(404, {"error": "no such order"}) if order is None else self.answer(200, order)
        elif self.path == "/meet":
            try:
                self.server.meeting.wait(5)
            except threading.BrokenBarrierError:
                self.answer(503, "alone")
            else:
                self.answer(200, "together")
        elif self.path == "/flaky":
            with self.server.lock:
                odd = sum(path == "/flaky" for path, _user in self.server.seen) % 2
            self.answer(500, "odd") if odd else self.answer(200, "even")
        elif self.path == "/hang":
            self.server.meeting.wait(5)
        else:
            self.answer(302, "x" * 500)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Type"] != "application/json":
            self.answer(415, body.decode())
            return
        with self.server.lock:
            self.server.authorizations.append(self.headers.get("Authorization"))
            number = len(self.server.orders) + 1
            self.server.orders[number] = {
                "id": number,
                "paid": True,
                "a/b": [body.decode(), None],
                **json.loads(body),
            }
        self.answer(201, {"id": number}, {"Location": f"{self.server.url}/orders/{number}"})

    def answer(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        body = (value if isinstance(value, str) else json.dumps(value)).encode()
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), "X-Version": "2.0", **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.meeting.abort()
        server.shutdown()
        thread.join()


def walk(url: str, *steps: dict[str, Any], **load: Any) -> JourneyResult:
    journeys = parse_journeys(
        [{"name": "Order", "steps": [{"name": f"s{n}", **s} for n, s in enumerate(steps, 1)]}]
    )
    return run_journeys(journeys, Load(url, **{"users": 1, **load}), Thresholds())


PLACE = {
    "method": "post",
    "path": "/orders",
    "json": {"item": "tea {uuid}", "user": "{user}"},
    "save": {"id": "/id"},
}


def test_values_are_carried_from_step_to_step_by_every_user_on_its_own(shop: Shop) -> None:
    result = walk(
        shop.url + "/",
        {**PLACE, "expect": {"status": [200, 201]}, "save": {"id": "/id", "where": "Location"}},
        {
            "path": "/orders/{id}/of/{iteration}",
            "headers": {"X-User": "{user}"},
            "expect": {
                "json": {
                    "/id": "{id}",
                    "/item": "tea {uuid}",
                    "/user": "{user}",
                    "/paid": True,
                    "/a~1b/1": None,
                },
                "contains": "tea {uuid}",
                "headers": {"x-version": "2.0"},
            },
        },
        {"path": "{where}", "expect": {"json": {"/user": "{user}"}}},
        users=4,
        iterations=3,
    )
    assert result.failures == []
    assert (result.journeys, result.failed_journeys, result.error_rate, result.requests) == (12, 0, 0.0, 36)
    assert sorted(order["user"] for order in shop.orders.values()) == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    assert len({order["item"] for order in shop.orders.values()}) == 12
    assert {user for path, user in shop.seen if user} == {"1", "2", "3", "4"}
    assert 0 < result.latency["p50"] <= result.latency["p95"] <= result.latency["max"] <= result.seconds


def test_the_users_walk_at_once(shop: Shop) -> None:
    assert walk(shop.url, {"path": "/meet"}, users=8).failed_journeys == 0


@pytest.mark.parametrize(
    ("step", "expected", "got"),
    [
        ({}, "status 2xx", f"status 302 with '{'x' * 200}...'"),
        ({"expect": {"status": [200, 404]}}, "status 200 or 404", "status 302"),
        (
            {"expect": {"status": [302], "contains": "y{user}"}},
            "a body that contains 'y1'",
            "status 302 with 'xxx",
        ),
        (
            {"expect": {"status": [302], "headers": {"X-Version": "3.0"}}},
            "header X-Version: 3.0",
            "header X-Version: 2.0",
        ),
        ({"expect": {"status": [302], "headers": {"ETag": "a"}}}, "header ETag: a", "header ETag: None"),
        ({"expect": {"status": [302], "json": {"/a": 1}}}, "JSON with /a", "'xxx"),
        ({"expect": {"status": [302]}, "save": {"a": "/a"}}, "JSON with /a", "'xxx"),
        ({"expect": {"status": [302]}, "save": {"a": "ETag"}}, "a header ETag to save", "no such header"),
        ({**PLACE, "expect": {"json": {"/id": True}}}, "/id = true", "/id = 1"),
        ({**PLACE, "expect": {"json": {"/id/x": 1}}}, "JSON with /id/x", '{"id": 1}'),
        ({**PLACE, "json": None, "body": "tea"}, "status 2xx", "status 415 with 'tea'"),
    ],
)
def test_an_answer_that_is_not_expected_is_told_with_what_came(
    shop: Shop, step: dict[str, Any], expected: str, got: str
) -> None:
    result = walk(shop.url, {"path": "/", **step}, {"path": "/never"})
    (failure,) = result.failures
    assert (failure["journey"], failure["step"], failure["count"]) == ("Order", "s1", 1)
    assert failure["expected"] == expected
    assert got in failure["got"]
    assert "/never" not in [path for path, _user in shop.seen]
    assert (result.journeys, result.failed_journeys, result.error_rate, result.requests) == (1, 1, 1.0, 1)


def test_failures_of_one_kind_are_counted_not_repeated(shop: Shop) -> None:
    result = walk(
        shop.url, PLACE, {"path": "/orders/{id}", "expect": {"json": {"/id": 0}}}, users=3, iterations=2
    )
    assert [(failure["step"], failure["count"]) for failure in result.failures] == [("s2", 6)]


@pytest.mark.parametrize("iterations", [1, 3])
def test_walks_are_spread_over_the_duration(shop: Shop, iterations: int) -> None:
    result = walk(shop.url, {"path": "/"}, iterations=iterations, duration=0.2)
    assert result.seconds >= 0.2
    assert result.journeys == iterations


def test_a_server_that_is_not_there_or_silent_is_a_failure_that_shows_no_url(shop: Shop) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = walk(f"http://127.0.0.1:{taken.getsockname()[1]}", {"path": "/?token=secret"})
    silent = walk(shop.url, {"path": "/hang"}, timeout=0.05)
    assert "refused" in refused.failures[0]["got"]
    assert "timed out" in silent.failures[0]["got"]
    assert silent.latency["max"] >= 0.05
    assert "secret" not in str(refused)


@pytest.mark.parametrize("own", [None, "authorization"])
def test_credentials_of_the_url_are_sent_as_basic_authentication_and_not_shown(
    shop: Shop, own: str | None
) -> None:
    url = shop.url.replace("//", "//ada:s%40crit@")
    headers = {} if own is None else {own: "Bearer mine"}
    result = walk(url, {**PLACE, "headers": headers, "save": {"where": "Location"}}, {"path": "{where}"})
    assert result.failed_journeys == 0
    expected = "Basic " + base64.b64encode(b"ada:s@crit").decode()
    assert shop.authorizations == [expected if own is None else "Bearer mine", expected]
    lost = walk(url, {"path": "{user}"})
    assert lost.failed_journeys == 1
    assert "crit" not in str(lost)


def test_no_user_sets_out_before_the_last_has_come(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    start, request = threading.Thread.start, http.request
    come: list[threading.Thread] = []
    set_out: list[int] = []
    early = threading.Event()

    def come_late(thread: threading.Thread) -> None:
        if thread.name.startswith("ThreadPool"):
            if len(come) == 3:
                early.wait(0.1)  # whoever does not wait has the time to set out
            come.append(thread)
        start(thread)

    def send(*arguments: Any, **options: Any) -> http.Response:
        set_out.append(len(come))
        early.set()
        return request(*arguments, **options)

    monkeypatch.setattr(threading.Thread, "start", come_late)
    monkeypatch.setattr(http, "request", send)
    assert walk(shop.url, {"path": "/"}, users=4).journeys == 4
    assert set_out == [4] * 4


def test_a_machine_that_has_not_enough_threads_is_an_error_and_no_wait_for_ever(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("ThreadPool"):
            if len(started) == 2:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    failure: list[str] = []

    def run() -> None:
        with pytest.raises(StrataError) as raised:
            walk(shop.url, {"path": "/"}, users=4)
        failure.append(str(raised.value))

    monkeypatch.setattr(threading.Thread, "start", refuse)
    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(10)
    assert "Starting 4 users at once, each a thread: can't start new thread" in failure[0]
    assert shop.seen == []


def test_a_saved_path_does_not_lead_to_another_server(shop: Shop) -> None:
    result = walk(shop.url, {**PLACE, "json": {"x": "y"}, "save": {"next": "/id"}}, {"path": "{next}"})
    assert result.failures[0]["expected"] == f"{{next}} to be a path of {shop.url}"


@pytest.mark.parametrize(
    ("thresholds", "complaint"),
    [
        (Thresholds(error_rate=0.5, latency=5), None),
        (Thresholds(error_rate=0.49), "2 of 4 journeys failed, a rate of 0.5 where 0.49 is allowed"),
        (Thresholds(error_rate=1, latency=0), "The latency p95 of 4 requests was"),
    ],
)
def test_thresholds_decide(shop: Shop, thresholds: Thresholds, complaint: str | None) -> None:
    reasons = judge(walk(shop.url, {"path": "/flaky"}, iterations=4), thresholds)
    assert len(reasons) == (complaint is not None)
    assert (complaint or "") in "".join(reasons)
    if thresholds.error_rate == 0.49:
        assert "journey 'Order', step 's1' expected status 2xx and got status 500 with 'odd'" in reasons[0]


@pytest.mark.parametrize(
    ("load", "thresholds"),
    [
        ({"base_url": "ftp://x"}, {}),
        ({"users": 0}, {}),
        ({"users": 501}, {}),
        ({"iterations": 0}, {}),
        ({"timeout": 0}, {}),
        ({}, {"error_rate": 1.1}),
        ({}, {"error_rate": -0.1}),
        ({}, {"percentile": 0}),
        ({}, {"percentile": 101}),
    ],
)
def test_values_with_which_no_run_makes_sense_are_refused(
    load: dict[str, Any], thresholds: dict[str, Any]
) -> None:
    journeys = parse_journeys([{"name": "x", "steps": [{"name": "y", "path": "/"}]}])
    with pytest.raises(StrataError):
        run_journeys(journeys, Load(**{"base_url": "http://127.0.0.1:1", **load}), Thresholds(**thresholds))
