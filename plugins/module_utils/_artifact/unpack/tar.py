# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a tar in one pass: the formats ustar, GNU and pax, and what came before them.

The formats are described in POSIX.1-2017 (pax, "pax Interchange Format" and "ustar Interchange Format") and in the manual
of GNU tar ("Basic Tar Format"). Where a header can be read in two ways, it is refused: what another program saw in the
archive is then what is unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    CHUNK,
    DamagedError,
    Entry,
    Stream,
    refused,
)

BLOCK = 512
MAX_HEADER = 1024 * 1024
OCTAL_MAX = 8**11 - 1
"""Sizes above it do not fit into a header, and stand in an extended one."""
KINDS = {b"0": "file", b"\0": "file", b"7": "file", b"1": "hard link", b"2": "link", b"5": "folder"}
LONG = {b"L": "path", b"K": "linkpath"}
_END = b"\0" * BLOCK


def begins(head: bytes) -> bool:
    """Whether a tar can begin with these bytes."""
    return len(head) == BLOCK and (head == _END or _checksum_is_right(head))


def entries(stream: Stream) -> Iterator[Entry]:
    """The entries of an uncompressed tar, which must end as a tar does."""
    tape = _Tape(stream)
    extended: dict[str, bytes] = {}
    headers = 0
    while True:
        header = tape.take(BLOCK)
        if header == _END and not headers:
            tape.expect_zeros()
            return
        if not _checksum_is_right(header):
            raise DamagedError("a header is damaged")
        kind, size = header[156:157], _number(header[124:136])
        if kind not in b"LKxg":
            entry = _entry(header, kind, size, extended)
            tape.begin(entry.size)
            yield entry._replace(content=tape.content())
            tape.finish()
            extended, headers = {}, 0
            continue
        if size > MAX_HEADER:
            raise DamagedError("a header has an impossible size")
        tape.begin(size)
        data = b"".join(tape.content())
        tape.finish()
        if kind == b"g":
            if _records(data):
                raise DamagedError("a header for all entries gives them one name or size")
            yield Entry("", "comment")
            continue
        found = _records(data) if kind == b"x" else {LONG[kind]: data.partition(b"\0")[0]}
        headers += 1
        if extended.keys() & found.keys() or headers > 3:
            raise DamagedError("an entry has several names or sizes")
        extended.update(found)


def _entry(header: bytes, kind: bytes, size: int, extended: dict[str, bytes]) -> Entry:
    raw = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0]
    if prefix and header[257:263] == b"ustar\0":  # GNU's own format has times there
        raw = prefix + b"/" + raw
    name = _text(extended.get("path", raw))
    target = _text(extended.get("linkpath", header[157:257].partition(b"\0")[0]))
    what = KINDS.get(kind, "other")
    if "sparse" in extended or kind == b"S":
        raise refused(
            name, "it is a sparse file (tar makes none without --sparse, bsdtar none with --no-read-sparse)"
        )
    if "size" in extended:
        told = _decimal(extended["size"])
        if told != size and told <= OCTAL_MAX:
            raise refused(name, "its two headers give it different sizes")
        size = told
    if name.endswith("/") and what == "file":
        if kind != b"\0":
            raise refused(name, "it is a file with the name of a folder")
        what = "folder"
    if size and what not in ("file", "other"):
        raise refused(name, f"it is a {what} that has content")
    return Entry(name, what, _number(header[100:108]) & 0o7777, size, target)


def _records(data: bytes) -> dict[str, bytes]:
    """What an extended header says of an entry's name, size and kind; "sparse" stands for all that make it sparse."""
    found: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        digits = data[position : position + 8].partition(b" ")[0]
        end = position + _decimal(digits)
        keyword, equals, value = data[position + len(digits) + 1 : end - 1].partition(b"=")
        if not equals or data[end - 1 : end] != b"\n":
            raise DamagedError("an extended header is damaged")
        position = end
        if keyword.startswith(b"GNU.sparse.") or keyword in (b"SCHILY.realsize", b"SCHILY.filetype"):
            keyword = b"sparse"
        if keyword in (b"path", b"linkpath", b"size", b"sparse"):
            name = keyword.decode("ascii")
            if name in found and name != "sparse":
                raise DamagedError("an entry has several names or sizes")
            found[name] = value
    return found


class _Tape:
    """A stream that is read by exact amounts."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = b""
        self._position = 0
        self._left = 0
        self._padding = 0

    def take(self, size: int) -> bytes:
        end = self._position + size
        if end > len(self._buffer):
            parts = [self._buffer[self._position :]]
            missing = size - len(parts[0])
            while missing > 0:
                self._fill()
                parts.append(self._buffer[:missing])
                missing -= len(parts[-1])
                end = len(parts[-1])
            self._position = end
            return b"".join(parts)
        data = self._buffer[self._position : end]
        self._position = end
        return data

    def begin(self, size: int) -> None:
        """From here on is the content of one entry."""
        self._left = size
        self._padding = -size % BLOCK

    def content(self) -> Iterator[bytes]:
        while self._left:
            if self._position == len(self._buffer):
                self._fill()
            chunk = self._buffer[self._position : self._position + self._left]
            self._position += len(chunk)
            self._left -= len(chunk)
            yield chunk

    def finish(self) -> None:
        """Pass over what is left of the entry."""
        for _chunk in self.content():
            pass
        self.take(self._padding)

    def expect_zeros(self) -> None:
        rest = self._buffer[self._position :]
        while not rest.strip(b"\0"):
            rest = self._stream.read(CHUNK)
            if not rest:
                return
        raise DamagedError("a header is damaged, or data follows the end")

    def _fill(self) -> None:
        self._buffer, self._position = self._stream.read(CHUNK), 0
        if not self._buffer:
            raise DamagedError("it is cut short")


def _checksum_is_right(header: bytes) -> bool:
    try:
        told = _number(header[148:156])
    except DamagedError:
        return False
    rest = header[:148] + b" " * 8 + header[156:]
    total = sum(rest)
    # Some programs of old added up signed bytes.
    return told == total or told == total - 256 * sum(byte > 127 for byte in rest)


def _number(field: bytes) -> int:
    """A number in octal digits or, with the first bit set, in binary."""
    if field[0] & 0x80:
        if field[0] != 0x80:
            raise DamagedError("a header has an impossible number")
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip(b" ")
    if digits.translate(None, b"01234567"):
        raise DamagedError("a header has an impossible number")
    return int(digits or b"0", 8)


def _decimal(digits: bytes) -> int:
    if not digits or len(digits) > 20 or digits.translate(None, b"0123456789"):
        raise DamagedError("an extended header has an impossible number")
    return int(digits)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
