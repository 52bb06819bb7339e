# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading an artifact, once and as a stream, and making sure that it is the one that is meant."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.checksums import LENGTHS
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Stream
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.source import MANIFEST, Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

CHUNK = 1024 * 1024


class MismatchError(StrataError):
    """What came is not what is meant."""


class Download:
    """The bytes of an artifact, hashed as they are read; only `verify` says whether they are the right ones."""

    def __init__(self, source: Source, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self._hashes = {algorithm: hashlib.new(algorithm) for algorithm in LENGTHS}
        self._received = 0
        self._readable = True
        self._stream: Stream
        self._signed: tuple[bytes, Path, IO[bytes]] | None = None
        self._verified: dict[str, str] | None = None

    def open(self, stack: contextlib.ExitStack, scratch: Path) -> Download:
        source = self._source
        _expected = source.expected  # first, for where the list lacks it nothing need be fetched
        if source.signature:
            signature = source.beside(source.signature_url)
            # The tools that verify it want a file.
            path = scratch / "signed"
            self._signed = signature, path, stack.enter_context(path.open("xb"))
            stack.callback(path.unlink)
        self._stream = stack.enter_context(
            source.provider.open(source.url, source.access, self._hashes["sha256"].hexdigest)
        )
        return self

    def read(self, size: int) -> bytes:
        """Some of the next bytes, at most ``size``; none at the end."""
        self._readable = False  # unless this goes well
        chunk = self._stream.read(size)
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise StrataError(
                f"Fetching {self._source.shown}: it is above the limit of {self._max_bytes} bytes (max_bytes)."
            )
        for each in self._hashes.values():
            each.update(chunk)
        if self._signed:
            self._signed[2].write(chunk)
        self._readable = True
        return chunk

    def verify(self) -> dict[str, str]:
        """Read what is left, and return the digests of the whole by algorithm.

        Raises:
            StrataError: it is not what the source, the checksum or the signature says.
        """
        if self._verified is None:
            while self.read(CHUNK):
                pass
            digests = {algorithm: each.hexdigest() for algorithm, each in self._hashes.items()}
            self._compare(digests)
            if self._stream.manifest:
                digests[MANIFEST] = self._stream.manifest
            self._verified = digests
        return self._verified

    def accuse(self) -> None:
        """Raise MismatchError if what came is not what is meant, and nothing else where that cannot be told."""
        if self._readable:
            try:
                self.verify()
            except MismatchError:
                raise
            except StrataError:
                pass

    def _compare(self, digests: dict[str, str]) -> None:
        shown, size = self._source.shown, self._stream.size
        if size is not None and self._received != size:
            raise MismatchError(f"Fetching {shown}: {self._received} of {size} bytes came. Try again.")
        wanted = [self._source.expected] if self._source.expected else []
        if self._stream.digest:
            algorithm, _colon, digest = self._stream.digest.partition(":")
            wanted.append((algorithm, digest))
        for algorithm, digest in wanted:
            if digests[algorithm] != digest:
                raise MismatchError(
                    f"Fetching {shown}: its checksum is {algorithm}:{digests[algorithm]}, not {algorithm}:{digest}."
                    " Find out which of the two is wrong; nothing is left of it."
                )
        if self._signed and self._source.signature:
            signature, path, file = self._signed
            file.flush()
            try:
                self._source.signature.verify(signature, path)
            except StrataError as error:
                raise MismatchError(f"Verifying the signature of {shown}: {error}") from error


@contextlib.contextmanager
def opened(source: Source, scratch: Path, max_bytes: int) -> Iterator[Download]:
    """Read an artifact; leaving the block verifies it, whether it was read to the end or not.

    Where the block fails, and the artifact is not the right one either, it is the latter that is raised.

    Args:
        scratch: a private folder, for a copy where a signature is to be verified.
        max_bytes: the most that the artifact may have.

    Raises:
        StrataError: it is not there, is cut short, is above ``max_bytes``, or is not what it must be.
    """
    with contextlib.ExitStack() as stack:
        download = Download(source, max_bytes).open(stack, scratch)
        try:
            yield download
        except MismatchError:
            raise
        except StrataError:
            download.accuse()
            raise
        download.verify()


def fetch(source: Source, target: Path, max_bytes: int) -> dict[str, str]:
    """Write the artifact to ``target`` and return its digests by algorithm; raises as `opened` does."""
    with opened(source, target.parent, max_bytes) as download, open(target, "xb") as output:
        while chunk := download.read(CHUNK):
            output.write(chunk)
        return download.verify()


def look_up(source: Source) -> int | None:
    """The artifact's size in bytes, where the source tells; nothing of it is fetched.

    Raises:
        StrataError: there is no such artifact, or nothing to verify it by.
    """
    _expected = source.expected
    if source.signature:
        source.beside(source.signature_url)
    return source.provider.look_up(source.url, source.access)
