# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider against a real HAProxy.

STRATA_RECORD_HAPROXY=1 records what it answers, for the unit tests to replay.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fixtures.haproxy_api import RuntimeApi, haproxy, transcript_of
from programs import need

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.haproxy import HAProxy

RECORDING = bool(os.environ.get("STRATA_RECORD_HAPROXY"))

CONFIG = """
global
  stats socket {folder}/admin.sock mode 600 level admin
  stats socket {folder}/user.sock mode 600 level user
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
frontend shop
  bind 127.0.0.1:{port}
  default_backend shop
backend shop
  option httpchk GET /health
  default-server check inter 50ms fall 2 rise 2
  server web1 {web1}
  server web2 {web2}
  server unchecked {web2} no-check
  server absent 127.0.0.1:1
  server light {web2} weight 0
"""


class App(http.server.ThreadingHTTPServer):
    """A member; /slow answers once it is let go."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), AppHandler)
        self.name = f"127.0.0.1:{self.server_address[1]}"
        self.health = 200
        self.let_go = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class AppHandler(http.server.BaseHTTPRequestHandler):
    server: App

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.let_go.wait(10)
        self.send_response(self.server.health if self.path == "/health" else 200)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Recorder(HAProxy):
    def __init__(self, address: str, pool: str, transcript: list[list[str]]) -> None:
        super().__init__({"address": address, "pool": pool})
        self._transcript = transcript

    def _ask(self, command: str) -> str:
        answer = super()._ask(command)
        self._transcript.append([command, answer])
        return answer


class Live:
    """A real HAProxy with two real members."""

    def __init__(self, folder: Path, transcript: list[list[str]], program: str) -> None:
        self.folder = folder
        self._transcript = transcript
        self._apps = {"web1": App(), "web2": App()}
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        config = folder / "haproxy.cfg"
        addresses = {name: app.name for name, app in self._apps.items()}
        config.write_text(CONFIG.format(folder=folder, port=self._port, **addresses))
        self._process = subprocess.Popen(
            [program, "-db", "-f", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self._wait(lambda: ",L4CON," in self._peek("show stat -1 4 -1"))
        except BaseException:
            self.close()
            raise

    def _wait(self, condition: Any) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "HAProxy did not follow in time"
            time.sleep(0.02)

    def _peek(self, command: str) -> str:
        try:
            return haproxy(f"{self.folder}/admin.sock", "shop")._ask(command)
        except StrataError:
            return ""

    def operator(self, command: str) -> None:
        self._peek(command)

    def fail_health(self, name: str) -> None:
        self._apps[name].health = 500
        self._wait(lambda: haproxy(f"{self.folder}/admin.sock", "shop").read({})[name].healthy is False)

    def hold_request(self) -> None:
        self.operator("set server shop/web2 weight 0")
        self.operator("set server shop/unchecked state maint")
        client = socket.create_connection(("127.0.0.1", self._port))
        client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        self._wait(lambda: haproxy(f"{self.folder}/admin.sock", "shop").sessions(["web1"])["web1"] == 1)
        threading.Timer(0.3, self._apps["web1"].let_go.set).start()

    def provider(self, which: str = "admin", pool: str = "shop") -> HAProxy:
        return Recorder(f"{self.folder}/{which}.sock", pool, self._transcript)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        for app in self._apps.values():
            app.let_go.set()
            app.shutdown()
            app.server_close()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Live]:
    [program] = need("haproxy")
    transcript: list[list[str]] = []
    with tempfile.TemporaryDirectory() as short_path:  # a socket's name has room for 100 bytes
        live = Live(Path(short_path), transcript, program)
        yield live
        live.close()
    if RECORDING:
        transcript_of(request).write_text(json.dumps(transcript, indent=1) + "\n")


class TestLive(RuntimeApi):
    pass
