# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any, Callable

import pytest

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def address() -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("X-Version", "1.0")
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("check", [False, True])
def test_a_healthy_endpoint_is_ok(run_module: Run, address: str, check: bool) -> None:
    arguments = {
        "url": f"http://{address}/",
        "interval": 0.01,
        "version_header": "x-version",
        "version": "1.0",
    }
    result = run_module("http_health", arguments, check=check)
    assert (result["failed"], result["changed"], result["attempts"], result["last"]) == (
        False,
        False,
        2,
        "status 200",
    )
    assert result["seconds"] >= 0.01


def test_another_version_fails_with_the_last_answer(run_module: Run, address: str) -> None:
    url = f"http://anna:s3cret@{address}/?token=t0ken"
    arguments = {
        "url": url,
        "timeout": 0.05,
        "interval": 0.01,
        "version_header": "X-Version",
        "version": "2.0",
    }
    result = run_module("http_health", arguments)
    assert result["failed"]
    assert result["last"] == "version 1.0 instead of version 2.0"
    assert f"http://{address}/ was not healthy" in result["msg"]
    assert "s3cret" not in json.dumps(result)
    assert "t0ken" not in json.dumps(result)


def test_a_url_without_a_secret_is_readable_and_no_url_is_in_the_hosts_log(
    run_module: Run, free_port: int, logged: list[str]
) -> None:
    url = f"http://127.0.0.1:{free_port}/"
    result = run_module("http_health", {"url": url, "timeout": 0.01})
    assert f"{url} was not healthy" in result["msg"]
    assert result["invocation"]["module_args"]["url"] == url
    run_module("http_health", {"url": f"http://anna:s3cret@127.0.0.1:{free_port}/?k=t0ken", "timeout": 0.01})
    assert len(logged) == 2
    assert "s3cret" not in logged[1]
    assert "t0ken" not in logged[1]


def test_a_malformed_url_is_a_clear_error(run_module: Run) -> None:
    result = run_module("http_health", {"url": "http://bad host/"})
    assert result["failed"]
    assert "'http://bad host/' has a space" in result["msg"]


def test_a_version_header_needs_a_version(run_module: Run) -> None:
    result = run_module("http_health", {"url": "http://h/", "version_header": "X-Version"})
    assert result["failed"]
