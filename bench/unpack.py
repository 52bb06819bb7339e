# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast an artifact is hashed and unpacked, and in how much memory, beside what ``tar`` and ``unzip`` take.

python bench/unpack.py [--mib 2048] [--entries 100000] [--folder DIR] [FORMAT ...]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
# Level 1, as making the artifact is not what is measured.
PACKERS = {
    "plain": ["cat"],
    "gzip": ["gzip", "-1"],
    "bzip2": ["bzip2", "-1"],
    "xz": ["xz", "-1", "-T0"],
    "xz -6": ["xz", "-6", "-T0", "--memlimit=1GiB"],
    "zstd": ["zstd", "-1", "-q"],
}
FORMATS = [*PACKERS, "zip"]
TARS = {
    "plain": "tar xf",
    "gzip": "tar xzf",
    "bzip2": "tar xjf",
    "xz": "tar xJf",
    "xz -6": "tar xJf",
    "zstd": "tar x --zstd -f",
    "zip": "unzip -q",
}


def content(mib: int, number: int) -> bytes:
    """Half noise, half text that compresses to about a quarter."""
    chance = random.Random(number)
    if number % 2:
        return chance.randbytes(mib * MIB)
    words = [chance.randbytes(4).hex() for _each in range(2000)]
    text = " ".join(chance.choices(words, k=MIB // 9 + 1)).encode()[:MIB]
    return text * mib


def build(path: Path, form: str, mib: int) -> None:
    """Files of 16 MiB that make up an artifact."""
    pieces = [content(16, number) for number in range(4)]
    files = ((f"files/{number}", pieces[number % 4]) for number in range(mib // 16))
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for name, data in files:
                archive.writestr(name, data)
        return
    with (
        open(path, "wb") as output,
        subprocess.Popen(PACKERS[form], stdin=subprocess.PIPE, stdout=output) as packer,
    ):
        with tarfile.open(fileobj=packer.stdin, mode="w|") as tar:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        packer.stdin.close()
    assert packer.returncode == 0


def build_entries(path: Path, form: str, entries: int) -> None:
    """Small files in many folders, as a tree of modules has them."""
    names = (f"node_modules/package-{number // 20}/lib/module-{number}.js" for number in range(entries))
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in names:
                archive.writestr(name, b"module.exports = 1\n")
        return
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 19
            tar.addfile(info, io.BytesIO(b"module.exports = 1\n"))
            tar.members = []


class Hashed:
    """A file as a download is read: each piece is hashed as it comes."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 (until the process ends)
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._hash.update(data)
        return data


def child(archive: str, folder: str, entries: str) -> None:
    """Unpack, and print this process's own peak of memory in KiB."""
    sys.path.insert(0, str(ROOT / "collections"))
    from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
    from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack

    release, scratch = Path(folder, "release"), Path(folder, "scratch")
    release.mkdir()
    scratch.mkdir()
    unpack(Hashed(archive), release, Rules(max_bytes=64 * 1024 * MIB, max_entries=int(entries) * 2), scratch)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            print(line.split()[1])


def timed(command: list[str], folder: Path) -> tuple[float, float, str]:
    """Seconds, and seconds of CPU, of a command that fills ``folder``, which is empty before and gone after."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.sync()
    began, before = time.monotonic(), cpu()
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True)
    seconds, used = time.monotonic() - began, cpu() - before
    shutil.rmtree(folder)
    return seconds, used, done.stdout


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def row(name: str, archive: Path, folder: Path, form: str, mib: float, entries: int) -> None:
    seconds, used, peak = timed(
        [sys.executable, __file__, "--child", str(archive), str(folder), str(entries)], folder
    )
    speed = f"{mib / seconds:.0f} MB/s" if mib >= 1 else f"{entries / seconds:.0f}/s"
    packed = f"{archive.stat().st_size / MIB:.0f} MiB"
    theirs = ""
    if shutil.which(TARS[form].split()[0]):
        other_seconds, other_used, _output = timed([*TARS[form].split(), str(archive)], folder)
        theirs = f"{other_seconds:8.1f} s{other_used:8.1f} s"
    print(
        f"{name:<20}{packed:>10}{speed:>12}{seconds:8.1f} s{used:8.1f} s{int(peak) / 1024:9.1f} MiB{theirs}",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=2048)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument(
        "--folder", type=Path, help="where there is room; a new folder for temporary files by default"
    )
    parser.add_argument("formats", nargs="*", default=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    options = parser.parse_args()
    print(
        f"{'':<20}{'packed':>10}{'speed':>12}{'time':>10}{'CPU':>10}{'peak RSS':>13}{'tar, unzip':>10}{'CPU':>10}"
    )
    with tempfile.TemporaryDirectory(prefix="strata-bench-", dir=options.folder) as private:
        archive, folder = Path(private, "archive"), Path(private, "unpacked")
        for form in options.formats:
            build(archive, form, options.mib)
            row(f"{form}, {options.mib} MiB", archive, folder, form, options.mib, 1000)
        for form in ("gzip", "zip"):
            for entries in (options.entries // 10, options.entries):
                build_entries(archive, form, entries)
                row(f"{form}, {entries} files", archive, folder, form, 0, entries)


if __name__ == "__main__":
    main()
