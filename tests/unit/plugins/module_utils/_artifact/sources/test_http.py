# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import hashlib
import http.server
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable, ClassVar

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import (
    Access,
    Source,
    fetch,
    look_up,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import http as http_source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

LIMIT = 100_000_000


def get(web: Any, tmp_path: Path, path: str = "/a", **access: Any) -> bytes:
    source = Source(web.url(path), "unverified", Access(**access))
    source.validate()
    fetch(source, tmp_path / "got", LIMIT)
    return (tmp_path / "got").read_bytes()


@pytest.mark.parametrize(
    "validators", [{"ETag": '"1"'}, {"Last-Modified": "Mon, 02 Nov 2026 10:00:00 GMT"}], ids=["ETag", "date"]
)
def test_a_broken_download_is_taken_up_where_it_broke(web: Any, tmp_path: Path, validators: Any) -> None:
    web.validators = validators
    web.cuts = [100_000, 50_000]
    assert get(web, tmp_path) == web.files["/a"]
    assert web.asked == [None, "bytes=100000-", "bytes=150000-"]
    assert {headers.get("if-range") for _method, _path, headers in web.seen[1:]} == set(validators.values())


@pytest.mark.parametrize(
    ("ranges", "validators", "chunked"),
    [(False, {"ETag": '"1"'}, False), (True, {"ETag": 'W/"1"'}, False), (True, {}, False), (True, {}, True)],
    ids=["the server ignores ranges", "a weak ETag", "nothing to tell the file by", "chunked"],
)
def test_where_it_must_begin_anew_what_was_read_is_passed_over(
    web: Any, tmp_path: Path, ranges: bool, validators: Any, chunked: bool
) -> None:
    web.ranges, web.validators, web.chunked = ranges, validators, chunked
    web.cuts = [100_000]
    assert get(web, tmp_path) == web.files["/a"]
    assert web.asked == [None, None if ranges else "bytes=100000-"]


def test_a_chunked_download_is_taken_up_too(web: Any, tmp_path: Path) -> None:
    web.chunked, web.cuts = True, [100_000]
    assert get(web, tmp_path) == web.files["/a"]


@pytest.mark.parametrize("etag", ['"1"', '"2"'], ids=["as if it were the same", "with another ETag"])
@pytest.mark.parametrize("more", [b"", b"!"], ids=["same length", "longer"])
def test_a_file_that_changed_in_between_is_an_error(web: Any, tmp_path: Path, etag: str, more: bytes) -> None:
    def change() -> None:
        web.files["/a"] = b"?" + web.files["/a"][1:] + more
        web.validators = {"ETag": etag}

    web.cuts, web.after_cut = [1_500_000], change
    if etag == '"1"' and not more:
        # Nothing but the checksum can tell.
        right = hashlib.sha256(web.files["/a"]).hexdigest()
        web.ranges = False
        source = Source(web.url(), f"sha256:{right}")
    else:
        source = Source(web.url(), "unverified")
    with pytest.raises(StrataError, match="the server had another file there"):
        fetch(source, tmp_path / "got", LIMIT)


def test_a_piece_from_elsewhere_in_the_file_is_an_error(web: Any, tmp_path: Path) -> None:
    web.cuts, web.shift = [1000], 1
    with pytest.raises(StrataError, match="the server had another file there"):
        get(web, tmp_path)


def test_a_server_that_heeds_no_if_range_is_not_taken_at_its_word(web: Any, tmp_path: Path) -> None:
    def change() -> None:
        web.files["/a"] = b"?" * len(web.files["/a"])
        web.validators = {"ETag": '"2"'}

    web.if_range, web.cuts, web.after_cut = False, [1000], change
    with pytest.raises(StrataError, match="the server had another file there"):
        get(web, tmp_path)


def test_a_download_is_given_up_after_so_many_tries(web: Any, tmp_path: Path) -> None:
    web.cuts = [10] * 9
    with pytest.raises(StrataError, match=r"cut short, \d+ of 2048000 bytes came"):
        get(web, tmp_path, retries=2)
    assert len(web.seen) == 3


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_server_in_trouble_is_asked_again(web: Any, tmp_path: Path, status: int) -> None:
    web.statuses = [(status, {})] * 2
    assert get(web, tmp_path) == web.files["/a"]


def test_a_server_in_trouble_halfway_is_asked_again(web: Any, tmp_path: Path) -> None:
    web.cuts = [1000]
    web.after_cut = lambda: web.statuses.append((503, {}))
    assert get(web, tmp_path) == web.files["/a"]
    assert web.asked == [None, "bytes=1000-", "bytes=1000-"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_what_the_server_refuses_is_not_asked_again(web: Any, tmp_path: Path, status: int) -> None:
    web.statuses = [(status, {})]
    with pytest.raises(StrataError, match=f"answered {status}"):
        get(web, tmp_path)
    assert len(web.seen) == 1


@pytest.mark.parametrize(
    ("query", "signed"),
    [
        ("?X-Amz-Signature=s3cret", True),
        ("?Expires=1&Signature=s3cret", True),
        ("?sv=1&sig=s3cret", True),
        ("?design=s3cret", False),
        ("", False),
    ],
)
def test_a_signed_url_that_is_refused_may_have_expired(web: Any, query: str, signed: bool) -> None:
    web.statuses = [(403, {})] * 2
    with pytest.raises(StrataError, match="answered 403") as raised:
        look_up(Source(web.url(f"/a{query}"), "unverified"))
    assert ("has the signature expired?" in str(raised.value)) == signed
    assert "s3cret" not in str(raised.value)


def test_a_server_that_is_not_there_is_tried_again(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http_source.time, "sleep", waits.append)
    with pytest.raises(StrataError, match="refused"):
        look_up(Source(f"http://127.0.0.1:{free_port}/a", "unverified"))
    assert len(waits) == 3


def test_the_waits_grow_and_differ(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http_source.time, "sleep", waits.append)
    monkeypatch.setattr(http_source, "BACKOFF", 1.0)
    with pytest.raises(StrataError, match="refused"):
        look_up(Source(f"http://127.0.0.1:{free_port}/a", "unverified", Access(retries=9)))
    assert all(0.5 * 2**n <= wait <= 1.5 * 2**n or wait == 60 for n, wait in enumerate(waits))
    assert len(waits) == 9
    assert waits[-1] == 60


def test_retry_after_is_heeded(web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(http_source.time, "sleep", waits.append)
    soon = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 30))
    web.statuses = [(503, {"Retry-After": "7"}), (429, {"Retry-After": soon}), (503, {"Retry-After": "soon"})]
    assert get(web, tmp_path) == web.files["/a"]
    assert waits[0] == 7
    assert 25 < waits[1] <= 30
    assert waits[2] == 0


def test_retry_after_an_hour_is_not_waited_for(web: Any, tmp_path: Path) -> None:
    web.statuses = [(503, {"Retry-After": "3600"})]
    with pytest.raises(StrataError, match="answered 503"):
        get(web, tmp_path)
    assert len(web.seen) == 1


def test_a_silent_server_is_an_error(tmp_path: Path, serve: Callable[..., Any]) -> None:
    web = serve()
    release = []
    web.cuts = [1000]
    # The handler's thread polls until the client has hung up on it.
    web.after_cut = lambda: [time.sleep(0.01) for _each in range(500) if not release]
    started = time.monotonic()
    with pytest.raises(StrataError, match="timed out"):
        get(web, tmp_path, timeout=0.2, retries=0)
    release.append(True)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_server_gets_no_secrets(
    web: Any, serve: Callable[..., Any], tmp_path: Path, status: int
) -> None:
    other = serve()
    web.redirects = {"/r": (status, other.url())}
    secret = {"X-Token": "t0ken", "authorization": "Bearer s3cret"}
    assert get(web, tmp_path, "/r", headers=secret, username="anna", password="pw") == other.files["/a"]
    ((_method, _path, asked),) = web.seen
    assert (asked["x-token"], asked["authorization"]) == ("t0ken", "Bearer s3cret")
    ((_method, _path, followed),) = other.seen
    assert "x-token" not in followed
    assert "authorization" not in followed


def test_a_redirect_on_the_same_server_gets_them_still(web: Any, tmp_path: Path) -> None:
    web.redirects = {"/r": (302, "/a")}
    get(web, tmp_path, "/r", headers={"X-Token": "t0ken"}, username="anna", password="s3cret:/@")
    assert len(web.seen) == 2
    for _method, _path, headers in web.seen:
        assert headers["x-token"] == "t0ken"
        assert headers["authorization"] == "Basic YW5uYTpzM2NyZXQ6L0A="


def test_a_password_in_a_redirect_is_not_taken_for_one(
    web: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    other = serve()
    web.redirects = {"/r": (302, other.url().replace("://", "://anna:s3cret@"))}
    assert get(web, tmp_path, "/r") == other.files["/a"]
    assert "authorization" not in other.seen[0][2]


def test_a_redirected_download_is_taken_up_with_its_range(
    web: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    other = serve(cuts=[1000])
    web.redirects = {"/r": (302, other.url())}
    assert get(web, tmp_path, "/r") == other.files["/a"]
    assert other.asked == [None, "bytes=1000-"]


def tls(certificates: Path, *, clients: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "server.crt", certificates / "server.key")
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(certificates / "ca.crt")
    return context


def test_a_server_of_an_unknown_ca_is_refused_at_once(
    serve: Callable[..., Any], certificates: Path, tmp_path: Path
) -> None:
    web = serve(tls(certificates))
    with pytest.raises(StrataError, match="certificate verify failed"):
        get(web, tmp_path)
    with pytest.raises(StrataError, match="certificate verify failed"):
        get(web, tmp_path, ca_path=str(certificates / "stranger.crt"))
    assert get(web, tmp_path, validate_certs=False) == web.files["/a"]
    (tmp_path / "got").unlink()
    assert get(web, tmp_path, ca_path=str(certificates / "ca.crt")) == web.files["/a"]


def test_a_client_certificate_is_shown(serve: Callable[..., Any], certificates: Path, tmp_path: Path) -> None:
    web = serve(tls(certificates, clients=True))
    access = {"ca_path": str(certificates / "ca.crt"), "retries": 0}
    with pytest.raises(StrataError, match="Fetching https://localhost"):
        get(web, tmp_path, **access)
    own = {"client_cert": str(certificates / "client.crt"), "client_key": str(certificates / "client.key")}
    assert get(web, tmp_path, **access, **own) == web.files["/a"]


def test_a_client_certificate_is_not_shown_to_where_a_redirect_points(
    serve: Callable[..., Any], certificates: Path, tmp_path: Path
) -> None:
    other = serve(tls(certificates, clients=True))
    web = serve(tls(certificates), redirects={"/r": (302, other.url())})
    with pytest.raises(StrataError, match="Fetching https://localhost"):
        get(
            web,
            tmp_path,
            "/r",
            ca_path=str(certificates / "ca.crt"),
            client_cert=str(certificates / "client.crt"),
            client_key=str(certificates / "client.key"),
            retries=0,
        )
    assert other.seen == []


@pytest.mark.parametrize("option", ["ca_path", "client_cert"])
def test_a_certificate_that_is_not_there_is_named(web: Any, tmp_path: Path, option: str) -> None:
    web.scheme = "https"
    with pytest.raises(StrataError, match=r"/nowhere\.crt.* on the host: .*No such file"):
        get(web, tmp_path, **{option: "/nowhere.crt"})


def test_the_proxy_of_the_environment_is_used(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A proxy is asked for whole URLs, so what this one has is one.
    proxy = serve(files={"http://artifacts.invalid/a": b"by the proxy"})
    monkeypatch.setenv("http_proxy", f"http://anna:s3cret@localhost:{proxy.port}")
    monkeypatch.setenv("no_proxy", "localhost")
    fetch(Source("http://artifacts.invalid/a", "unverified"), tmp_path / "a", LIMIT)
    assert (tmp_path / "a").read_bytes() == b"by the proxy"
    direct = serve()
    fetch(Source(direct.url(), "unverified"), tmp_path / "b", LIMIT)
    assert len(proxy.seen) == len(direct.seen) == 1
    assert proxy.seen[0][2]["proxy-authorization"].startswith("Basic ")


def test_the_proxys_password_is_for_the_proxy_alone(
    serve: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = serve()
    proxy = serve(redirects={"http://artifacts.invalid/a": (302, other.url())})
    monkeypatch.setenv("http_proxy", f"http://anna:s3cret@localhost:{proxy.port}")
    monkeypatch.setenv("no_proxy", "localhost")
    fetch(Source("http://artifacts.invalid/a", "unverified"), tmp_path / "a", LIMIT)
    assert "proxy-authorization" not in other.seen[0][2]


class Tunnels(http.server.BaseHTTPRequestHandler):
    """A proxy that hands on the bytes of a connection, to those who have its password."""

    seen: list[tuple[str, dict[str, str]]]

    def do_CONNECT(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.path, headers))
        self.close_connection = True
        if headers.get("proxy-authorization") != "Basic YW5uYTpzM2NyZXQ=":
            self.send_error(407)
            return
        host, _colon, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=10) as there:
            self.send_response(200)
            self.end_headers()
            way = threading.Thread(target=self._hand_on, args=(there, self.connection))
            way.start()
            self._hand_on(self.connection, there)
            way.join()

    @staticmethod
    def _hand_on(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def tunnels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    handler = type("Serving", (Tunnels,), {"seen": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.setenv("https_proxy", f"http://anna:s3cret@127.0.0.1:{proxy.server_port}")
        yield handler
        proxy.shutdown()
        thread.join()


def test_tls_goes_through_a_proxy_that_sees_no_secrets(
    serve: Callable[..., Any], tunnels: Any, certificates: Path, tmp_path: Path
) -> None:
    web = serve(tls(certificates, clients=True), cuts=[1000], redirects={"/r": (302, "/a")})
    own = {"client_cert": str(certificates / "client.crt"), "client_key": str(certificates / "client.key")}
    secret = {"headers": {"X-Token": "t0ken"}, "username": "bob", "password": "pw"}
    trusted = {"ca_path": str(certificates / "ca.crt")}
    assert get(web, tmp_path, "/r", **own, **secret, **trusted) == web.files["/a"]
    assert web.asked == [None, None, "bytes=1000-", "bytes=1000-"]
    for _method, _path, headers in web.seen:
        assert headers["x-token"] == "t0ken"
        assert "proxy-authorization" not in headers
    assert len(tunnels.seen) == 4
    for target, headers in tunnels.seen:
        assert target == f"localhost:{web.port}"
        assert {"x-token", "authorization"}.isdisjoint(headers)


def test_a_proxy_that_refuses_is_named_without_its_password(
    serve: Callable[..., Any], tunnels: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", os.environ["https_proxy"].replace("s3cret", "s3cret-too"))
    with pytest.raises(StrataError, match="https://localhost:1/a: Tunnel connection failed: 407") as raised:
        look_up(Source("https://localhost:1/a", "unverified", Access(retries=0)))
    assert "s3cret" not in str(raised.value)
    assert len(tunnels.seen) == 1


@pytest.mark.parametrize(
    ("access", "why"),
    [
        ({"headers": {"X-Token": "s3cret\r\nX: y"}}, "The header 'X-Token'"),
        ({"headers": {"X Token": "s3cret"}}, "The header 'X Token'"),
        ({"headers": {"X-Token": "s3cret\u2026"}}, "The header 'X-Token'"),
        ({"password": "s3cret"}, "no username"),
        ({"client_key": "/s3cret.key"}, "no client_cert"),
        ({"timeout": 0}, "above 0"),
        ({"retries": -1}, "not below"),
    ],
)
def test_bad_access_is_seen_before_any_request(access: dict[str, Any], why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        Source("http://h/a", "unverified", Access(**access)).validate()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("length", "size"), [("12", 12), ("", None), ("-1", None), ("1e3", None), ("9" * 5000, None), ("²", None)]
)
def test_a_length_that_is_no_number_is_unknown(length: str, size: int | None) -> None:
    class Answer:
        headers: ClassVar[dict[str, str]] = {"Content-Length": length}

    assert http_source._length(Answer()) == size


@pytest.mark.parametrize(
    "date", ["", "soon", "Mon, 01 Jan 0001 00:00:00 GMT", "Mon, 99 Jan 2026 00:00:00 GMT", "9" * 5000]
)
def test_a_retry_after_that_is_no_time_is_no_crash(date: str) -> None:
    http_source._seconds(date)
