# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The provider against HAProxy's runtime API as it was recorded; live and recorded anew: the same path in tests/functional."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.haproxy_api import TRANSCRIPTS, UNTOUCHED, RuntimeApi, ensure, haproxy, transcript_of

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.haproxy import HAProxy


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
        return haproxy(self.address, pool)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Replay]:
    with tempfile.TemporaryDirectory() as short_path:  # a socket's name has room for 100 bytes
        replay = Replay(Path(short_path), json.loads(transcript_of(request).read_text()))
        yield replay
        replay.close()


class TestRecorded(RuntimeApi):
    pass


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
    assert replayed.read({})["web2"].sessions == 3


@pytest.mark.parametrize("replayed", [{"scur": "1"}], indirect=True)
def test_sessions_are_those_of_members_that_are_out_of_rotation(replayed: HAProxy) -> None:
    assert replayed.sessions(["web1", "light", "unknown"]) == {"light": 0}


@pytest.mark.parametrize(
    ("address", "pool", "says"),
    [
        ("admin.sock", "shop", "not an HAProxy stats socket"),
        ("127.0.0.1:0x1", "shop", "not an HAProxy stats socket"),
        ("127.0.0.1:65536", "shop", "not an HAProxy stats socket"),
        (":9999", "shop", "not an HAProxy stats socket"),
        ("/run/a\0b", "shop", "not an HAProxy stats socket"),
        ("a..b:9999", "shop", "The host 'a..b' of the HAProxy stats socket 'a..b:9999' is not valid"),
        (f"{'a' * 64}.example:9999", "shop", "is not valid"),
        ("[::1::]:9999", "shop", "is not valid"),
        ("/run/admin.sock", "shop; shutdown sessions", "cannot be the name of an HAProxy"),
        ("/run/admin.sock", "", "cannot be the name of an HAProxy"),
    ],
)
def test_what_cannot_be_right_is_refused_without_asking(address: str, pool: str, says: str) -> None:
    with pytest.raises(StrataError, match=says):
        ensure(haproxy(address, pool), [], "ready")


@pytest.mark.parametrize("kind", ["path", "port"])
def test_a_socket_that_nobody_serves_is_said(kind: str, tmp_path: Path) -> None:
    address = str(tmp_path / "nobody.sock") if kind == "path" else "127.0.0.1:1"
    with pytest.raises(StrataError, match=f"Asking HAProxy at {address} .* Check that HAProxy runs"):
        ensure(haproxy(address, "shop"), [], "ready")


STATE_HEADER = "1\n# be_id be_name srv_name srv_admin_state srv_agent_state\n"
STATE = STATE_HEADER + "3 shop web1 0 0\n\n"
STATISTICS_HEADER = (
    "# pxname,svname,status,weight,bck,scur,qcur,check_status,check_rise,check_fall,check_health,\n"
)
STATISTICS = STATISTICS_HEADER + "shop,web1,UP,1,0,0,0,L7OK,2,2,3,\n\n"


class Answering(HAProxy):
    def __init__(self, states: str = STATE, statistics: str = STATISTICS) -> None:
        super().__init__({"address": "/run/haproxy.sock", "pool": "shop"})
        self.states, self.statistics = states, statistics

    def _ask(self, command: str) -> str:
        return self.states if command.startswith("show servers state") else self.statistics


@pytest.mark.parametrize(
    "states",
    [
        "",
        "\n",
        "Permission denied\n\n",
        "Unknown command: 'show', but maybe one of the following ones is a better match:\n",
        "<html>502 Bad Gateway</html>",
        STATE.replace("1\n", "2\n", 1),
        STATE.replace("# ", "", 1),
        STATE.replace("srv_admin_state", "srv_admin"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 0"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 0 0 0"),
        STATE.replace("3 shop web1 0 0", "3 blog web1 0 0"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 zero 0"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 128 0"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 0 -1"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 0 0\n3 shop web1 0 0"),
        STATE.replace("3 shop web1 0 0", "3 shop web1 0 0\n4 shop web2 0 0"),
        STATE.replace("web1", "web2"),
        STATE.replace("3 shop web1 0 0", f"3 shop web1 {'9' * 5000} 0"),
    ],
)
def test_states_that_are_malformed_are_an_error(states: str) -> None:
    assert Answering().read({})["web1"].state == "ready"
    with pytest.raises(StrataError, match=r"HAProxy at /run/haproxy.sock"):
        Answering(states).read({})


@pytest.mark.parametrize(
    "statistics",
    [
        "",
        "Permission denied\n\n",
        "<html>502 Bad Gateway</html>",
        STATISTICS.removeprefix("# "),
        STATISTICS.replace("bck,", ""),
        STATISTICS.replace("weight", "wait"),
        STATISTICS.replace(",3,\n", "\n"),
        STATISTICS.replace(",3,\n", ",3,4,5,\n"),
        STATISTICS.replace("shop,", "blog,"),
        STATISTICS.replace("web1", "web2"),
        STATISTICS.replace("UP", ""),
        STATISTICS.replace("UP", "OPEN"),
        STATISTICS.replace("UP", "up"),
        STATISTICS.replace("UP,1", "UP,"),
        STATISTICS.replace("UP,1,0,0", "UP,1,0,many"),
        STATISTICS.replace("UP,1,0,0", "UP,1,no,0"),
        STATISTICS.replace("L7OK", '"L7OK'),
        STATISTICS.replace("L7OK", "x" * 200_000),
        STATISTICS_HEADER,
        STATISTICS + STATISTICS.splitlines()[1] + "\n",
    ],
)
def test_statistics_that_are_malformed_are_an_error(statistics: str) -> None:
    with pytest.raises(StrataError, match=r"HAProxy at /run/haproxy.sock"):
        Answering(statistics=statistics).read({})


def test_a_refusal_is_not_an_empty_pool() -> None:
    with pytest.raises(StrataError, match=r"Permission denied.*does not allow this command"):
        Answering(statistics="Permission denied\n\n").read({})


@pytest.mark.parametrize(
    ("status", "levels", "state", "healthy"),
    [
        ("UP 1/2", "2,2,2", "ready", False),
        ("DRAIN 1/2", "2,2,2", "drained", False),
        ("DRAIN (agent)", "2,2,3", "drained", True),
        ("DRAIN (agent)", "2,2,2", "drained", False),
        ("DOWN 1/2", "2,2,1", "down", False),
        ("NOLB 1/2", "2,2,2", "down", False),
        ("NOLB", "2,2,3", "down", False),
    ],
)
def test_states_that_pass_quickly_are_read_too(
    status: str, levels: str, state: str, healthy: bool | None
) -> None:
    states = STATE.replace("web1 0", "web1 8") if state == "drained" else STATE
    member = Answering(states, STATISTICS.replace("UP", status).replace("2,2,3", levels)).read({})["web1"]
    assert (member.state, member.healthy) == (state, healthy)
