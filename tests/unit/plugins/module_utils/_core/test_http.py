# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import ssl
import threading
from types import SimpleNamespace

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import http as _http
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_the_certificates_of_the_host_are_read_once(monkeypatch: pytest.MonkeyPatch, free_port: int) -> None:
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    monkeypatch.setattr(ssl, "create_default_context", counted)
    _http._context.cache_clear()
    for validate_certs in (True, False, True, False):
        with pytest.raises(_http.UnreachableError, match="refused"):
            _http.request("GET", f"https://127.0.0.1:{free_port}/", validate_certs=validate_certs)
    _http._context.cache_clear()
    assert [each.verify_mode for each in made] == [ssl.CERT_REQUIRED, ssl.CERT_NONE]
    assert [each.check_hostname for each in made] == [True, False]


def test_nothing_is_read_once_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_http, "time", SimpleNamespace(monotonic=iter([0.0, 10.0]).__next__))
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        pytest.raises(_http.UnreachableError, match=r"/: timed out$"),
    ):
        _http.request("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=10.0)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://u:s3cret@127.0.0.1:{port}/a?k=s3cret", "GET http://127.0.0.1:{port}/a: .*refused"),
        ("http://u:s3cret@a..b/", "The host 'a..b' of the URL 'http://a..b/' is not valid"),
        ("http://u:s3cret@bad host/", "has a space"),
        ("ftp://u:s3cret@h/", "is not of the form"),
        ("http://u:s3cret@h:x/", "malformed"),
    ],
)
def test_a_url_that_does_not_answer_is_named_without_its_secrets(url: str, why: str, free_port: int) -> None:
    with pytest.raises(StrataError, match=why.format(port=free_port)) as raised:
        _http.request("GET", url.format(port=free_port))
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "closed connection"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"HTTP/1.1 abc OK\r\n\r\n", "abc"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", "2 bytes read, 8 more expected"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n", "headers"),
    ],
)
def test_an_answer_that_is_malformed_or_cut_short_is_none(answer: bytes, why: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _address = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(_http.UnreachableError, match=why):
            _http.request("GET", f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=5.0)
        thread.join()
