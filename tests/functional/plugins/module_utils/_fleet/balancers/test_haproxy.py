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
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from fixtures.haproxy_api import RuntimeApi, ensure, haproxy, transcript_of
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
        self._wait(lambda: haproxy(f"{self.folder}/admin.sock", "shop").read({})["web1"].sessions == 1)
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


class Agent(socketserver.ThreadingTCPServer):
    """What HAProxy asks by agent-check; it answers every time the same."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, words: str) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                self.request.sendall(f"{words}\n".encode())

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def check(self) -> str:
        return f"agent-check agent-port {self.server_address[1]}"


class State(NamedTuple):
    """A server as it is configured, what is done to it, and what HAProxy and Strata then say of it."""

    options: str
    commands: tuple[str, ...]
    admin: int
    status: str
    state: str
    healthy: bool | None


AGENTS = ("up", "up ready", "drain", "maint", "0%", "down")
STATES = {
    # What an operator does.
    "up": State("check", (), 0, "UP", "ready", True),
    "unchecked": State("", (), 0, "no check", "ready", None),
    "drained": State("check", ("state drain",), 8, "DRAIN", "drained", True),
    "drained-unchecked": State("", ("state drain",), 8, "DRAIN", "drained", None),
    "drained-down": State("check port 1", ("state drain",), 8, "DOWN", "drained", False),
    "drained-weightless": State("check", ("weight 0", "state drain"), 8, "DRAIN", "drained", True),
    "maintained": State("check", ("state maint",), 1, "MAINT", "maintenance", None),
    "drained-then-maintained": State(
        "check", ("state drain", "state maint"), 1, "MAINT", "maintenance", None
    ),
    "weightless": State("check", ("weight 0",), 0, "UP", "maintenance", True),
    "made-down": State("", ("health down",), 0, "DOWN", "down", False),
    "made-stopping": State("", ("health stopping",), 0, "NOLB", "down", False),
    # What the configuration says.
    "disabled": State("check disabled", (), 5, "MAINT", "maintenance", None),
    "disabled-then-ready": State("check disabled", ("state ready",), 4, "UP", "ready", True),
    "disabled-then-drained": State("check disabled", ("state drain",), 12, "DRAIN", "drained", True),
    "weight-0": State("check weight 0", (), 0, "UP", "maintenance", True),
    "backup": State("check backup", (), 0, "UP", "ready", True),
    "slow": State("check slowstart 60s", ("state maint", "state ready"), 0, "UP", "ready", True),
    # What a check says.
    "absent": State("check port 1", (), 0, "DOWN", "down", False),
    "checked-404": State("check-404", (), 0, "NOLB", "down", False),
    # What another server hands down.
    "tracks-up": State("track other/up", (), 0, "UP", "ready", None),
    "tracks-down": State("track other/down", (), 0, "DOWN", "down", False),
    "tracks-drained": State("track other/drained", (), 16, "DRAIN", "maintenance", None),
    "drained-tracks-drained": State(
        "track other/drained", ("state drain",), 24, "DRAIN", "maintenance", None
    ),
    "tracks-maintained": State(
        "track other/maintained", (), 2, "MAINT (via other/maintained)", "maintenance", None
    ),
    "drained-tracks-down": State("track other/down", ("state drain",), 8, "DOWN", "drained", False),
    # What the resolvers say.
    "unresolved": State("unresolved", (), 32, "MAINT (resolution)", "down", False),
    "drained-unresolved": State("unresolved", ("state drain",), 40, "MAINT (resolution)", "drained", False),
    "renamed": State(
        "localhost", ("fqdn other.invalid", "state maint", "state ready"), 64, "UP", "ready", True
    ),
    # What an agent says.
    "agent-up": State("check up", (), 0, "UP", "ready", True),
    "agent-up-unchecked": State("up", (), 0, "no check", "ready", None),
    "agent-up-drained": State("check up", ("state drain",), 8, "DRAIN (agent)", "drained", True),
    "agent-up-drained-unchecked": State("up", ("state drain",), 8, "DRAIN (agent)", "drained", None),
    "agent-drain": State("check drain", (), 8, "DRAIN (agent)", "drained", True),
    "agent-maint": State("check maint", (), 1, "MAINT", "maintenance", None),
    "agent-weightless": State("check 0%", (), 0, "UP", "maintenance", True),
    "agent-down": State("check down", (), 0, "DOWN (agent)", "down", False),
    "agent-down-unchecked": State("down", (), 0, "DOWN (agent)", "down", False),
    "agent-ready": State("check up ready", (), 0, "UP", "ready", True),
}

STATES_CONFIG = """
global
  stats socket {folder}/admin.sock mode 600 level admin
