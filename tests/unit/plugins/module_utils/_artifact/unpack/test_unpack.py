# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused whatever the format, and what comes out of a usual archive."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
import tracemalloc
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import COMPRESSIONS, Item, file, folder, hardlink, symlink, tar, zipped

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack import tree
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

FORMATS: dict[str, Callable[..., bytes]] = {
    "gnu": lambda *items: COMPRESSIONS["gzip"](tar(*items)),
    "pax": lambda *items: COMPRESSIONS["gzip"](tar(*items, style=tarfile.PAX_FORMAT)),
    "zip": zipped,
}

HOSTILE = {
    "absolute path": ([file("/etc/passwd")], "absolute path"),
    "path up": ([file("../beside/evil")], r"'\.\.'"),
    "path up in the middle": ([file("a/../../beside/evil")], r"'\.\.'"),
    "path up that stays inside": ([file("a/../b")], r"'\.\.'"),
    "folder up": ([folder("../evil")], r"'\.\.'"),
    "long absolute path": ([file("/" + "a" * 300)], "absolute path"),
    "newline in a name": ([file("a\nok: all is well")], "control character"),
    "escape in a name": ([file("a\x1b[2J")], "control character"),
    "an escape of eight bits in a name": ([file("a\x9b2J")], "control character"),
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
    "write through a link": ([folder("d"), symlink("a", "d"), file("a/evil")], "is a link"),
    "folder through a link": ([folder("d"), symlink("a", "d"), folder("a/evil")], "is a link"),
    "link through a link": ([folder("d"), symlink("a", "d"), symlink("a/b", "..")], "is a link"),
    "folder in place of a link": ([folder("d"), symlink("a", "d"), folder("a")], "twice"),
    "write through a file": ([file("a"), file("a/b")], "is a file"),
    "link through a file": ([file("a"), symlink("a/b", "c")], "is a file"),
    "file twice": ([file("a"), file("a", b"y")], "twice"),
    "file twice by another name": ([file("a"), file("./a", b"y")], "twice"),
    "file over a link": ([symlink("a", "b"), file("a")], "twice"),
    "link over a file": ([file("a"), symlink("a", "b")], "twice"),
    "link over a folder": ([file("a/b"), symlink("a", "c")], "twice"),
    "link twice": ([symlink("a", "b"), symlink("a", "c")], "twice"),
    "file over a folder": ([folder("a"), file("a")], "twice"),
    "folder over a file": ([file("a"), folder("a")], "twice"),
    "folder twice": ([folder("a"), folder("a/")], "twice"),
    "file as the top": ([file(".")], "whole release"),
    "link as the top": ([symlink(".", "a")], "whole release"),
    "character device": ([Item("a", kind=tarfile.CHRTYPE)], "neither a file"),
    "block device": ([Item("a", kind=tarfile.BLKTYPE)], "neither a file"),
    "named pipe": ([Item("a", kind=tarfile.FIFOTYPE)], "neither a file"),
    "setuid": ([file("a", mode=0o4755)], "setuid"),
    "setgid": ([file("a", mode=0o2755)], "setuid"),
    "too deep": ([file("/".join("d" * 70))], "deep"),
    "a name that is too long": ([file("n" * 256)], "too long for this file system"),
    "a folder's name that is too long": ([folder("n" * 256)], "too long for this file system"),
    "a path that is too long": ([file("/".join(["n" * 250] * 17))], "too long for this file system"),
    "a target that is too long": ([symlink("a", "t/" * 2048)], "too long"),
    "nothing": ([], "empty"),
    "nothing but the top": ([folder("./")], "empty"),
}
OF_TAR = {
    "hard link to the outside": ([hardlink("a", "/etc/passwd")], "absolute path"),
    "hard link up": ([hardlink("a", "../beside/evil")], r"'\.\.'"),
    "hard link to a link": ([symlink("a", "b"), hardlink("c", "a")], "not an earlier file"),
    "hard link through a link": ([symlink("a", "d"), file("d/f"), hardlink("c", "a/f")], "not an earlier"),
    "hard link through a file": ([file("a"), hardlink("c", "a/f")], "not an earlier file"),
    "hard link to what comes later": ([hardlink("a", "b"), file("b")], "not an earlier file"),
    "hard link to a folder": ([folder("d"), hardlink("a", "d")], "not an earlier file"),
    "hard link to the top": ([hardlink("a", ".")], "not an earlier file"),
    "hard link to nothing": ([hardlink("a", "")], "no name"),
    "hard link over a file": ([file("a"), file("b"), hardlink("a", "b")], "twice"),
    "hard link over a link": ([symlink("a", "b"), file("b"), hardlink("a", "b")], "twice"),
}


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(("items", "why"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_archives_are_refused(
    unpacked: Callable[..., Path], items: list[Item], why: str, style: str
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(FORMATS[style](*items))


@pytest.mark.parametrize("style", ["gnu", "pax"])
@pytest.mark.parametrize(("items", "why"), OF_TAR.values(), ids=OF_TAR.keys())
def test_hostile_hard_links_are_refused(
    unpacked: Callable[..., Path], items: list[Item], why: str, style: str
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(FORMATS[style](*items))


LONG = file("n" * 150 + "/" + "m" * 150, b"long")
USUAL = [
    folder("./"),
    file("./bin/run", b"#!/bin/sh\n", mode=0o775),
    folder("./bin", 0o2775),
    file("big", bytes(range(256)) * 1024),
    file("secret", b"s", mode=0o600),
    file("empty", b""),
    folder("lib/v1", 0o500),
    file("lib/v1/x"),
    LONG,
    file("Übergröße", b"umlauts"),
    symlink("lib/current", "v1"),
    symlink("bin/x", "../lib/current/x"),
    symlink("dangling", "uploads/later"),
]


def packed(items: list[Item], style: str) -> bytes:
    if style == "zip":
        return zipped(*items)
    if style == "zip, stored":
        return zipped(*items, method=0)
    compression, _comma, form = style.partition(", ")
    if form == "ustar":  # which has no room for it
        items = [item for item in items if item != LONG]
    return COMPRESSIONS[compression](tar(*items, style=getattr(tarfile, f"{form or 'gnu'}_format".upper())))


EVERY = ["zip", "zip, stored", "plain, ustar", "plain, gnu", "plain, pax", "gzip, pax", "bzip2", "xz", "zstd"]


@pytest.mark.parametrize("chunk", [7, 10_000_000], ids=["a few bytes at a time", "at once"])
@pytest.mark.parametrize("style", EVERY)
def test_a_usual_archive_is_unpacked_whole(unpacked: Callable[..., Path], style: str, chunk: int) -> None:
    release = unpacked(packed(USUAL, style), chunk=chunk)
    assert (release / "bin/x").read_bytes() == b"x"
    assert (release / "big").read_bytes() == bytes(range(256)) * 1024
    assert (release / "empty").read_bytes() == b""
    if "ustar" not in style:
        assert (release / LONG.name).read_bytes() == b"long"
    assert (release / "Übergröße").read_bytes() == b"umlauts"
    assert os.readlink(release / "dangling") == "uploads/later"
    modes = {
        name: stat.S_IMODE((release / name).stat().st_mode) for name in ("bin", "bin/run", "secret", "lib/v1")
    }
    assert modes == {"bin": 0o755, "bin/run": 0o755, "secret": 0o600, "lib/v1": 0o700}


def test_hard_links_are_the_same_file(unpacked: Callable[..., Path]) -> None:
    release = unpacked(tar(file("bin/run"), hardlink("again", "./bin/run"), hardlink("more", "again")))
    assert (release / "again").samefile(release / "bin/run")
    assert (release / "more").samefile(release / "bin/run")


def tree_of(folder: Path) -> dict[str, Any]:
    return {
        str(each.relative_to(folder)): os.readlink(each)
        if each.is_symlink()
        else (stat.S_IMODE(each.stat().st_mode), each.read_bytes() if each.is_file() else None)
        for each in folder.rglob("*")
    }


@pytest.mark.parametrize(
    "command",
    [
        "tar --format=gnu -czf",
        "tar --format=v7 -czf",
        "tar --format=oldgnu -cf",
        "tar --format=ustar -cjf",
        "tar --format=pax --xattrs --acls -cJf",
        "tar --format=pax --pax-option=exthdr.name=%d/%f,comment=built -cf",
        "tar --blocking-factor=1 --zstd -cf",
        "zip -qry",
        "zip -qry0",
        "zip -qryX",
    ],
)
def test_what_the_usual_programs_pack_comes_out_as_it_was(
    unpacked: Callable[..., Path], tmp_path: Path, command: str
) -> None:
    source, spool = (tmp_path / "inside" / each for each in ("source", "spool"))
    for each in (source, spool):
        each.mkdir()
    unpack(io.BytesIO(tar(*(item for item in USUAL if item != LONG))), source, Rules(), spool)
    archive = spool / "archive"
    name = f"{archive}.zip" if command.startswith("zip") else str(archive)
    subprocess.run([*command.split(), name, "."], cwd=source, check=True)
    data = Path(name).read_bytes()
    expected = tree_of(source)
    for each in (source, spool):
        shutil.rmtree(each)
    assert tree_of(unpacked(data)) == expected


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_zip_that_was_piped_comes_out_as_it_was(unpacked: Callable[..., Path], tmp_path: Path) -> None:
    """Its sizes stand behind the files."""
    source = tmp_path / "inside" / "source"
    source.mkdir()
    (source / "a.txt").write_bytes(b"text " * 1000)
    done = subprocess.run(["zip", "-qr", "-", "."], cwd=source, stdout=subprocess.PIPE, check=True)
    shutil.rmtree(source)
    assert (unpacked(done.stdout) / "a.txt").read_bytes() == b"text " * 1000


LIMITED = {
    "one file": ([file("a", b"\0" * 1001)], Rules(max_bytes=1000), "max_bytes"),
    "files together": (
        [file("a", b"\0" * 600), file("b", b"\0" * 600)],
        Rules(max_bytes=1000),
        "max_bytes",
    ),
    "files": ([file(f"f{n}") for n in range(4)], Rules(max_entries=3), "max_entries"),
    "folders": ([folder(f"f{n}") for n in range(4)], Rules(max_entries=3), "max_entries"),
    "a bomb": ([file("a", b"\0" * 5_000_000)], Rules(max_bytes=1_000_000), "max_bytes"),
}


@pytest.mark.parametrize("style", EVERY)
@pytest.mark.parametrize(("items", "rules", "why"), LIMITED.values(), ids=LIMITED.keys())
def test_archives_above_a_limit_are_refused(
    unpacked: Callable[..., Path], tmp_path: Path, items: list[Item], rules: Rules, why: str, style: str
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(packed(items, style), rules)
    release = tmp_path / "inside/release"
    assert sum(each.stat().st_size for each in release.rglob("*") if each.is_file()) <= rules.max_bytes


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_only_pads_is_bounded_too(unpacked: Callable[..., Path], compression: str) -> None:
    data = COMPRESSIONS[compression](tar(file("a")) + b"\0" * 400_000)
    with pytest.raises(StrataError, match="far larger than its limits"):
        unpacked(data, Rules(max_bytes=1000, max_entries=1))


def test_the_names_that_are_kept_are_bounded(
    unpacked: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_NAMES", 1000)
    with pytest.raises(StrataError, match="more than 1000 characters"):
        unpacked(tar(*(symlink(f"a{n}", "t" * 100) for n in range(10))))


@pytest.mark.parametrize("style", ["gnu", "zip"])
def test_memory_is_flat_whatever_the_files(unpacked: Callable[..., Path], style: str) -> None:
    data = FORMATS[style](
        *(file(f"some/folder/file-{n}", b"") for n in range(3000)), file("big", b"\0" * 20_000_000)
    )
    tracemalloc.start()
    try:
        unpacked(data, chunk=64 * 1024)
        assert tracemalloc.get_traced_memory()[1] < 2_500_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("style", FORMATS)
def test_no_file_is_written_through_a_link_that_was_there(tmp_path: Path, style: str) -> None:
    (tmp_path / "release").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "release/app.py").symlink_to(tmp_path / "outside")
    archive = write(tmp_path / "archive", FORMATS[style](file("app.py", b"new")))
    with open(archive, "rb") as stream, pytest.raises(StrataError, match="twice"):
        unpack(stream, tmp_path / "release", Rules(), tmp_path / "scratch")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("style", FORMATS)
def test_one_leading_folder_is_taken_off(unpacked: Callable[..., Path], style: str) -> None:
    release = unpacked(
        FORMATS[style](
            folder("shop-2.0"),
            file("shop-2.0/app.py"),
            symlink("./shop-2.0/lib/app.py", "../app.py"),
            folder("shop-2.0/lib"),
        ),
        Rules(strip=True),
    )
    assert sorted(os.listdir(release)) == ["app.py", "lib"]
    assert (release / "lib/app.py").read_bytes() == b"x"


STRIPPED = {
    "two folders": ([file("a/x"), file("b/x")], "one folder with all the others"),
    "a file beside it": ([file("a/x"), file("README")], "one folder with all the others"),
    "a file first": ([file("README"), file("a/x")], "one folder with all the others"),
    "a file alone": ([file("a")], "one folder with all the others"),
    "a link as the folder": ([symlink("a", "b")], "one folder with all the others"),
    "a folder alone": ([folder("a")], "empty"),
    "a link out of what is left": ([file("a/x"), symlink("a/l", "../x")], "leads out"),
}


@pytest.mark.parametrize("style", FORMATS)
@pytest.mark.parametrize(("items", "why"), STRIPPED.values(), ids=STRIPPED.keys())
def test_a_leading_folder_that_is_none_is_an_error(
    unpacked: Callable[..., Path], items: list[Item], why: str, style: str
) -> None:
    with pytest.raises(StrataError, match=why):
        unpacked(FORMATS[style](*items), Rules(strip=True))


def test_hard_links_are_stripped_at_both_ends(unpacked: Callable[..., Path]) -> None:
    release = unpacked(tar(file("top/a"), hardlink("top/b", "top/a")), Rules(strip=True))
    assert (release / "b").samefile(release / "a")


def test_setuid_bits_can_be_dropped(unpacked: Callable[..., Path]) -> None:
    release = unpacked(tar(file("a", mode=0o6755)), Rules(setuid="drop"))
    assert stat.S_IMODE((release / "a").stat().st_mode) == 0o755


def test_modes_are_as_configured(unpacked: Callable[..., Path]) -> None:
    items = [file("a", mode=0o600), file("run", mode=0o700), folder("d", 0o700), file("implied/x")]
    release = unpacked(tar(*items), Rules(file_mode="0640", folder_mode="0750"))
    modes = {str(each.relative_to(release)): stat.S_IMODE(each.stat().st_mode) for each in release.rglob("*")}
    assert modes == {"a": 0o640, "run": 0o750, "d": 0o750, "implied": 0o750, "implied/x": 0o640}
    assert stat.S_IMODE(release.stat().st_mode) == 0o750


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_everything_is_given_to_the_owner_and_group(unpacked: Callable[..., Path]) -> None:
    items = [folder("d"), file("d/a"), file("implied/x"), symlink("l", "d"), hardlink("h", "d/a")]
    release = unpacked(tar(*items), Rules(owner="nobody", group="12345"))
    nobody = int(subprocess.run(["id", "-u", "nobody"], stdout=subprocess.PIPE, check=True).stdout)
    owners = {(each.lstat().st_uid, each.lstat().st_gid) for each in (release, *release.rglob("*"))}
    assert owners == {(nobody, 12345)}
    assert len(list(release.rglob("*"))) == 6


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_group_alone_leaves_the_owner(unpacked: Callable[..., Path]) -> None:
    release = unpacked(tar(file("a")), Rules(group="12345"))
    assert ((release / "a").stat().st_uid, (release / "a").stat().st_gid) == (0, 12345)


@pytest.mark.parametrize("style", ["gnu", "zip"])
def test_an_error_of_the_download_is_told_as_it_is(tmp_path: Path, style: str) -> None:
    data = FORMATS[style](file("a", os.urandom(10_000)))

    class Broken:
        def read(self, size: int) -> bytes:
            nonlocal data
            if len(data) < 5000:
                raise StrataError("the network is gone")
            chunk, data = data[:600], data[600:]
            return chunk

    for name in ("release", "scratch"):
        (tmp_path / name).mkdir()
    with pytest.raises(StrataError, match="the network is gone"):
        unpack(Broken(), tmp_path / "release", Rules(), tmp_path / "scratch")
