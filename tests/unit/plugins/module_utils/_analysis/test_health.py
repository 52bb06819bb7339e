# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck, probe, wait
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

Script = list[tuple[int, str]]


@pytest.fixture
def serve() -> Iterator[Callable[[Script], str]]:
    """Serve statuses and versions from a script, the last one for ever; credentials are asked on /private."""
    servers: list[tuple[http.server.HTTPServer, threading.Thread]] = []

    def start(script: Script) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, version = script.pop(0) if len(script) > 1 else script[0]
                if self.path == "/private" and self.headers["Authorization"] != "Basic YW5uYTpwdw==":
                    status = 401
                self.send_response(status)
                self.send_header("x-version", version)
                self.end_headers()
                self.wfile.write(b"see  postgresql://u:s3cret@db/x\n")

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes], str]]:
    """Answer with a beginning and then, without an end, a byte now and then."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def start(beginning: bytes) -> str:
        listening = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            with listening, listening.accept()[0] as client, contextlib.suppress(OSError):
                client.sendall(beginning)
                while not over.wait(0.4):
                    client.sendall(b"x")

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"127.0.0.1:{listening.getsockname()[1]}"

    yield start
    over.set()
    for each in threads:
        each.join()


@pytest.mark.parametrize(
    "beginning",
    [b"", b"HTTP/1.1 200 OK\r\nX-", b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"],
    ids=["status", "header", "body"],
)
def test_a_probe_is_given_up_in_time_however_slowly_the_answer_drips(
    dripping: Callable[[bytes], str], beginning: bytes
) -> None:
    started = time.monotonic()
    answer = probe(HealthCheck(f"http://{dripping(beginning)}/"), timeout=0.5)
    assert (answer.healthy, answer.detail) == (False, "no answer (timed out)")
    assert time.monotonic() - started < 0.75


def test_a_probe_does_not_wait_for_the_end_of_a_long_answer(dripping: Callable[[bytes], str]) -> None:
    address = dripping(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 4096)
    assert probe(HealthCheck(f"http://{address}/"), timeout=5).healthy


OK, SICK, OLD = (200, "2.0"), (500, "2.0"), (200, "1.0")


@pytest.mark.parametrize(
    ("script", "attempts"),
    [([OK], 2), ([SICK, OK], 3), ([OK, SICK, OK], 4), ([OLD, OLD, OK], 4), ([OK, OLD, OK, SICK, OK], 6)],
    ids=["at once", "later", "not in a row", "another version first", "unsteady"],
)
def test_healthy_is_a_number_of_good_answers_in_a_row(
    serve: Callable[[Script], str], script: Script, attempts: int
) -> None:
    check = HealthCheck(f"http://{serve(script)}/", interval=0.001, version_header="X-Version", version="2.0")
    health = wait(check)
    assert (health.attempts, health.last.status, health.last.version) == (attempts, 200, "2.0")


@pytest.mark.parametrize(
    ("answer", "header", "detail"),
    [
        (SICK, None, "status 500 instead of 200: see postgresql://***@db/x"),
        ((302, ""), None, "status 302 instead of 200"),
        (OLD, "X-Version", "version 1.0 instead of version 2.0"),
        (OK, "X-Other", "no X-Other header instead of version 2.0"),
    ],
)
def test_the_last_answer_is_told(
    serve: Callable[[Script], str], answer: tuple[int, str], header: str | None, detail: str
) -> None:
    address = serve([answer])
    check = HealthCheck(
        f"http://anna:pw@{address}/h?k=v", interval=0.001, timeout=0.02, version_header=header, version="2.0"
    )
    with pytest.raises(StrataError, match=f"http://{address}/h was not healthy 2 times") as raised:
        wait(check)
    assert raised.value.details["last"].startswith(detail)
    assert raised.value.details["attempts"] >= 1


def test_credentials_in_the_url_are_sent(serve: Callable[[Script], str]) -> None:
    address = serve([OK])
    assert probe(HealthCheck(f"http://anna:pw@{address}/private")).healthy
    assert not probe(HealthCheck(f"http://{address}/private")).healthy


def test_no_answer_is_told_without_credentials(free_port: int) -> None:
    answer = probe(HealthCheck(f"http://anna:s3cret@127.0.0.1:{free_port}/"))
    assert not answer.healthy
    assert "refused" in answer.detail
    assert "s3cret" not in answer.detail


def test_waiting_ends_at_once_when_it_is_in_vain(free_port: int) -> None:
    calls = []

    def alive() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise StrataError("gone")

    started = time.monotonic()
    with pytest.raises(StrataError, match="gone"):
        wait(HealthCheck(f"http://127.0.0.1:{free_port}/", interval=0.001), alive)
    assert time.monotonic() - started < 5


def test_the_process_must_still_be_there_after_the_last_answer(serve: Callable[[Script], str]) -> None:
    calls = []

    def alive() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise StrataError("gone")

    with pytest.raises(StrataError, match="gone"):
        wait(HealthCheck(f"http://{serve([OK])}/", interval=0.001), alive)


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (HealthCheck("ftp://u:s3cret@h/"), "health URL 'ftp://h/' is not of the form"),
        (HealthCheck("http://"), "not of the form"),
        (HealthCheck("http:///path"), "not of the form"),
        (HealthCheck("http://u:s3cret@h:x/"), "malformed"),
        (HealthCheck("h/health"), "not of the form"),
        (HealthCheck("http://u:s3cret@bad host/"), "percent-encode"),
        (HealthCheck("http://h/", successes=0), "at least 1"),
        (HealthCheck("http://h/", interval=0), "above 0"),
        (HealthCheck("http://h/", timeout=0), "above 0"),
        (HealthCheck("http://h/", version_header="X"), "needs the version"),
    ],
)
def test_bad_input_is_seen_before_any_request(check: HealthCheck, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        wait(check)
    assert "s3cret" not in str(raised.value)
