# SPDX-License-Identifier: GPL-3.0-or-later
"""Against a real supervisord; restarts into good and bad releases are with the module release."""

from __future__ import annotations

import http.server
import threading
import xmlrpc.client
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.supervisord import Supervisord
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def options(supervised: Any) -> ServiceOptions:
    found = service_options(supervised.service)
    assert found
    return found


def test_a_program_has_a_status_and_an_unknown_one_is_an_error(options: ServiceOptions) -> None:
    assert Supervisord(options).status().phase == "stopped"
    assert Supervisord(replace(options, name="shop:shop")).status().detail == "STOPPED"
    with pytest.raises(StrataError, match=r"knows no process 'shap'; it has: .*shop:shop"):
        Supervisord(replace(options, name="shap")).status()


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (":s3cret@", ":wr0ng@", "HTTP 401 .*Check the user and password"),
        ("s.sock", "t.sock", "did not answer.*No such file"),
    ],
    ids=["password", "socket"],
)
def test_a_supervisord_that_does_not_let_us_in_is_an_error(
    options: ServiceOptions, before: str, after: str, why: str
) -> None:
    own = {"address": options.own["address"].replace(before, after)}
    with pytest.raises(StrataError, match=why) as raised:
        Supervisord(replace(options, own=own)).status()
    assert "wr0ng" not in str(raised.value)
    assert "sock" not in str(raised.value)


def test_a_supervisord_over_tcp_that_is_not_there_is_an_error(free_port: int) -> None:
    own = {"address": f"http://u:s3cret@127.0.0.1:{free_port}"}
    options = ServiceOptions("supervisord", "shop", own=own)
    with pytest.raises(StrataError, match="did not answer at its address: Connection refused"):
        Supervisord(options).status()


def test_a_program_whose_file_is_missing_cannot_start(options: ServiceOptions) -> None:
    service = Supervisord(replace(options, name="absent"))
    stopped: list[bool] = []
    with pytest.raises(StrataError, match="could not start service 'absent': NO_FILE"):
        service.restart(lambda: stopped.append(True))
    assert stopped == [True]


def test_a_program_that_is_gone_cannot_be_restarted(options: ServiceOptions) -> None:
    with pytest.raises(StrataError, match="knows no process 'shap'"):
        Supervisord(replace(options, name="shap")).restart(lambda: None)


def test_a_program_that_does_not_stop_in_time_is_an_error(options: ServiceOptions) -> None:
    service = Supervisord(replace(options, name="stubborn", timeout=0.3))
    service.restart(lambda: None)
    # Only then does it surely block the signal: a program counts as running after a second.
    Watch(service, Status("stopped", "")).running(10)
    with pytest.raises(StrataError, match=r"did not get service 'stubborn' stopped within 0\.3 s"):
        service.restart(lambda: None)


def started(options: ServiceOptions) -> dict[str, int]:
    """When each process of the group began."""
    service = Supervisord(options)
    return {name: service._info(name)["start"] for name in service._names()}


def test_the_processes_of_a_group_are_restarted_one_after_another(options: ServiceOptions) -> None:
    service = Supervisord(replace(options, name="pair:*", min_uptime=0))
    former = service.status()
    assert (former.phase, former.detail) == ("stopped", "pair:pair_0 STOPPED")
    stopped: list[bool] = []
    service.restart(lambda: stopped.append(True))
    first = Watch(service, former).running(10)
    assert (first.phase, first.detail) == ("running", "pair:pair_0 RUNNING")
    before = started(service.options)
    service.restart(lambda: stopped.append(True))
    # The first of them had been running for a second, as it must, before the second was touched.
    now = started(service.options)
    assert before["pair:pair_0"] < before["pair:pair_1"] <= now["pair:pair_0"] < now["pair:pair_1"]
    assert service.status().started != first.started
    assert not stopped


def test_a_group_goes_on_with_the_old_release_if_its_first_process_does_not_run(
    options: ServiceOptions, supervised: Any
) -> None:
    service = Supervisord(replace(options, name="pair:*", min_uptime=0))
    former = service.status()
    service.restart(lambda: None)
    Watch(service, former).running(10)
    before = started(service.options)
    supervised.root.mkdir(exist_ok=True)
    (supervised.root / "broken").touch()
    with pytest.raises(
        StrataError, match=r"'pair:pair_0' ended right after its start .*\n.*\n  pair: broken"
    ) as raised:
        service.restart(lambda: None)
    assert raised.value.details["log"][-1] == "pair: broken"
    assert started(service.options)["pair:pair_1"] == before["pair:pair_1"]
    assert service.status().phase == "failed"


