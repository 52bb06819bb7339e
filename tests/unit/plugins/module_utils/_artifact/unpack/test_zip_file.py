# SPDX-License-Identifier: GPL-3.0-or-later
"""Zips whose directory and entries say different things, and such as no library writes."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import file, zipped

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack import zip_file
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

TEXT = b"hello " * 100


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def local(name: bytes = b"a", data: bytes = b"x", **fields: Any) -> bytes:
    values = {
        "signature": b"PK\3\4", "flags": 0, "method": 0, "crc": zlib.crc32(data), "packed": len(data),
        "size": len(data), "extra": b"", **fields,
    }  # fmt: skip
    sizes = [values[each] for each in ("crc", "packed", "size")]
    head = struct.pack("<4s5H3L", values["signature"], 20, values["flags"], values["method"], 0, 0x21, *sizes)
    return head + struct.pack("<2H", len(name), len(values["extra"])) + name + values["extra"] + data


def central(name: bytes = b"a", data: bytes = b"x", **fields: Any) -> bytes:
    values = {
        "signature": b"PK\1\2", "made": 3 << 8, "flags": 0, "method": 0, "crc": zlib.crc32(data), "packed": len(data),
        "size": len(data), "extra": b"", "attributes": 0o100644 << 16, "offset": 0, **fields,
    }  # fmt: skip
    sizes = [values[each] for each in ("crc", "packed", "size")]
    head = struct.pack(
        "<4s6H", values["signature"], values["made"], 20, values["flags"], values["method"], 0, 0x21
    )
    tail = struct.pack(
        "<5H2L", len(name), len(values["extra"]), 0, 0, 0, values["attributes"], values["offset"]
    )
    return head + struct.pack("<3L", *sizes) + tail + name + values["extra"]


def end(directory: bytes, start: int = 0, count: int = 1, **fields: int) -> bytes:
    values = {
        "disk": 0,
        "first": 0,
        "here": count,
        "count": count,
        "size": len(directory),
        "start": start,
        **fields,
    }
    return struct.pack("<4s4H2LH", b"PK\5\6", *values.values(), 0)


def whole(entry: bytes, directory: bytes, count: int = 1, **fields: int) -> bytes:
    return entry + directory + end(directory, count=count, **{"start": len(entry), **fields})


def both(data: bytes = b"x", packed: bytes | None = None, **fields: Any) -> bytes:
    """A zip of one file, whose directory and entry agree."""
    packed = data if packed is None else packed
    sizes = {"crc": zlib.crc32(data), "packed": len(packed), "size": len(data), **fields}
    of_local = {name: value for name, value in sizes.items() if name not in ("made", "attributes", "offset")}
    return whole(local(data=packed, **of_local), central(data=packed, **sizes))


GOOD = zipped(file("a", TEXT), file("b", TEXT))
CONTRADICTIONS = {
    "name": (local(b"b"), central()),
    "a name that goes on": (local(b"a/b"), central(b"a")),
    "method": (local(method=8), central()),
    "checksum": (local(crc=1), central()),
    "packed size": (local(packed=2), central()),
    "size": (local(size=0), central()),
    "a size that follows": (local(flags=8, size=7), central(flags=8)),
    "encoding": (local(flags=0x800), central()),
    "where it is": (local(b"b") + local(signature=b"PK\3\5"), central(offset=32)),
    "where it is not": (local(), central(offset=5)),
}


@pytest.mark.parametrize(("entry", "directory"), CONTRADICTIONS.values(), ids=CONTRADICTIONS.keys())
def test_an_entry_that_contradicts_the_directory_is_refused(
    unpacked: Callable[..., Path], entry: bytes, directory: bytes
) -> None:
    with pytest.raises(StrataError, match=r"contradict each other|cut short"):
        unpacked(whole(entry, directory))


REFUSED = {
    "encrypted": (both(flags=1), "encrypted"),
    "encrypted in the directory alone": (whole(local(), central(flags=1)), "encrypted"),
    "encrypted in the entry alone": (whole(local(flags=1), central()), "encrypted"),
    "strongly encrypted": (both(flags=0x40), "encrypted"),
    "a hidden directory": (both(flags=0x2000), "encrypted"),
    "another method": (both(method=14), "method 14, neither"),
    "more than its size": (both(TEXT, deflated(TEXT + b"more"), method=8), "another size or checksum"),
    "less than its size": (both(TEXT, deflated(TEXT[:-1]), method=8), "another size or checksum"),
    "another checksum": (both(TEXT, crc=1), "another size or checksum"),
    "stored in another size": (both(TEXT, TEXT + b"more"), "another size or checksum"),
    "deflated and more": (both(TEXT, deflated(TEXT) + b"more", method=8), "does not decompress"),
    "deflated and cut": (both(TEXT, deflated(TEXT)[:-3], method=8), "does not decompress"),
    "not deflated": (both(TEXT, b"\xff" * 50, method=8), "does not decompress"),
    "a bomb": (both(b"x", deflated(b"\0" * 10_000_000), method=8), "another size or checksum"),
    "the size of a bomb": (both(size=0xFFFFFFFE), "max_bytes"),
    "a hidden entry in front": (whole(local(b"b") + local(), central(offset=32)), "does not have"),
    "a hidden entry between": (
        whole(local() + local(b"b") + local(b"c"), central() + central(b"c", offset=64), 2), "does not have",
    ),
    "a hidden entry behind": (whole(local() + local(b"b"), central()), "does not have"),
    "entries that overlap": (whole(local(), central() + central(b"a"), 2), "overlaps"),
    "entries out of order": (
        whole(local(b"a") + local(b"b"), central(b"b", offset=32) + central(b"a"), 2), "does not have there",
    ),
    "an entry in the directory": (whole(local(packed=9, size=9), central(packed=9, size=9)), "overlaps"),
    "a backslash": (both().replace(b"\0a", b"\0\\"), "backslash"),
    "no UTF-8": (whole(local(b"\xff", flags=0x800), central(b"\xff", flags=0x800)), "not the UTF-8"),
    "a zero in a name": (whole(local(b"a\0b"), central(b"a\0b")), "control character"),
    "a folder with content": (whole(local(b"a/"), central(b"a/", attributes=0o40755 << 16)), "content"),
    "a file with a folder's name": (whole(local(b"a/"), central(b"a/")), "name of a folder"),
    "a link with a huge target": (both(b"t" * 5000, attributes=0o120777 << 16), "target that is too long"),
    "a socket": (both(attributes=0o140644 << 16), "neither a file"),
    "no directory": (GOOD[:-22], "no directory at its end"),
    "cut short": (GOOD[:-10], "no directory at its end"),
    "cut at the start": (b"PK\3\4" + GOOD[90:], "not where it says"),
    "data after the end": (GOOD + b"more", "data follows its end"),
    "another count": (whole(local(), central(), 2), "cut short"),
    "another count below": (whole(local() + local(b"b"), central() + central(b"b", offset=32), 1), "more entries"),
    "no entries": (whole(b"", b"", 0), "empty"),
    "several disks": (whole(local(), central(), disk=1), "several parts"),
    "a directory elsewhere": (whole(local(), central(), start=3), "not where it says"),
    "a damaged directory": (whole(local(), central(signature=b"PK\1\3")), "directory is damaged"),
    "ends without their large form": (whole(local(), central(), start=0xFFFFFFFF), "not where it says"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "why"), REFUSED.values(), ids=REFUSED.keys())
def test_hostile_zips_are_refused(unpacked: Callable[..., Path], data: bytes, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(data)


def large(directory: bytes, place: int, **fields: int) -> bytes:
    """The end of a zip that says all in its large form."""
    values = {"disk": 0, "first": 0, "here": 1, "count": 1, "size": len(directory), **fields}
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, *values.values())
    return directory + record + struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)


def test_the_large_form_is_read(unpacked: Callable[..., Path]) -> None:
    wide = {"size": 0xFFFFFFFF, "packed": 0xFFFFFFFF}
    entry = local(extra=struct.pack("<2H2Q", 1, 16, 1, 1), **wide)
    directory = central(extra=struct.pack("<2H3Q", 1, 24, 1, 1, 0), offset=0xFFFFFFFF, **wide)
    marks = dict.fromkeys(("disk", "first", "here", "count"), 0xFFFF) | dict.fromkeys(
        ("size", "start"), 0xFFFFFFFF
    )
    release = unpacked(entry + large(directory, len(entry + directory), start=len(entry)) + end(b"", **marks))
    assert (release / "a").read_bytes() == b"x"


@pytest.mark.parametrize(
    ("fields", "small", "why"),
    [
        ({"count": 2}, {}, "contradict each other"),
        ({"start": 5}, {}, "contradict each other"),
        ({"start": 5}, {"start": 0xFFFFFFFF}, "not where it says"),
        ({"size": 2**63}, {"size": 0xFFFFFFFF}, "not where it says"),
        ({"here": 2**63, "count": 2**63}, {"here": 0xFFFF, "count": 0xFFFF}, "cut short"),
    ],
)
def test_a_large_form_that_lies_is_an_error(
    unpacked: Callable[..., Path], fields: dict[str, int], small: dict[str, int], why: str
) -> None:
    entry, directory = local(), central()
    data = (
        entry
        + large(directory, len(entry + directory), **{"start": len(entry), **fields})
        + end(directory, **{"start": len(entry), **small})
    )
    with pytest.raises(StrataError, match=why):
        unpacked(data)


@pytest.mark.parametrize("place", [0, 3, 2**40, 2**63])
def test_a_large_form_that_is_elsewhere_is_an_error(unpacked: Callable[..., Path], place: int) -> None:
    entry, directory = local(), central()
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
    with pytest.raises(StrataError, match=r"not where it says|cut short"):
        unpacked(entry + directory + locator + end(directory, len(entry)))


def test_more_entries_than_the_small_form_can_count(tmp_path: Path) -> None:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        for number in range(65_540):
            archive.writestr(f"d/{number}", b"")
    raw.seek(0)
    assert sum(1 for _entry in zip_file.entries(raw, tmp_path)) == 65_540


def test_modes_and_links_come_from_unix_alone(unpacked: Callable[..., Path]) -> None:
    link = local(b"link", b"target")
    run = local(b"run")
    other = local(b"other", b"target")
    data = link + run + other
    directory = (
        central(b"link", b"target", attributes=0o120777 << 16)
        + central(b"run", attributes=0o100755 << 16, offset=len(link))
        + central(b"other", b"target", attributes=0o120777 << 16, made=0, offset=len(link + run))
    )
    release = unpacked(whole(data, directory, 3))
    assert os.readlink(release / "link") == "target"
    assert stat.S_IMODE((release / "run").stat().st_mode) == 0o755
    assert (release / "other").read_bytes() == b"target"
    assert stat.S_IMODE((release / "other").stat().st_mode) == 0o644


def test_names_of_old_are_read_as_they_were_meant(unpacked: Callable[..., Path]) -> None:
    names = [b"gr\x81n", "grün-8".encode()]
    entries = [local(name) for name in names]
    directory = central(names[0]) + central(names[1], offset=len(entries[0]))
    release = unpacked(whole(b"".join(entries), directory, 2))
    assert sorted(os.listdir(release)) == ["grün", "grün-8"]
