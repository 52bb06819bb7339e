# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request, answered as it came: no redirect followed, no proxy asked, no status raised.

Probes, journeys and admin APIs must see what the server itself said; downloads, which want
redirects and proxies, do not come here.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError

BODY_LIMIT = 4 * 1024 * 1024


class UnreachableError(StrataError):
    """No answer: refused, reset, timed out, or not HTTP."""


@dataclass(frozen=True)
class Response:
    """An answer: ``headers`` with lower-case names, ``body`` cut at 4 MiB."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


def validate_url(url: str) -> None:
    """Raise StrataError unless ``url`` is an http(s) URL with a host."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise StrataError(f"'{url}' is not a URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise StrataError(f"'{url}' is not a URL of the form http://HOST[:PORT]/PATH or https://...")


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 10.0,
    validate_certs: bool = True,
) -> Response:
    """Send one request on a connection of its own.

    Args:
        timeout: seconds for the connection and for each read.

    Raises:
        UnreachableError: nothing that can be called an answer came back.
        StrataError: ``url`` is no http(s) URL.
    """
    validate_url(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if not validate_certs:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body=body, headers={"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        return Response(
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            answer.read(BODY_LIMIT),
        )
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = str(error) or type(error).__name__
        raise UnreachableError(f"{method} {url}: {reason}") from error
    finally:
        connection.close()