def test_a_group_that_is_not_there_is_an_error(options: ServiceOptions) -> None:
    with pytest.raises(StrataError, match=r"knows no process 'pear:\*'; it has: .*pair:pair_0"):
        Supervisord(replace(options, name="pear:*")).status()


INFO = {
    "name": "shop",
    "group": "shop",
    "statename": "RUNNING",
    "spawnerr": "",
    "exitstatus": 0,
    "pid": 1,
    "start": 2,
}


class Answering(http.server.ThreadingHTTPServer):
    """An HTTP server that answers every call with the same body."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = b""
        self.encoding = "identity"
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def service(self, name: str = "shop") -> Supervisord:
        own = {"address": f"http://u:s3cret@127.0.0.1:{self.server_address[1]}"}
        return Supervisord(ServiceOptions("supervisord", name, own=own, timeout=5))


class Handler(http.server.BaseHTTPRequestHandler):
    server: Answering

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Encoding", self.server.encoding)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[Answering]:
    server = Answering()
    yield server
    server.shutdown()
    server.server_close()


def answer(value: Any) -> bytes:
    return xmlrpc.client.dumps((value,), methodresponse=True, allow_none=True).encode()


def response(value: str) -> bytes:
    return f"<methodResponse><params><param>{value}</param></params></methodResponse>".encode()


MALFORMED = [
    b"",
    b"<html><body>It works!</body></html>",
    b"<html><body>It works!<br></body></html>",
    b"not XML",
    b'{"result": []}',
    b"\xff\xfe",
    b"<methodResponse/>",
    b"<methodResponse><params/></methodResponse>",
    b"<methodResponse><fault><value><string>no</string></value></fault></methodResponse>",
    b"<methodResponse><fault><value><struct></struct></value></fault></methodResponse>",
    b"<methodResponse><fault/></methodResponse>",
    response("<value><int>many</int></value>"),
    response("<value><boolean>2</boolean></value>"),
    response("<value><struct><member><name>name</name></member></struct></value>"),
    response("<value><bigdecimal>many</bigdecimal></value>"),
    response("<value><base64>!</base64></value>"),
    response("<value><dateTime.iso8601></dateTime.iso8601></value>"),
    *map(answer, [None, True, 5, "RUNNING", [], {}, [[]], [5], {"statename": "RUNNING"}]),
    *(answer({name: value for name, value in INFO.items() if name != missing}) for missing in INFO),
    *(
        answer({**INFO, **wrong})
        for wrong in [
            {"statename": "FLYING"},
            {"statename": 20},
            {"statename": []},
            {"pid": "1"},
            {"pid": True},
            {"spawnerr": None},
            {"start": 1.5},
        ]
    ),
]


@pytest.mark.parametrize("body", MALFORMED, ids=range(len(MALFORMED)))
@pytest.mark.parametrize("name", ["shop", "shop:*"])
def test_an_answer_that_is_not_supervisords_is_an_error(answering: Answering, name: str, body: bytes) -> None:
    answering.body = body
    with pytest.raises(StrataError, match=r"service 'shop.*not its XML-RPC\. Check") as raised:
        answering.service(name).status()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("encoding", ["gzip"])
def test_a_body_that_is_not_compressed_as_it_says_is_an_error(answering: Answering, encoding: str) -> None:
    answering.body, answering.encoding = answer(INFO), encoding
    with pytest.raises(StrataError, match="service 'shop'"):
        answering.service().status()


@pytest.mark.parametrize("name", ["shop", "shop:*"])
def test_a_fault_of_another_server_is_told(answering: Answering, name: str) -> None:
    answering.body = xmlrpc.client.dumps(
        xmlrpc.client.Fault(1, "UNKNOWN_METHOD"), methodresponse=True
    ).encode()
    with pytest.raises(StrataError, match=r"could not .* service 'shop.*UNKNOWN_METHOD"):
        answering.service(name).status()


def test_a_good_answer_is_read(answering: Answering) -> None:
    answering.body = answer(INFO)
    assert answering.service().status() == Status("running", "RUNNING", 1, "2")


@pytest.mark.parametrize("host", ["a..b", "a" * 64, ".a"])
def test_an_address_whose_host_cannot_be_looked_up_is_refused(host: str) -> None:
    options = ServiceOptions("supervisord", "shop", own={"address": f"http://u:s3cret@{host}:9001"})
    with pytest.raises(StrataError, match="of the address of supervisord is not valid") as raised:
        Supervisord(options).validate()
    assert "s3cret" not in str(raised.value)
