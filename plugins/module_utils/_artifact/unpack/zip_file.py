# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a zip, which has its directory at the end: so it is put on disk first.

The format is PKWARE's APPNOTE.TXT. The directory and what stands before each file must say the same, and the files must lie
one after another, with no room for others between: what a program sees that reads from the start is then what is unpacked.
"""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    CHUNK,
    DamagedError,
    Entry,
    Stream,
    refused,
)

SIGNATURES = (b"PK\3\4", b"PK\5\6")
_END = struct.Struct("<4s4H2LH")
_LOCATOR64 = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_MEMBER = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = _HERE_16 = 0xFFFF
_HERE_32 = 0xFFFFFFFF
"""Says that the number stands in a 64-bit field elsewhere."""
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x2041, 0x0008, 0x0800
_UNIX = (3, 19)
"""The systems whose programs write a mode: Unix and macOS."""
_MAX_TARGET = 4096


class _Member(NamedTuple):
    """What the directory says of a file."""

    raw: bytes
    name: str
    system: int
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    attributes: int
    offset: int


def entries(stream: Stream, scratch: Path) -> Generator[Entry, None, None]:
    """The entries of a zip, which is kept in ``scratch`` meanwhile."""
    with tempfile.TemporaryFile(dir=scratch) as spooled:
        while chunk := stream.read(CHUNK):
            spooled.write(chunk)
        spooled.flush()
        file = spooled.fileno()
        position, directory_end, count = _directory(file, spooled.tell())
        directory, end = position, 0
        for _number in range(count):
            if position >= directory_end:
                raise DamagedError("its directory is cut short")
            member, position = _member(file, position)
            content = _content_start(file, member)
            if member.offset < end or content + member.packed > directory:
                raise refused(
                    member.name, "it overlaps with another entry, or is not in the directory's order"
                )
            _expect_no_room(end, member.offset)
            end = content + member.packed
            yield _entry(file, member, content)
        if position != directory_end:
            raise DamagedError("its directory has more entries than it says")
        _expect_no_room(end, directory)


def _expect_no_room(end: int, start: int) -> None:
    """What may follow a file is its sizes once more."""
    if start - end >= _LOCAL.size:
        raise DamagedError("something lies in it that its directory does not have there")


def _read(file: int, position: int, size: int) -> bytes:
    data = os.pread(file, size, position) if position >= 0 else b""
    if len(data) != size:
        raise DamagedError("it is cut short")
    return data


def _directory(file: int, size: int) -> tuple[int, int, int]:
    """Where the directory begins and ends, and how many entries it has."""
    tail_size = min(size, _END.size + _MAX_COMMENT)
    tail = _read(file, size - tail_size, tail_size)
    found = tail.rfind(SIGNATURES[1])
    if found < 0 or len(tail) - found < _END.size:
        raise DamagedError("it has no directory at its end, as where it is cut short")
    _signature, disk, first_disk, here, count, length, start, comment = _END.unpack_from(tail, found)
    if found + _END.size + comment != len(tail):
        raise DamagedError("data follows its end")
    end = size - tail_size + found
    told = (disk, first_disk, here, count, length, start)
    locator = _read(file, end - _LOCATOR64.size, _LOCATOR64.size) if end >= _LOCATOR64.size else b""
    if locator.startswith(b"PK\6\7"):
        locator_start = end - _LOCATOR64.size
        end = _LOCATOR64.unpack(locator)[2]
        if end + _END64.size > locator_start:
            raise DamagedError("its directory is not where it says")
        signature, record, _made, _needed, *large = _END64.unpack(_read(file, end, _END64.size))
        if signature != b"PK\6\6" or end + 12 + record != locator_start:
            raise DamagedError("its directory is not where it says")
        here_too = (_HERE_16,) * 4 + (_HERE_32,) * 2
        if any(small not in (big, mark) for small, big, mark in zip(told, large, here_too)):
            raise DamagedError("its two ends contradict each other")
        disk, first_disk, here, count, length, start = large
    if disk or first_disk or here != count:
        raise DamagedError("it is one of several parts")
    if start + length != end:
        raise DamagedError("its directory is not where it says")
    return start, end, count


def _member(file: int, position: int) -> tuple[_Member, int]:
    fields = _MEMBER.unpack(_read(file, position, _MEMBER.size))
    signature, made, _needed, flags, method, _time, _date, crc, packed, size = fields[:10]
    name_size, extra_size, comment_size, _disk, _internal, attributes, offset = fields[10:]
    if signature != b"PK\1\2":
        raise DamagedError("its directory is damaged")
    position += _MEMBER.size
    rest = _read(file, position, name_size + extra_size)
    raw = rest[:name_size]
    size, packed, offset = _wide(rest[name_size:], size, packed, offset)
    name = _name(raw, flags)
    return (
        _Member(raw, name, made >> 8, flags, method, crc, packed, size, attributes, offset),
        position + name_size + extra_size + comment_size,
    )


def _wide(extra: bytes, *numbers: int) -> list[int]:
    """The numbers, those that did not fit from the extra field that holds them."""
    wide = b""
    while len(extra) >= 4:
        identity, size = struct.unpack_from("<2H", extra)
        if identity == 1:
            wide = extra[4 : 4 + size]
        extra = extra[4 + size :]
    found = []
    for number in numbers:
        if number == _HERE_32 and len(wide) >= 8:
            number, wide = int.from_bytes(wide[:8], "little"), wide[8:]
        found.append(number)
    return found


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8")  # as most programs write it, whether they say so or not
    except UnicodeDecodeError:
        name = raw.decode("cp437")
        if flags & _UTF8:
            raise refused(name, "its name is not the UTF-8 that it is said to be") from None
    if "\\" in name:
        raise refused(name, "its name has a backslash")
    return name


def _content_start(file: int, member: _Member) -> int:
    """Where the content begins, after a header that must say what the directory says."""
    fields = _LOCAL.unpack(_read(file, member.offset, _LOCAL.size))
    signature, _needed, flags, method, _time, _date, crc, packed, size, name_size, extra_size = fields
    contradiction = "the directory and the entry itself contradict each other"
    if signature != SIGNATURES[0]:
        raise refused(member.name, contradiction)
    rest = _read(file, member.offset + _LOCAL.size, name_size + extra_size)
    if (flags | member.flags) & _ENCRYPTED:
        raise refused(member.name, "it is encrypted")
    size, packed = _wide(rest[name_size:], size, packed)
    unknown = (0, _HERE_32) if flags & _SIZES_FOLLOW else ()
    if (
        rest[:name_size] != member.raw
        or method != member.method
        or (flags ^ member.flags) & _UTF8
        or (crc != member.crc and crc not in unknown)
        or (packed != member.packed and packed not in unknown)
        or (size != member.size and size not in unknown)
    ):
        raise refused(member.name, contradiction)
    if method not in (_STORED, _DEFLATED):
        raise refused(member.name, f"it is packed by method {method}, neither stored nor deflated")
    return member.offset + _LOCAL.size + len(rest)


def _entry(file: int, member: _Member, start: int) -> Entry:
    name, content = member.name, _content(file, member, start)
    mode = member.attributes >> 16 if member.system in _UNIX else 0
    kind = stat.S_IFMT(mode)
    if kind == stat.S_IFLNK:
        if member.size > _MAX_TARGET:
            raise refused(name, "it is a link with a target that is too long")
        return Entry(name, "link", target=b"".join(content).decode("utf-8", "surrogateescape"))
    permissions = mode & 0o7777
    if kind == stat.S_IFDIR or (kind == 0 and name.endswith("/")):
        if member.size:
            raise refused(name, "it is a folder that has content")
        return Entry(name, "folder", permissions or 0o755)
    if kind not in (0, stat.S_IFREG):
        return Entry(name, "other")
    if name.endswith("/"):
        raise refused(name, "it is a file with the name of a folder")
    return Entry(name, "file", permissions or 0o644, member.size, content=content)


def _content(file: int, member: _Member, start: int) -> Iterator[bytes]:
    left, crc, end = member.size, 0, start + member.packed
    chunks = _stored(file, start, end) if member.method == _STORED else _inflated(file, start, end)
    try:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                break
            crc = zlib.crc32(chunk, crc)
            yield chunk
    except zlib.error as error:
        raise DamagedError(f"{member.name!a} in it does not decompress ({error})") from error
    if left or crc != member.crc:
        raise DamagedError(f"{member.name!a} in it has another size or checksum than it says")


def _stored(file: int, position: int, end: int) -> Iterator[bytes]:
    while position < end:
        chunk = _read(file, position, min(CHUNK, end - position))
        position += len(chunk)
        yield chunk


def _inflated(file: int, position: int, end: int) -> Iterator[bytes]:
    inner = zlib.decompressobj(wbits=-15)
    packed = _stored(file, position, end)
    while not inner.eof:
        data = inner.unconsumed_tail or next(packed, b"")
        chunk = inner.decompress(data, CHUNK)
        if chunk:
            yield chunk
        elif not data:
            raise zlib.error("it is cut short")
    if inner.unused_data or next(packed, b""):
        raise zlib.error("data follows its end")
