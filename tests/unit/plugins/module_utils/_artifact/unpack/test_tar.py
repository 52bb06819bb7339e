# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers of a tar that no library writes."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import Callable

import pytest
from archives import END, blocks, file, octal, pax, tar, tar_header

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

GOOD = file("a", b"x" * 600)
NEGATIVE = b"\xff" * 11 + b"\0"
EMPTY = octal(0)


def one(
    name: bytes = b"a", size: bytes = EMPTY, kind: bytes = b"0", data: bytes = b"", **more: bytes
) -> bytes:
    return tar_header(name, size, kind, **more) + blocks(data) + END


def long(name: bytes, kind: bytes = b"L") -> bytes:
    return tar_header(b"././@LongLink", octal(len(name)), kind) + blocks(name)


DAMAGED = {
    "nothing": (b"", "it is empty"),
    "no archive": (b"hello " * 500, r"neither a tar .* nor a zip, and begins with 'hello hello hell'"),
    "less than a header": (b"hello", "neither a tar"),
    "cut in a file": (tar(GOOD)[:800], "cut short"),
    "cut behind a header": (tar(GOOD)[:512], "cut short"),
    "cut in a header": (tar(GOOD, file("b"))[: 3 * 512 + 100], "cut short"),
    "cut between two entries": (tar(GOOD, file("b"))[: 3 * 512], "cut short"),
    "broken second header": (tar(GOOD)[: 3 * 512] + b"\x01" * 1024, "a header is damaged"),
    "data after the end": (tar(GOOD) + tar(file("b")), "data follows the end"),
    "an extended header at the end": (pax(path=b"a") + END, "a header is damaged"),
    "negative size": (one(size=NEGATIVE), "impossible number"),
    "negative size of a long name": (one(size=NEGATIVE, kind=b"L"), "impossible number"),
    "a size that is none": (one(size=b"0000000000x\0"), "impossible number"),
    "a size in Python's octal": (one(size=b"0o000000007\0"), "impossible number"),
    "huge long name": (one(size=b"77777777777\0", kind=b"L"), "impossible size"),
    "huge extended header": (one(size=b"77777777777\0", kind=b"x"), "impossible size"),
    "long names without end": (long(b"a") * 3000, "several names"),
    "extended headers without end": (pax(mtime=b"1") * 3000, "several names"),
    "two long names": (long(b"a") + long(b"b") + one(), "several names"),
    "two extended names": (pax(path=b"a") + pax(path=b"b") + one(), "several names"),
    "a long and an extended name": (long(b"a") + pax(path=b"b") + one(), "several names"),
    "a record twice": (one(size=octal(20), kind=b"x", data=b"10 path=a\n10 path=b\n"), "several names"),
    "a record without end": (one(size=octal(9), kind=b"x", data=b"99 path=a"), "extended header is damaged"),
    "a record of no length": (
        one(size=octal(9), kind=b"x", data=b"0 path=a\n"),
        "extended header is damaged",
    ),
    "a record of negative length": (one(size=octal(10), kind=b"x", data=b"-9 path=a\n"), "impossible number"),
    "a record without a line's end": (
        one(size=octal(8), kind=b"x", data=b"8 path=a"),
        "extended header is dam",
    ),
    "a record without a value": (
        one(size=octal(7), kind=b"x", data=b"7 path\n"),
        "extended header is damaged",
    ),
    "records without number": (one(size=octal(500), kind=b"x", data=b"a" * 500), "impossible number"),
    "one name for all": (pax(b"g", path=b"evil") + one(), "for all entries"),
    "one size for all": (pax(b"g", size=b"9") + one(), "for all entries"),
    "a huge extended size": (pax(size=b"9" * 21) + one(), "impossible number"),
}


