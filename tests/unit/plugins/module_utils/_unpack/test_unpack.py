# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._unpack.unpack import Limits, _Bounded, unpack

Entry = tuple[tarfile.TarInfo, bytes]
DEFAULT = Limits()


def entry(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644
) -> Entry:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    info.size = len(data)
    return info, data


def folder(name: str, mode: int = 0o755) -> Entry:
    return entry(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, target: str) -> Entry:
    return entry(name, kind=tarfile.SYMTYPE, link=target)


def hardlink(name: str, target: str) -> Entry:
    return entry(name, kind=tarfile.LNKTYPE, link=target)


def archive(*entries: Entry, style: int = tarfile.GNU_FORMAT) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", format=style) as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return raw.getvalue()


@pytest.fixture
def unpacked(tmp_path: Path) -> Callable[..., Path]:
    """Unpack bytes into an empty folder beside which nothing may appear."""

    def run(data: bytes, limits: Limits = DEFAULT) -> Path:
        (tmp_path / "a.tar.gz").write_bytes(data)
        target = tmp_path / "private" / "release"
        target.mkdir(parents=True)
        unpack(tmp_path / "a.tar.gz", target, limits)
        return target

    return run


HOSTILE = {
    "absolute path": ([entry("/etc/passwd", b"x")], "absolute path"),
    "path up": ([entry("../evil", b"x")], "'..'"),
    "path up in the middle": ([entry("a/../../evil", b"x")], "'..'"),
    "path up that stays inside": ([entry("a/../b", b"x")], "'..'"),
    "folder up": ([folder("../evil")], "'..'"),
    "long absolute path": ([entry("/" + "a" * 300, b"x")], "absolute path"),
    "newline in a name": ([entry("a\nok: all is well", b"x")], "control character"),
    "escape in a name": ([entry("a\x1b[2J", b"x")], "control character"),
    "absolute link": ([symlink("a", "/etc/passwd")], "absolute target"),
    "link out of the top": ([symlink("a", "../evil")], "leads out"),
    "link to the parent": ([symlink("a", "..")], "leads out"),
    "link out from below": ([symlink("a/b", "../../evil")], "leads out"),
    "link up after a name": ([folder("a"), symlink("b", "a/../../evil")], "leads out"),
    "links that lead out together": (
        [folder("a/b"), symlink("a/b/up", "../.."), symlink("c", "a/b/up/../evil")],
        "leads out",
    ),
    "empty link": ([symlink("a", "")], "absolute target"),
    "write through a link": ([folder("d"), symlink("a", "d"), entry("a/evil", b"x")], "is a link"),
    "folder through a link": ([folder("d"), symlink("a", "d"), folder("a/evil")], "is a link"),
    "link through a link": ([folder("d"), symlink("a", "d"), symlink("a/b", "..")], "is a link"),
    "folder in place of a link": ([folder("d"), symlink("a", "d"), folder("a")], "twice"),
    "write through a file": ([entry("a", b"x"), entry("a/b", b"x")], "is a file"),
    "file twice": ([entry("a", b"x"), entry("a", b"y")], "twice"),
    "file twice by another name": ([entry("a", b"x"), entry("./a", b"y")], "twice"),
    "file over a link": ([symlink("a", "b"), entry("a", b"x")], "twice"),
    "file over a folder": ([folder("a"), entry("a", b"x")], "twice"),
    "folder twice": ([folder("a"), folder("a/")], "twice"),
    "file as the top": ([entry(".", b"x")], "twice"),
    "link as the top": ([symlink("./", "a")], "twice"),
    "hard link to the outside": ([hardlink("a", "/etc/passwd")], "absolute path"),
    "hard link up": ([hardlink("a", "../evil")], "'..'"),
    "hard link to a link": ([symlink("a", "b"), hardlink("c", "a")], "not an earlier file"),
    "hard link to what comes later": ([hardlink("a", "b"), entry("b", b"x")], "not an earlier file"),
    "hard link to a folder": ([folder("d"), hardlink("a", "d")], "not an earlier file"),
    "character device": ([entry("a", kind=tarfile.CHRTYPE)], "neither a file"),
    "block device": ([entry("a", kind=tarfile.BLKTYPE)], "neither a file"),
    "named pipe": ([entry("a", kind=tarfile.FIFOTYPE)], "neither a file"),
    "setuid": ([entry("a", b"x", mode=0o4755)], "setuid"),
    "setgid": ([entry("a", b"x", mode=0o2755)], "setuid"),
    "too deep": ([entry("/".join("d" * 70), b"x")], "deep"),
    "nothing": ([], "empty"),
    "nothing but the top": ([folder("./")], "empty"),
}


