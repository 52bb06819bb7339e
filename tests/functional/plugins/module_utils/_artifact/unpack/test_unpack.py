# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that the real tools pack."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import COMPRESSIONS, Item, file, folder, hardlink, symlink, tar, zipped

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_everything_is_given_to_the_owner_and_group(unpacked: Callable[..., Path]) -> None:
    items = [folder("d"), file("d/a"), file("implied/x"), symlink("l", "d"), hardlink("h", "d/a")]
    release = unpacked(tar(*items), Rules(owner="nobody", group="12345"))
    nobody = int(subprocess.run(["id", "-u", "nobody"], stdout=subprocess.PIPE, check=True).stdout)
    owners = {(each.lstat().st_uid, each.lstat().st_gid) for each in (release, *release.rglob("*"))}
    assert owners == {(nobody, 12345)}
    assert len(list(release.rglob("*"))) == 6