@pytest.mark.parametrize(("data", "why"), DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_archives_are_refused(unpacked: Callable[..., Path], data: bytes, why: str) -> None:
    with pytest.raises(StrataError, match=f"is not an intact archive: .*{why}.* Build or fetch it again"):
        unpacked(data)


REFUSED = {
    "sizes that differ": (pax(size=b"5") + one(data=b"evil!"), "different sizes"),
    "sizes of which the header's is larger": (
        pax(size=b"0") + one(size=octal(5), data=b"evil!"),
        "different sizes",
    ),
    "a huge extended size": (pax(size=b"9999999999999") + one(), "max_bytes"),
    "a huge size in binary": (one(size=b"\x80" + b"\x7f" * 11), "max_bytes"),
    "an extended path up": (pax(path=b"../evil") + one(), r"'\.\.'"),
    "an absolute extended path": (pax(path=b"/evil") + one(), "absolute path"),
    "an extended path of nothing": (pax(path=b"") + one(), "no name"),
    "an extended path with an end in it": (pax(path=b"a\0b") + one(), "control character"),
    "an extended target up": (pax(linkpath=b"../evil") + one(kind=b"2", link=b"b"), "leads out"),
    "an extended hard link up": (pax(linkpath=b"../evil") + one(kind=b"1", link=b"b"), r"'\.\.'"),
    "a target with an end in it": (pax(linkpath=b"b\0../../c") + one(kind=b"2"), "absolute target"),
    "a prefix up": (one(prefix=b"../.."), r"'\.\.'"),
    "an absolute prefix": (one(prefix=b"/etc"), "absolute path"),
    "a long name up": (long(b"../evil\0") + one(), r"'\.\.'"),
    "no name": (one(name=b""), "no name"),
    "a sparse file of old": (one(kind=b"S"), "sparse"),
    "a sparse file": (pax(GNU__sparse__major=b"1", GNU__sparse__realsize=b"99999999999") + one(), "sparse"),
    "a sparse file with another name": (pax(GNU__sparse__name=b"../evil") + one(), "sparse"),
    "a sparse file of star's": (pax(SCHILY__realsize=b"9") + one(), "sparse"),
    "a link with content": (
        one(size=octal(512), kind=b"2", link=b"b", data=tar_header(b"evil", EMPTY)),
        "content",
    ),
    "a hard link with content": (one(size=octal(1), kind=b"1", link=b"b", data=b"x"), "content"),
    "a folder with content": (one(size=octal(1), kind=b"5", data=b"x"), "content"),
    "a file with a folder's name": (one(name=b"a/"), "name of a folder"),
    "a folder of old with content": (one(name=b"a/", kind=b"\0", size=octal(1), data=b"x"), "content"),
    "part of a volume": (one(kind=b"M"), "neither a file"),
    "a volume's name": (one(kind=b"V"), "neither a file"),
    "a kind of its own": (one(kind=b"Z"), "neither a file"),
}


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_tricks_of_headers_are_refused(unpacked: Callable[..., Path], data: bytes, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(data)


def test_a_header_cannot_claim_memory(unpacked: Callable[..., Path]) -> None:
    with pytest.raises(StrataError, match="impossible size"):
        unpacked(long(b"a" * 2**23) + one())


def test_comments_on_the_whole_count_as_entries(unpacked: Callable[..., Path]) -> None:
    assert (unpacked(pax(b"g", comment=b"0123abc") + one()) / "a").exists()


def test_headers_of_all_ages_are_read(unpacked: Callable[..., Path]) -> None:
    """Of v7, with a folder told by its name; a checksum of signed bytes; numbers in binary; a lone block at the end."""
    name = "ü".encode() * 20
    signed = bytearray(tar_header(name, EMPTY))
    total = sum(signed[:148] + b" " * 8 + signed[156:]) - 256 * sum(byte > 127 for byte in signed)
    signed[148:156] = b"%06o\0 " % total
    release = unpacked(
        tar_header(b"old/", EMPTY, b"\0", magic=b"\0" * 8)
        + tar_header(b"old/file", octal(1), b"\0", magic=b"\0" * 8)
        + blocks(b"x")
        + tar_header(b"contiguous", b"\x80" + (3).to_bytes(11, "big"), b"7")
        + blocks(b"abc")
        + bytes(signed)
        + tar_header(b"gnu", b"          0 ", magic=b"ustar  \0", prefix=b"times")
        + b"\0" * 512
    )
    assert sorted(os.listdir(release)) == ["contiguous", "gnu", "old", "ü" * 20]
    assert (release / "old/file").read_bytes() == b"x"
    assert (release / "contiguous").read_bytes() == b"abc"


def test_a_name_that_is_no_utf8_stays_what_it_is(unpacked: Callable[..., Path]) -> None:
    release = unpacked(one(name=b"gr\xfcn") + b"")
    assert os.listdir(os.fsencode(release)) == [b"gr\xfcn"]


def test_what_is_larger_than_a_header_can_say_is_told_beside_it(unpacked: Callable[..., Path]) -> None:
    info = tarfile.TarInfo("a")
    info.size = 8 * 1024**3
    with pytest.raises(StrataError, match="max_bytes"):
        unpacked(info.tobuf(tarfile.PAX_FORMAT) + END)