resolvers nowhere
  nameserver one 127.0.0.1:1
  resolve_retries 1
  timeout resolve 1s
  timeout retry 100ms
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
  option httpchk GET /health
  timeout check 2s
  default-server inter 200ms agent-inter 200ms fall 2 rise 2
backend other
  server up {app} check
  server down {app} check port 1
  server drained {app} check
  server maintained {app} check
backend off
  disabled
  server web1 {app}
backend empty
backend lonely
  http-check disable-on-404
  server checked-404 {sick} check
backend shop
"""


class States:
    """An HAProxy with a server in each of the states."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder = folder
        self.app, self.sick = App(), App()
        self.sick.health = 404
        self.agents = {words: Agent(words) for words in AGENTS}
        config = STATES_CONFIG.format(folder=folder, app=self.app.name, sick=self.sick.name)
        config += "".join(
            f"  server {name} {self._options(state.options)}\n"
            for name, state in STATES.items()
            if name != "checked-404"
        )
        path = folder / "haproxy.cfg"
        path.write_text(config)
        self._process = subprocess.Popen(
            [program, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            self.wait(lambda: self.ask("show stat -1 4 -1") != "")
            for command in ("drained state drain", "maintained state maint"):
                self.ask(f"set server other/{command}")
            for name, state in STATES.items():
                for command in state.commands:
                    self.ask(f"set server shop/{name} {command}")
        except BaseException:
            self.close()
            raise

    def _options(self, options: str) -> str:
        if options == "unresolved":
            return "nowhere.invalid:80 check resolvers nowhere init-addr none"
        if options == "localhost":
            port = self.app.server_address[1]
            return f"localhost:{port} check resolvers nowhere init-addr libc,none resolve-prefer ipv4"
        check, _space, words = options.partition(" ") if options.startswith("check ") else ("", "", options)
        agent = self.agents.get(words)
        return f"{self.app.name} {check} {agent.check}" if agent else f"{self.app.name} {options}"

    def wait(self, condition: Any) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "HAProxy did not follow in time"
            time.sleep(0.02)

    def ask(self, command: str) -> str:
        try:
            return haproxy(f"{self.folder}/admin.sock", "shop")._ask(command)
        except StrataError:
            return ""

    def provider(self, pool: str = "shop") -> HAProxy:
        return haproxy(f"{self.folder}/admin.sock", pool)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(10)
        for server in (self.app, self.sick, *self.agents.values()):
            server.shutdown()
            server.server_close()


@pytest.fixture(scope="module")
def states() -> Iterator[States]:
    [program] = need("haproxy")
    with tempfile.TemporaryDirectory() as short_path:
        states = States(Path(short_path), program)
        yield states
        states.close()


@pytest.mark.parametrize("name", STATES)
def test_a_state_is_read_as_haproxy_means_it(states: States, name: str) -> None:
    wanted = STATES[name]
    provider = states.provider("lonely" if name == "checked-404" else "shop")

    def said() -> tuple[int, str, str, bool | None]:
        states_of = provider._administrative_states()
        status = provider._statistics(states_of[name]["be_id"])[name]["status"]
        member = provider.read({})[name]
        return int(states_of[name]["srv_admin_state"]), status, member.state, member.healthy

    # A check may fail on a busy machine, and is done again.
    deadline = time.monotonic() + 10
    while (seen := said()) != wanted[2:] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert seen == wanted[2:]
    assert provider.read({})[name].backup is (name == "backup")


def test_a_disabled_backend_is_an_error_and_an_empty_one_is_empty(states: States) -> None:
    with pytest.raises(StrataError, match="backend 'off': it is disabled"):
        ensure(states.provider("off"), [], "ready")
    assert ensure(states.provider("empty"), [], "ready").after == {}


AGENT_CONFIG = """
global
  stats socket {folder}/admin.sock mode 600 level admin
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 10s
backend shop
  option httpchk GET /health
  default-server inter 50ms fall 2 rise 2
  server web1 {app} check {agent} agent-inter {inter}
  server web2 {app} check
  server spare {app} check backup
  server spare2 {app} check backup
"""


@pytest.fixture
def agent_lab(request: pytest.FixtureRequest) -> Iterator[HAProxy]:
    words, inter = request.param
    [program] = need("haproxy")
    app, agent = App(), Agent(words)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "haproxy.cfg")
        path.write_text(AGENT_CONFIG.format(folder=folder, app=app.name, agent=agent.check, inter=inter))
        process = subprocess.Popen(
            [program, "-db", "-f", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        provider = haproxy(f"{folder}/admin.sock", "shop")
        try:
            deadline = time.monotonic() + 10
            while True:
                with suppress(StrataError):
                    if all(member.health.endswith("L7OK") for member in provider.read({}).values()):
                        break
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield provider
        finally:
            process.terminate()
            process.wait(10)
            for server in (app, agent):
                server.shutdown()
                server.server_close()


# HAProxy asks agents every 2 s unless it is told otherwise.
@pytest.mark.parametrize(
    "agent_lab", [("up ready", "50ms"), ("up ready", "1s"), ("ready", "2s")], indirect=True
)
def test_a_drain_that_an_agent_undoes_is_a_failure(agent_lab: HAProxy) -> None:
    with pytest.raises(StrataError, match=r"out of rotation: web1\..*an agent check that says 'ready'"):
        ensure(agent_lab, ["web1"], "drained", timeout=5)


@pytest.mark.parametrize("agent_lab", [("up", "50ms"), ("100%", "50ms")], indirect=True)
def test_a_member_with_a_harmless_agent_leaves_and_comes_back(agent_lab: HAProxy) -> None:
    drained = ensure(agent_lab, ["web1"], "drained")
    assert (drained.after["web1"], drained.members["web1"].healthy) == ("drained", True)
    assert ensure(agent_lab, ["web1"], "ready").after["web1"] == "ready"


@pytest.mark.parametrize("agent_lab", [("drain", "50ms"), ("drain", "2s")], indirect=True)
def test_a_restore_that_an_agent_undoes_is_a_failure(agent_lab: HAProxy) -> None:
    with pytest.raises(StrataError, match=r"missing is web1 \(drained"):
        ensure(agent_lab, ["web1"], "ready", timeout=4)


@pytest.mark.parametrize("agent_lab", [("up", "50ms")], indirect=True)
def test_a_drain_shorter_than_an_agent_may_take_is_refused(agent_lab: HAProxy) -> None:
    with pytest.raises(StrataError, match=r"takes 2\.5 s.*Nothing was changed"):
        ensure(agent_lab, ["web1"], "drained", timeout=1)
    assert agent_lab.read({})["web1"].state == "ready"


@pytest.mark.parametrize("agent_lab", [("up", "50ms")], indirect=True)
def test_backups_are_members_but_no_capacity_while_another_member_serves(agent_lab: HAProxy) -> None:
    with pytest.raises(StrataError, match=r"leave 0 ready of 2 .*backups, which do not count: spare, spare2"):
        ensure(agent_lab, ["web1", "web2"], "drained", min_ready="1")
    assert ensure(agent_lab, [], "ready").ready == 2
    assert ensure(agent_lab, ["spare", "spare2"], "drained", min_ready="100%").ready == 2
    ensure(agent_lab, ["spare", "spare2"], "ready")
    assert ensure(agent_lab, ["web1", "web2"], "drained", min_ready="0").ready == 2
    with pytest.raises(StrataError, match="leave 0 ready of 2"):
        ensure(agent_lab, ["spare", "spare2"], "drained", min_ready="1")
    assert ensure(agent_lab, ["spare"], "drained", min_ready="1").ready == 1


@pytest.mark.parametrize("agent_lab", [("up", "50ms")], indirect=True)
def test_a_drain_that_an_operator_undoes_is_a_failure_at_once(agent_lab: HAProxy) -> None:
    threading.Timer(0.5, lambda: agent_lab._ask("set server shop/web1 state ready")).start()
    started = time.monotonic()
    with pytest.raises(StrataError, match="out of rotation: web1") as raised:
        ensure(agent_lab, ["web1"], "drained", timeout=30)
    assert raised.value.details == {"changed": True}
    assert time.monotonic() - started < 2
