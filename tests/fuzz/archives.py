# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives built for tests: entries as plain data, written as a tar or a zip of any compression."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import stat
import subprocess
import tarfile
import warnings
import zipfile
from dataclasses import dataclass


@dataclass(frozen=True)
class Item:
    """One entry of a tar or a zip."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644


def file(name: str, data: bytes = b"x", mode: int = 0o644) -> Item:
    return Item(name, data, mode=mode)


def folder(name: str, mode: int = 0o755) -> Item:
    return Item(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> Item:
    return Item(name, kind=tarfile.SYMTYPE, link=target)


def hardlink(name: str, target: str) -> Item:
    return Item(name, kind=tarfile.LNKTYPE, link=target)


def tar(*items: Item, style: int = tarfile.GNU_FORMAT) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=style) as archive:
        for item in items:
            info = tarfile.TarInfo(item.name)
            info.type, info.linkname, info.mode, info.size = item.kind, item.link, item.mode, len(item.data)
            archive.addfile(info, io.BytesIO(item.data))
    return raw.getvalue()


_FORMATS = {
    tarfile.REGTYPE: stat.S_IFREG,
    tarfile.DIRTYPE: stat.S_IFDIR,
    tarfile.SYMTYPE: stat.S_IFLNK,
    tarfile.CHRTYPE: stat.S_IFCHR,
    tarfile.BLKTYPE: stat.S_IFBLK,
    tarfile.FIFOTYPE: stat.S_IFIFO,
}


def zipped(*items: Item, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    raw = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(raw, "w", method) as archive:
        warnings.simplefilter("ignore")  # of names that are there twice
        for item in items:
            slash = "/" if item.kind == tarfile.DIRTYPE and not item.name.endswith("/") else ""
            info = zipfile.ZipInfo(item.name + slash)
            info.create_system, info.compress_type = 3, method
            info.external_attr = (_FORMATS[item.kind] | item.mode) << 16
            # Not writestr, which mends the size of what is a folder.
            with archive.open(info, "w") as output:
                output.write(item.link.encode() or item.data)
    return raw.getvalue()


def _zstd(data: bytes) -> bytes:
    return subprocess.run(["zstd", "-cq"], input=data, stdout=subprocess.PIPE, check=True).stdout


COMPRESSIONS = {
    "plain": lambda data: data,
    "gzip": lambda data: gzip.compress(data, 6, mtime=0),
    "bzip2": bz2.compress,
    "xz": lambda data: lzma.compress(data, preset=1),
    "zstd": _zstd,
}


def tar_header(
    name: bytes,
    size: bytes,
    kind: bytes = b"0",
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
    link: bytes = b"",
) -> bytes:
    """A header with fields that no library would write, its checksum right."""
    header = bytearray(name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0")
    header += b" " * 8 + kind + link.ljust(100, b"\0") + magic + b"\0" * 80 + prefix.ljust(167, b"\0")
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def octal(size: int) -> bytes:
    return b"%011o\0" % size


def blocks(data: bytes) -> bytes:
    """Data as it lies in a tar."""
    return data + b"\0" * (-len(data) % 512)


def pax(kind: bytes = b"x", **records: bytes) -> bytes:
    """An extended header with these records; a name may have dots as double underscores."""
    data = b""
    for name, value in records.items():
        line = b" " + name.replace("__", ".").encode() + b"=" + value + b"\n"
        size = len(line) + 1
        while size != len(line) + len(str(size)):
            size = len(line) + len(str(size))
        data += str(size).encode() + line
    return tar_header(b"pax", octal(len(data)), kind) + blocks(data)


END = b"\0" * 1024
