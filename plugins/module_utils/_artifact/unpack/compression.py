# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decompressing a stream as it comes, in little memory."""

from __future__ import annotations

import bz2
import contextlib
import importlib
import lzma
import shutil
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, Callable, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    CHUNK,
    ArchiveError,
    DamagedError,
    Stream,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command, CommandError
from ansible_collections.strata.deploy.plugins.module_utils._core.pipe import Pipe, piped

MEMORY = 128 * 1024 * 1024
"""The most that a dictionary may take: what ``xz -9`` and ``zstd --ultra -22`` need, and not the gigabytes that both formats allow."""


def decompressed(head: bytes, stream: Stream) -> AbstractContextManager[Stream | None]:
    """The stream without its compression; None where its first bytes tell of none.

    Raises:
        StrataError: it is damaged, needs too much memory, or this host cannot read it.
    """
    if head.startswith(b"\x1f\x8b"):
        return contextlib.nullcontext(_Decompressed(stream, _Gzip))
    if head.startswith(b"BZh"):
        return contextlib.nullcontext(_Decompressed(stream, bz2.BZ2Decompressor))
    if head.startswith(b"\xfd7zXZ\0"):
        return contextlib.nullcontext(
            _Decompressed(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY))
        )
    # Or a frame to be skipped, which some compressors put first.
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        try:
            library = importlib.import_module("compression.zstd")
        except ImportError:
            return _filtered(_zstd(), stream)
        return contextlib.nullcontext(_Decompressed(stream, library.ZstdDecompressor))
    return contextlib.nullcontext(None)


class _Codec(Protocol):
    """The decompressors of the standard library, for one compressed stream."""

    eof: bool
    needs_input: bool
    unused_data: bytes

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's, in the form of the others; it compares the checksum by itself."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail or data, max_length)


class _Decompressed:
    """Compressed streams one after another, as parallel compressors write them, with zeros after each at most."""

    def __init__(self, stream: Stream, new: Callable[[], Any]) -> None:
        self._stream = stream
        self._new = new
        self._codec: _Codec = new()
        self._pending = b""
        self._begun = 1
        self._size = 0

    def read(self, size: int) -> bytes:
        while True:
            if self._codec.eof and not self._begin_next():
                return b""
            data = b""
            if self._codec.needs_input:
                data, self._pending = self._pending or self._stream.read(CHUNK), b""
            needed = self._codec.needs_input
            self._size += len(data)
            try:
                found = self._codec.decompress(data, size)
            except Exception as error:  # each codec has errors of its own, and some raise OSError
                raise DamagedError(f"it does not decompress ({error})") from error
            if found:
                self._size += len(found)
                return found
            if needed and not data and not self._codec.eof:
                raise DamagedError("it is cut short")

    def _begin_next(self) -> bool:
        rest = self._codec.unused_data.lstrip(b"\0")
        while not rest:
            chunk = self._stream.read(CHUNK)
            if not chunk:
                return False
            rest = chunk.lstrip(b"\0")
        self._begun += 1
        if self._begun > 1000 + self._size // 1024:
            raise DamagedError("it is made of countless tiny compressed streams")
        self._codec, self._pending = self._new(), rest
        return True


def _zstd() -> Command:
    program = shutil.which("zstd")
    if program is None:
        raise ArchiveError(
            "The artifact is compressed with zstd, which this host cannot read: its Python is older than 3.14, and"
            " there is no zstd program. Install the package zstd on it, or build the artifact with another compression."
        )
    return Command((program, "-dcq", f"--memory={MEMORY}"), timeout=None, name="zstd")


@contextlib.contextmanager
def _filtered(command: Command, stream: Stream) -> Iterator[Stream]:
    """What a program makes of the stream."""
    with piped(command, stream.read) as pipe:
        yield _Filtered(pipe)


class _Filtered:
    """The output of a program that is fed the stream."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def read(self, size: int) -> bytes:
        data = self._pipe.read(size)
        if not data:
            self._expect_success()
        return data

    def _expect_success(self) -> None:
        try:
            done = self._pipe.result()
        except CommandError as error:
            raise DamagedError(str(error).rstrip(".")) from None
        if done.code:
            raise DamagedError(" ".join(str(done.failure()).split()).rstrip("."))
        if not self._pipe.fed:
            raise DamagedError("zstd ended before the end of the archive")
