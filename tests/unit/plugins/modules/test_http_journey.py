# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable
from urllib.parse import quote

import pytest
from ansible.module_utils.basic import AnsibleModule

Run = Callable[..., dict[str, Any]]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 500)
        self.end_headers()
        self.wfile.write(b'{"ok": true}')

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def arguments(url: str, path: str) -> dict[str, Any]:
    step = {"name": "Look", "path": path, "expect": {"status": 200, "json": {"/ok": True}}}
    return {"base_url": url, "users": 2, "percentile": 99, "journeys": [{"name": "Home", "steps": [step]}]}


def test_a_good_run_is_reported_and_changes_nothing(url: str, run_module: Run) -> None:
    result = run_module("http_journey", arguments(url, "/"))
    assert not result["failed"], result
    assert not result["changed"]
    assert (result["journeys"], result["failed_journeys"], result["requests"]) == (2, 0, 2)
    assert set(result["latency"]) == {"p50", "p95", "p99", "max"}


def test_an_exceeded_threshold_fails_with_the_same_report(url: str, run_module: Run) -> None:
    result = run_module("http_journey", arguments(url, "/broken"))
    assert result["failed"]
    assert "2 of 2 journeys failed" in result["msg"]
    assert result["failures"] == [
        {
            "journey": "Home",
            "step": "Look",
            "expected": "status 200",
            "got": "status 500 with '{\"ok\": true}'",
            "count": 2,
        }
    ]
    assert not run_module("http_journey", {**arguments(url, "/broken"), "error_rate": 1})["failed"]


def test_the_credentials_of_the_url_are_shown_nowhere_and_a_plain_url_stays_readable(
    url: str, run_module: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, msg, **_: logged.append(str(msg)))
    secret = url.replace("//", "//ada:s3cret@") + "/?k=t0ken"
    for given in (secret, secret.replace("http:", "htp:")):
        result = run_module("http_journey", arguments(given, "/broken"))
        assert result["failed"]
        for part in ("s3cret", "t0ken"):
            assert part not in f"{result}{logged}"
    assert logged
    plain = run_module("http_journey", arguments(url, "/"))
    assert plain["invocation"]["module_args"]["base_url"] == url


def test_check_mode_sends_nothing_but_sees_what_is_wrong(run_module: Run) -> None:
    skipped = run_module("http_journey", arguments("http://127.0.0.1:1", "/"), check=True)
    assert skipped["skipped"]
    assert "a journey may write" in skipped["msg"]
    for wrong in (arguments("http://127.0.0.1:1", "/{id}"), arguments("x", "/")):
        assert run_module("http_journey", wrong, check=True)["failed"]


class Echo(Handler):
    """Repeats what it was sent, as a debug page does."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = f"{self.headers['Authorization']} {quote(self.headers['X-Key'])} {body}"
        self.send_response(500)
        self.end_headers()
        self.wfile.write(b"." * 180 + said.encode())


@pytest.mark.parametrize("module", ["http_journey", "analysis"])
@pytest.mark.parametrize("key", ["p@ss/word", "xyz"])
def test_headers_and_bodies_are_in_no_log_and_no_answer(
    url: str, run_module: Run, monkeypatch: pytest.MonkeyPatch, module: str, key: str
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(AnsibleModule, "log", lambda self, msg, **_: logged.append(str(msg)))
    monkeypatch.setattr(Handler, "do_POST", Echo.do_POST, raising=False)
    step = {
        "name": "Log in",
        "method": "POST",
        "path": "/login",
        "headers": {"Authorization": "Bearer t0kenvalue", "X-Key": key},
    }
    bodies = [{"json": {"password": "multi\nline s3cret"}}, {"body": "password=b0dysecret"}]
    journeys = [{"name": "Login", "steps": [{**step, **body}]} for body in bodies]
    options = {"base_url": url, "users": 1, "journeys": journeys}
    given = options if module == "http_journey" else {"analyses": [{"provider": "journeys", **options}]}
    result = run_module(module, given)
    assert result["failed"]
    text = f"{result}{logged}"
    assert "Log in" in text
    for secret in ("t0kenvalue", "s3cret", "b0dysecret", key, "p%40ss"):
        assert secret not in text, secret
