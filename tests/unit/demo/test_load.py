# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shop's users, against a server whose answers are known."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from demo import load


class Shop(BaseHTTPRequestHandler):
    """Answers an order with the status that its product number stands for."""

    statuses = (201, 503, 200)
    body = b'{"id": 7}'

    def do_GET(self) -> None:
        self._answer(200)

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(self.statuses[order["product"] - 1])

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("X-Release", "1.0")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_only_what_was_answered_with_2xx_counts_as_served(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "stored", lambda _, keys: len(keys) - 1)
    result = load.run(shop, "", 200.0, threading.Event(), duration=0.06)
    # Requests 0, 2, ... 10 order the products 1, 3, 2, 1, 3, 2; every product 2 is refused.
    assert (result.requests, result.failed, result.writes, result.writes_lost) == (12, 2, 4, 1)
    assert result.served == {"1.0": 12}
    assert "503" in result.failures[0]


def test_a_server_that_is_not_there_fails_every_request(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "stored", lambda _, keys: len(keys))
    result = load.run(f"http://127.0.0.1:{free_port}", "", 200.0, threading.Event(), duration=0.02)
    assert (result.requests, result.failed, result.writes) == (4, 4, 0)
    assert "ConnectionRefusedError" in result.failures[0]


def test_an_answer_that_the_load_cannot_read_is_a_failure_too(
    shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "stored", lambda _, keys: len(keys))
    monkeypatch.setattr(Shop, "body", b"[]")
    result = load.run(shop, "", 200.0, threading.Event(), duration=0.01)
    assert (result.requests, result.failed, result.writes_lost) == (2, 1, 0)
    assert "the answer is not an order: []" in result.failures[0]


def test_the_load_ends_when_it_is_told_to(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "stored", lambda _, keys: len(keys))
    stop = threading.Event()
    stop.set()
    assert load.run(shop, "", 50.0, stop).requests == 0


def test_an_order_is_read_back_once_there_is_one(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "stored", lambda _, keys: len(keys))
    asked: list[str] = []
    answer = Shop.do_GET
    monkeypatch.setattr(Shop, "do_GET", lambda self: (asked.append(self.path), answer(self)))
    load.run(shop, "", 100.0, threading.Event(), duration=0.2)
    assert len(asked) == 10
    assert set(asked) == {"/products", "/orders/7"}
    assert asked[0] == "/products"
