# SPDX-License-Identifier: GPL-3.0-or-later
"""A real HTTP server that does what servers do on a bad day."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import http as source

DATA = bytes(range(256)) * 8_000


@dataclass
class Web:
    """A server and what it does next; ``seen`` has each request's method, path and headers.

    Args:
        files: what it has, by path.
        statuses: the errors that it answers with first, each with its headers.
        cuts: after how many bytes of a body it hangs up, an answer each.
        redirects: from path to URL.
        shift: how far from what was asked for a range begins.
        after_cut: called once it has hung up.
    """

    port: int = 0
    scheme: str = "http"
    files: dict[str, bytes] = field(default_factory=lambda: {"/a": DATA})
    statuses: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    cuts: list[int | None] = field(default_factory=list)
    redirects: dict[str, tuple[int, str]] = field(default_factory=dict)
    ranges: bool = True
    if_range: bool = True
    shift: int = 0
    validators: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    chunked: bool = False
    after_cut: Callable[[], None] = lambda: None
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def url(self, path: str = "/a", host: str = "localhost") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def asked(self) -> list[str | None]:
        """The range that each request asked for."""
        return [headers.get("range") for _method, _path, headers in self.seen]


class Handler(http.server.BaseHTTPRequestHandler):
    web: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        web = self.web
        path = self.path.partition("?")[0]
        self.close_connection = True
        web.seen.append((self.command, path, {name.lower(): value for name, value in self.headers.items()}))
        if web.statuses:
            status, headers = web.statuses.pop(0)
            self._head(status, {**headers, "Content-Length": "0"})
        elif path in web.redirects:
            status, target = web.redirects[path]
            self._head(status, {"Location": target, "Content-Length": "0"})
        elif path in web.files:
            self._file(web.files[path])
        else:
            self._head(404, {"Content-Length": "0"})

    do_HEAD = do_GET  # noqa: N815

    def _file(self, data: bytes) -> None:
        web, wanted = self.web, self.headers["Range"]
        unchanged = self.headers["If-Range"] in web.validators.values() or not web.if_range
        start = int(wanted[6:-1]) + web.shift if wanted and web.ranges and unchanged else 0
        headers = dict(web.validators)
        if start:
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        headers.update(
            {"Transfer-Encoding": "chunked"} if web.chunked else {"Content-Length": str(len(body))}
        )
        self._head(206 if start else 200, headers)
        if self.command == "HEAD":
            return
        cut = web.cuts.pop(0) if web.cuts else None
        part = body[:cut]
        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part) if web.chunked else part)
        if cut is not None:
            web.after_cut()
        elif web.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., Web]]:
    """Start a server."""
    with contextlib.ExitStack() as stack:

        def start(context: ssl.SSLContext | None = None, **options: Any) -> Web:
            web = Web(**options)
            handler = type("Serving", (Handler,), {"web": web})
            listening = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            listening.handle_error = lambda *arguments: None  # type: ignore[method-assign]  # clients may hang up
            if context:
                web.scheme = "https"
                listening.socket = context.wrap_socket(
                    listening.socket, server_side=True, do_handshake_on_connect=False
                )
            web.port = listening.server_port
            thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown)
            return web

        yield start


@pytest.fixture
def web(serve: Callable[..., Web]) -> Web:
    return serve()


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for between two tries, but what a server asks for."""
    monkeypatch.setattr(source, "BACKOFF", 0.0)