@pytest.mark.parametrize("style", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
@pytest.mark.parametrize(("entries", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_are_refused_and_nothing_appears_outside(
    unpacked: Callable[..., Path], tmp_path: Path, entries: list[Entry], why: str, style: int
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(archive(*entries, style=style))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.tar.gz", "private"]
    assert [each.name for each in (tmp_path / "private").iterdir()] == ["release"]


def tar_header(name: bytes, size: bytes, kind: bytes = b"0") -> bytes:
    """A header with fields that tarfile would not write, its checksum right."""
    header = bytearray(name.ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0")
    header += b" " * 8 + kind + b"\0" * 100 + b"ustar\x0000" + b"\0" * 247
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def plain(*entries: Entry) -> bytes:
    return gzip.decompress(archive(*entries))


GOOD = entry("a", b"x" * 600)
NEGATIVE = b"\xff" * 11 + b"\0"
DAMAGED = {
    "not gzip": b"PK\x03\x04",
    "empty file": b"",
    "gzip of something else": gzip.compress(b"hello " * 500),
    "cut gzip": archive(entry("a", os.urandom(5000)))[:-2000],
    "gzip with a wrong sum": archive(GOOD)[:-8] + b"\0" * 8,
    "cut tar": gzip.compress(plain(GOOD)[:800]),
    "tar cut in a header": gzip.compress(plain(GOOD, entry("b"))[: 3 * 512 + 100]),
    "broken second header": gzip.compress(plain(GOOD)[: 3 * 512] + b"\x01" * 1024),
    "data after the end": gzip.compress(plain(GOOD) + plain(entry("b", b"y"))),
    "negative size": gzip.compress(tar_header(b"a", NEGATIVE) + b"\0" * 1024),
    "negative size of a long name": gzip.compress(
        plain(GOOD)[:1536] + tar_header(b"a", NEGATIVE, b"L") + b"\0" * 1024
    ),
    "huge long name": gzip.compress(tar_header(b"a", b"77777777777\0", b"L") + b"\0" * 1024),
    "huge pax header": gzip.compress(tar_header(b"a", b"77777777777\0", b"x") + b"\0" * 1024),
    "headers without end": gzip.compress(tar_header(b"a", b"00000000001\0", b"L").ljust(1024, b"\0") * 3000),
}


@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_archives_are_refused(unpacked: Callable[..., Path], data: bytes) -> None:
    with pytest.raises(StrataError, match=r"not an intact tar\.gz|unpacks to more"):
        unpacked(data)


def test_a_header_cannot_claim_memory(unpacked: Callable[..., Path]) -> None:
    header = tar_header(b"a", b"%011o\0" % 2**23, b"L")
    with pytest.raises(StrataError, match="impossible size"):
        unpacked(gzip.compress(header + b"a" * 2**23 + plain(GOOD)))


def test_a_header_cannot_lead_backwards() -> None:
    """As a negative size does in a tarfile that takes it; most versions of Python now refuse it first."""
    stream = _Bounded(io.BytesIO(b"x" * 5000), 5000)
    stream.read(4000)
    stream.seek(3999)
    for position in (0, 5001):
        with pytest.raises(tarfile.ReadError, match="impossible size"):
            stream.seek(position)


@pytest.mark.parametrize(
    ("data", "limits", "why"),
    [
        (archive(entry("a", b"\0" * 1001)), Limits(max_bytes=1000), "max_bytes"),
        (archive(entry("a", b"\0" * 600), entry("b", b"\0" * 600)), Limits(max_bytes=1000), "max_bytes"),
        (archive(*(entry(f"f{n}") for n in range(4))), Limits(max_entries=3), "max_entries"),
        (archive(*(folder(f"f{n}") for n in range(4))), Limits(max_entries=3), "max_entries"),
        (
            gzip.compress(plain(entry("a", b"x")) + b"\0" * 400_000),
            Limits(max_bytes=1000, max_entries=1),
            "far larger",
        ),
    ],
    ids=["one file", "files together", "files", "folders", "padding"],
)
def test_archives_above_a_limit_are_refused(
    unpacked: Callable[..., Path], data: bytes, limits: Limits, why: str
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(data, limits)


def test_no_file_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a.tar.gz").write_bytes(archive(entry("app.py", b"new")))
    (tmp_path / "release").mkdir()
    (tmp_path / "release/app.py").symlink_to(tmp_path / "outside")
    with pytest.raises(FileExistsError):
        unpack(tmp_path / "a.tar.gz", tmp_path / "release", DEFAULT)
    assert not (tmp_path / "outside").exists()


def test_a_usual_archive_is_unpacked_whole(unpacked: Callable[..., Path]) -> None:
    release = unpacked(
        archive(
            folder("./"),
            entry("./bin/run", b"#!/bin/sh\n", mode=0o775),
            folder("./bin", 0o2775),
            entry("big", bytes(range(256)) * 1024),
            entry("secret", b"s", mode=0o600),
            folder("lib/v1", 0o500),
            entry("lib/v1/x", b"x"),
            entry("n" * 150 + "/" + "m" * 150, b"long"),
            hardlink("again", "./bin/run"),
            symlink("lib/current", "v1"),
            symlink("bin/x", "../lib/current/x"),
            symlink("dangling", "uploads/later"),
        )
    )
    assert (release / "bin/x").read_bytes() == b"x"
    assert (release / "big").read_bytes() == bytes(range(256)) * 1024
    assert (release / ("n" * 150) / ("m" * 150)).read_bytes() == b"long"
    assert os.readlink(release / "dangling") == "uploads/later"
    assert (release / "again").samefile(release / "bin/run")
    modes = {
        name: stat.S_IMODE((release / name).stat().st_mode) for name in ("bin", "bin/run", "secret", "lib/v1")
    }
    assert modes == {"bin": 0o755, "bin/run": 0o755, "secret": 0o600, "lib/v1": 0o700}
