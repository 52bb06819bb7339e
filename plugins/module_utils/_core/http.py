# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request, answered as it came: no redirect followed, no proxy asked, no status raised.

Probes, journeys and admin APIs must see what the server itself said; downloads, which want
redirects and proxies, do not come here.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any, cast
from urllib.parse import SplitResult, urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

BODY_LIMIT = 4 * 1024 * 1024


class UnreachableError(StrataError):
    """No answer: refused, reset, timed out, or not HTTP."""


@dataclass(frozen=True)
class Response:
    """An answer: ``headers`` with lower-case names, ``body`` cut at a limit."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 10.0,
    body_limit: int = BODY_LIMIT,
    validate_certs: bool = True,
) -> Response:
    """Send one request on a connection of its own.

    Args:
        timeout: seconds in which the whole answer must be there; each step of connecting has as long.
        body_limit: how many bytes of the answer's body are waited for.

    Raises:
        UnreachableError: nothing that can be called an answer came back.
        StrataError: ``url`` is no http(s) URL.
    """
    urls.validate_http(url)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + timeout
    try:
        with contextlib.closing(_connection(parts, timeout, validate_certs)) as connection:
            connection.response_class = partial(_Answer, deadline=deadline)  # type: ignore[assignment]
            connection.request(method, target, body=body, headers={"Connection": "close", **(headers or {})})
            with connection.getresponse() as answer:
                text = answer.read(body_limit)
                if answer.length and len(text) < body_limit:  # of which read() says nothing
                    raise http.client.IncompleteRead(text, answer.length)
                return Response(
                    answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
                )
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise UnreachableError(f"{method} {urls.shown(url)}: {reason}") from error


def _connection(parts: SplitResult, timeout: float, validate_certs: bool) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, parts.port, timeout=timeout)
    return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=_context(validate_certs))


@cache
def _context(validate_certs: bool) -> ssl.SSLContext:
    # Kept, for to read the host's certificates takes longer than many a request.
    context = ssl.create_default_context()
    if not validate_certs:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Answer(http.client.HTTPResponse):
    """An answer that must be there as a whole by a point in time, however slowly it drips."""

    def __init__(self, sock: socket.socket, *arguments: Any, deadline: float, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Timed(cast(socket.SocketIO, self.fp.detach()), sock, deadline))


class _Timed(io.RawIOBase):
    def __init__(self, raw: socket.SocketIO, sock: socket.socket, deadline: float) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()
