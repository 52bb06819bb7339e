# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Getting an artifact: looked up, or streamed to disk and checked against its checksum."""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, TypeVar

from ansible_collections.strata.deploy.plugins.module_utils import _url
from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError

TIMEOUT = 30.0
CHUNK = 1024 * 1024
UNVERIFIED = "unverified"
_LENGTHS = {"sha256": 64, "sha512": 128}
_T = TypeVar("_T")


@dataclass(frozen=True)
class Artifact:
    """Where a release comes from: an http(s) URL or an absolute path, and ``ALGORITHM:HEX`` or ``unverified``."""

    url: str
    checksum: str

    def validate(self) -> None:
        algorithm, _colon, digest = self.checksum.partition(":")
        if self.checksum != UNVERIFIED and not (
            algorithm in _LENGTHS and re.fullmatch(f"[0-9a-f]{{{_LENGTHS[algorithm]}}}", digest.lower())
        ):
            raise StrataError(
                f"The checksum {self.checksum!r} is neither sha256:HEX nor sha512:HEX in full"
                f" (to go without, write {UNVERIFIED!r})."
            )
        if not self.local:
            _url.validate_http(self.url, "artifact", also=", nor an absolute path")

    @property
    def local(self) -> bool:
        return self.url.startswith("/")

    @property
    def shown(self) -> str:
        return self.url if self.local else _url.shown(self.url)

    def matches(self, digests: Mapping[str, str]) -> bool:
        """Whether an artifact with these digests is the one that is meant."""
        algorithm, _colon, digest = self.checksum.partition(":")
        return self.checksum == UNVERIFIED or digests.get(algorithm) == digest.lower()


def look_up(artifact: Artifact) -> int | None:
    """The artifact's size in bytes, where the source tells; nothing of it is fetched.

    Raises:
        StrataError: there is no such artifact.
    """

    def look(stream: IO[bytes], size: int | None) -> int | None:
        return size

    try:
        return _open(artifact, "HEAD", look)
    except _StatusError as error:
        if error.code not in (403, 405, 501):
            raise
        # A server that knows no HEAD, or a URL that is signed for GET only.
        return _open(artifact, "GET", look)


def fetch(artifact: Artifact, target: Path, max_bytes: int) -> dict[str, str]:
    """Write the artifact to ``target`` and return its digests by algorithm.

    Raises:
        StrataError: it is not there, is cut short, is above ``max_bytes``, or is not what the checksum says.
    """
    hashes = {algorithm: hashlib.new(algorithm) for algorithm in _LENGTHS}

    def copy(stream: IO[bytes], size: int | None) -> None:
        received = 0
        with open(target, "xb") as output:
            while chunk := stream.read(CHUNK):
                received += len(chunk)
                if received > max_bytes:
                    raise StrataError(
                        f"Fetching {artifact.shown}: it is above the limit of {max_bytes} bytes (max_bytes)."
                    )
                for each in hashes.values():
                    each.update(chunk)
                output.write(chunk)
        if size is not None and received != size:
            raise StrataError(
                f"Fetching {artifact.shown}: it was cut short, {received} of {size} bytes came. Try again."
            )

    _open(artifact, "GET", copy)
    digests = {algorithm: each.hexdigest() for algorithm, each in hashes.items()}
    if not artifact.matches(digests):
        algorithm = artifact.checksum.partition(":")[0]
        raise StrataError(
            f"Fetching {artifact.shown}: its checksum is {algorithm}:{digests[algorithm]},"
            f" not {artifact.checksum.lower()}. Find out which of the two is wrong; nothing was unpacked."
        )
    return digests


class _StatusError(StrataError):
    """An HTTP status that is an error."""

    def __init__(self, shown: str, code: int, reason: str) -> None:
        super().__init__(f"Fetching {shown}: the server answered {code} {reason}.")
        self.code = code


def _open(artifact: Artifact, method: str, use: Callable[[IO[bytes], int | None], _T]) -> _T:
    if artifact.local:
        try:
            with open(artifact.url, "rb") as stream:
                return use(stream, os.fstat(stream.fileno()).st_size)
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise StrataError(
                f"Fetching {artifact.shown}: {error.strerror}. The path is one on the host."
            ) from error
    bare, headers = _url.credentials(artifact.url)
    asked = urllib.request.Request(bare, method=method)  # noqa: S310 (http(s) only, validated)
    for name, value in headers.items():
        # Unlike a plain header, not handed on to where a redirect points.
        asked.add_unredirected_header(name, value)
    try:
        with _opener().open(asked, timeout=TIMEOUT) as answer:
            length = answer.headers.get("Content-Length")
            return use(answer, int(length) if length and length.isdecimal() else None)
    except urllib.error.HTTPError as error:
        error.close()
        raise _StatusError(artifact.shown, error.code, error.reason) from None
    except urllib.error.URLError as error:
        raise StrataError(f"Fetching {artifact.shown}: {_reason(error.reason)}.") from None
    except (http.client.HTTPException, socket.timeout, ssl.SSLError, ConnectionError, ValueError) as error:
        raise StrataError(f"Fetching {artifact.shown}: {_reason(error)}. Try again.") from None


def _reason(reason: Any) -> str:
    if isinstance(reason, http.client.IncompleteRead):
        return "it was cut short"
    return _url.masked(str(reason)) or type(reason).__name__


def _opener() -> urllib.request.OpenerDirector:
    """Follows redirects and the host's proxies, but never to a file or an FTP server."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener
