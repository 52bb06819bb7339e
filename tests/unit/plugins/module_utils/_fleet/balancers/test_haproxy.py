# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider against HAProxy's runtime API: always as it was recorded, and live where HAProxy is installed.

``transcripts/`` holds what HAProxy 2.6.12 answered. To record anew, run this file with
STRATA_RECORD_HAPROXY=1 and ``haproxy`` on the PATH.
"""

from __future__ import annotations

import http.server
import json
import os
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from programs import need

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.haproxy import HAProxy
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.pool import (
    Outcome,
    ensure_members,
)

TRANSCRIPTS = Path(__file__).parent / "transcripts"
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


class Replay:
    """A stats socket that answers, in order, what HAProxy answered; a repeated last question as before."""

    def __init__(self, folder: Path, transcript: list[list[str]]) -> None:
        self.address = str(folder / "replay.sock")
        self._left = list(transcript)
        self._last: dict[str, str] = {}
        replay = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self.wfile.write(replay.answer(self.rfile.readline().decode().strip()).encode())

        self._server = socketserver.UnixStreamServer(self.address, Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, command: str) -> str:
        if self._left and self._left[0][0] == command:
            self._last[command] = self._left.pop(0)[1]
        return self._last.get(command, f"not in the transcript here: {command}\n")

    # What a live lab does to the members is in the answers already.
    def operator(self, command: str) -> None:
        pass

    def fail_health(self, name: str) -> None:
        pass

    def hold_request(self) -> None:
        pass

    def provider(self, _socket: str = "admin", pool: str = "shop") -> HAProxy:
        return HAProxy(self.address, pool)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Recorder(HAProxy):
    def __init__(self, address: str, pool: str, transcript: list[list[str]]) -> None:
        super().__init__(address, pool)
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
            return HAProxy(f"{self.folder}/admin.sock", "shop")._ask(command)
        except StrataError:
            return ""

    def operator(self, command: str) -> None:
        self._peek(command)

    def fail_health(self, name: str) -> None:
        self._apps[name].health = 500
        self._wait(lambda: HAProxy(f"{self.folder}/admin.sock", "shop").read({})[name].healthy is False)

    def hold_request(self) -> None:
        self.operator("set server shop/web2 weight 0")
        self.operator("set server shop/unchecked state maint")
        client = socket.create_connection(("127.0.0.1", self._port))
        client.sendall(b"GET /slow HTTP/1.0\r\n\r\n")
        self._wait(lambda: HAProxy(f"{self.folder}/admin.sock", "shop").sessions(["web1"])["web1"] == 1)
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


@pytest.fixture(params=["replayed", "live"])
def lab(request: pytest.FixtureRequest) -> Iterator[Replay | Live]:
    name = request.node.originalname.removeprefix("test_")
    path = TRANSCRIPTS / f"haproxy-2.6.12-{name.replace('_', '-')}.json"
    transcript: list[list[str]] = []
    lab: Replay | Live
    with tempfile.TemporaryDirectory() as short_path:  # a socket's name has room for 100 bytes
        if request.param == "replayed":
            if RECORDING:
                pytest.skip("recording")
            lab = Replay(Path(short_path), json.loads(path.read_text()))
        else:
            [program] = need("haproxy")
            lab = Live(Path(short_path), transcript, program)
        yield lab
        lab.close()
    if RECORDING:
        path.write_text(json.dumps(transcript, indent=1) + "\n")


def ensure(provider: HAProxy, members: list[str], state: str, **options: Any) -> Outcome:
    given = {"owned": {}, "min_ready": "1", "timeout": 5, "interval": 0.05, "check_mode": False, **options}
    return ensure_members(provider, pool="shop", members=members, state=state, **given)


UNTOUCHED = {
    "web1": "ready",
    "web2": "ready",
    "unchecked": "ready",
    "absent": "down",
    "light": "maintenance",
}


def test_a_pool_is_read_by_state_and_health(lab: Replay | Live) -> None:
    outcome = ensure(lab.provider(), [], "ready")
    assert outcome.after == UNTOUCHED
    health = {name: (member.healthy, member.health) for name, member in outcome.members.items()}
    assert health["web1"] == (True, "UP, L7OK")
    assert health["unchecked"] == (None, "")
    assert health["absent"] == (False, "DOWN, L4CON")


def test_a_batch_leaves_the_pool_and_comes_back(lab: Replay | Live) -> None:
    provider = lab.provider()
    drained = ensure(provider, ["web1", "unchecked"], "drained")
    assert drained.after == {**UNTOUCHED, "web1": "drained", "unchecked": "drained"}
    assert not ensure(provider, ["web1"], "drained").changed
    restored = ensure(provider, ["web1", "unchecked"], "ready")
    assert (restored.changed, restored.after) == (True, UNTOUCHED)
    assert not ensure(provider, ["web1"], "ready").changed


def test_a_running_request_is_waited_for(lab: Replay | Live) -> None:
    provider = lab.provider()
    lab.hold_request()
    with pytest.raises(StrataError, match=r"web1 \(1 sessions\)"):
        ensure(provider, ["web1"], "drained", timeout=0.1, min_ready="0")
    assert ensure(provider, ["web1"], "drained", min_ready="0").members["web1"].sessions == 0


def test_maintenance_by_an_operator_is_left_alone(lab: Replay | Live) -> None:
    provider = lab.provider()
    lab.operator("set server shop/web1 state maint")
    for state in ("drained", "ready"):
        outcome = ensure(provider, ["web1"], state)
        assert (outcome.changed, outcome.left_alone) == (False, ("web1",))
        assert outcome.after["web1"] == "maintenance"


def test_an_unhealthy_member_is_not_put_back(lab: Replay | Live) -> None:
    provider = lab.provider()
    ensure(provider, ["web1"], "drained")
    lab.fail_health("web1")
    with pytest.raises(StrataError, match=r"still fails for web1 \(DOWN, L7STS\)"):
        ensure(provider, ["web1"], "ready", timeout=0.1)
    assert ensure(provider, [], "ready").after["web1"] == "drained"


def recorded_with(changes: dict[str, str]) -> list[list[str]]:
    """The recorded pool, with the values of some fields of web1 and web2 as HAProxy also has them."""
    path = TRANSCRIPTS / "haproxy-2.6.12-a-pool-is-read-by-state-and-health.json"
    transcript: list[list[str]] = json.loads(path.read_text())
    for exchange in transcript:
        if exchange[0].startswith("show stat "):
            header, *rows = exchange[1].splitlines()
            columns = header[2:].split(",")
            for number, row in enumerate(rows):
                values = row.split(",")
                if values[1:2] and values[1] in ("web1", "web2"):
                    for name, value in changes.items():
                        values[columns.index(name)] = value
                    rows[number] = ",".join(values)
            exchange[1] = "\n".join([header, *rows]) + "\n"
    return transcript


@pytest.fixture
def replayed(request: pytest.FixtureRequest) -> Iterator[HAProxy]:
    with tempfile.TemporaryDirectory() as short_path:
        replay = Replay(Path(short_path), recorded_with(request.param))
        yield replay.provider()
        replay.close()


@pytest.mark.parametrize("replayed", [{"status": "UP 1/2"}], indirect=True)
def test_members_that_have_begun_to_fail_still_serve_and_are_guarded(replayed: HAProxy) -> None:
    with pytest.raises(StrataError, match="would leave 1 ready of 5"):
        ensure(replayed, ["web1", "web2"], "drained", min_ready="2")
    with pytest.raises(StrataError, match=r"missing is web1 \(ready, UP 1/2, L7OK\)"):
        ensure(replayed, ["web1"], "ready", timeout=0.01)


@pytest.mark.parametrize("replayed", [{"status": "DOWN 1/2"}], indirect=True)
def test_members_that_have_begun_to_recover_do_not_serve_yet(replayed: HAProxy) -> None:
    assert ensure(replayed, [], "ready").after == {**UNTOUCHED, "web1": "down", "web2": "down"}


@pytest.mark.parametrize("replayed", [{"scur": "1", "qcur": "2"}], indirect=True)
def test_requests_that_wait_in_the_queue_are_sessions_too(replayed: HAProxy) -> None:
    assert replayed.sessions(["web1"]) == {"web1": 3}
    assert replayed.read({})["web2"].sessions == 3


def test_an_unknown_server_is_said(lab: Replay | Live) -> None:
    with pytest.raises(StrataError, match="has no member web9; it has web1, web2"):
        ensure(lab.provider(), ["web1", "web9"], "drained")


def test_an_unknown_backend_is_said(lab: Replay | Live) -> None:
    with pytest.raises(StrataError, match=r"Can't find backend.*Give the name of a backend"):
        ensure(lab.provider(pool="nope"), [], "ready")


def test_a_socket_without_admin_level_is_said(lab: Replay | Live) -> None:
    with pytest.raises(StrataError, match=r"Permission denied.*level admin"):
        ensure(lab.provider("user"), ["web1"], "drained")


@pytest.mark.parametrize(
    ("address", "pool", "says"),
    [
        ("admin.sock", "shop", "no HAProxy stats socket"),
        ("127.0.0.1:0x1", "shop", "no HAProxy stats socket"),
        ("/run/admin.sock", "shop; shutdown sessions", "no name of an HAProxy"),
        ("/run/admin.sock", "", "no name of an HAProxy"),
    ],
)
def test_what_cannot_be_right_is_refused_without_asking(address: str, pool: str, says: str) -> None:
    with pytest.raises(StrataError, match=says):
        ensure(HAProxy(address, pool), [], "ready")


@pytest.mark.parametrize("kind", ["path", "port"])
def test_a_socket_that_nobody_serves_is_said(kind: str, tmp_path: Path) -> None:
    address = str(tmp_path / "nobody.sock") if kind == "path" else "127.0.0.1:1"
    with pytest.raises(StrataError, match=f"Asking HAProxy at {address} .* See that HAProxy runs"):
        ensure(HAProxy(address, "shop"), [], "ready")
