# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused whatever the format, and what comes out of a usual archive."""

from __future__ import annotations

import os
import stat
import tarfile
import tracemalloc
from pathlib import Path
from typing import Callable

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


def test_hard_links_are_the_same_file(unpacked: Callable[..., Path]) -> None:
    release = unpacked(tar(file("bin/run"), hardlink("again", "./bin/run"), hardlink("more", "again")))
    assert (release / "again").samefile(release / "bin/run")
    assert (release / "more").samefile(release / "bin/run")


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


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
