# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks archives that were damaged at random: nothing but StrataError comes out, and nothing is written outside.

python tests/fuzz/fuzz_unpack.py [--seconds 60] [--seed N] [--case N]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import signal
import stat
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "collections"))

from archives import (
    COMPRESSIONS,
    END,
    Item,
    blocks,
    file,
    folder,
    hardlink,
    octal,
    pax,
    symlink,
    tar,
    tar_header,
    zipped,
)

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

CASE_SECONDS = 20
"""How long one archive may take, on a busy machine."""
RULES = Rules(max_bytes=2_000_000, max_entries=200)
NAMES = [
    "a",
    "a/b",
    "a/b/c",
    "./a",
    "../../evil",
    "/tmp/evil",
    "a/../b",
    "l",
    "l/evil",
    "d/",
    "",
    ".",
    "x" * 120,
    "ü",
    "\x01",
]
TARGETS = ["a", "..", "../..", "../../evil", "a/b", "/etc/passwd", ".", "", "l", "../l/evil", "x" * 120]
TRICKS = [
    b"\0",
    b"\xff",
    b"\x80",
    b"..",
    b"/",
    b"../",
    b"\0\0\0\0",
    b"\xff\xff\xff\xff",
    b"PK\1\2",
    b"PK\5\6",
    b"7",
    b"0",
]


class Stream:
    """What is damaged, in pieces of any size."""

    def __init__(self, data: bytes, chance: random.Random) -> None:
        self._data, self._chance, self._at = data, chance, 0

    def read(self, size: int) -> bytes:
        size = min(size, self._chance.choice([1, 511, 512, 10_000, 1_000_000]))
        data = self._data[self._at : self._at + size]
        self._at += len(data)
        return data


def items(chance: random.Random) -> list[Item]:
    """Entries, harmless ones alone in two cases of three."""
    found = [file("a/b/c", chance.randbytes(chance.choice([0, 1, 511, 512, 3000]))), symlink("l", "a")]
    if chance.randrange(3):
        found += [folder("d"), file("d/run", b"x", 0o755), symlink("d/up", "../a/b"), file("ü" * 60, b"")]
        return found
    for _each in range(chance.randrange(1, 6)):
        name, target = chance.choice(NAMES), chance.choice(TARGETS)
        mode = chance.choice([0o644, 0o755, 0o4755, 0o000, 0o7777])
        found.append(
            chance.choice(
                [
                    file(name, chance.randbytes(20), mode),
                    folder(name, mode),
                    symlink(name, target),
                    hardlink(name, target),
                    Item(name, kind=chance.choice([tarfile.CHRTYPE, tarfile.FIFOTYPE])),
                ]
            )
        )
    chance.shuffle(found)
    return found


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed, taken out, put in, doubled or cut off."""
    changed = bytearray(data)
    for _each in range(chance.choice([0, 1, 1, 2, 5])):
        at = chance.randrange(len(changed) + 1)
        act = chance.randrange(6)
        if act == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif act == 1:
            trick = chance.choice(TRICKS)
            changed[at : at + len(trick)] = trick
        elif act == 2:
            del changed[at : at + chance.choice([1, 7, 512, 1024])]
        elif act == 3:
            changed[at:at] = changed[:at][-512:]
        elif act == 4:
            changed[at:at] = chance.randbytes(chance.choice([1, 30]))
        elif chance.randrange(4) == 0:
            del changed[at:]
    return bytes(changed)


def damaged_tar(data: bytes, chance: random.Random) -> bytes:
    """Fields of headers changed, their checksums right again; and headers that no library writes, put in between."""
    parts = [data[start : start + 512] for start in range(0, len(data), 512)]
    for _each in range(chance.choice([0, 1, 2, 4])):
        at = chance.randrange(len(parts))
        act = chance.randrange(3)
        if act == 0:
            header = bytearray(parts[at].ljust(512, b"\0"))
            place = chance.choice([0, 100, 124, 124, 156, 156, 157, 257, 345])
            trick = chance.choice([*TRICKS, *(bytes([kind]) for kind in b"0123456789LKxgSMDVX")])
            header[place : place + len(trick)] = trick
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            parts[at] = bytes(header)
        elif act == 1:
            name = chance.choice(NAMES).encode()
            key = chance.choice(["path", "linkpath", "size", "GNU__sparse__name", "mtime"])
            value = chance.choice([name, b"5", b"99999999999999", b"-1", b""])
            parts.insert(at, pax(chance.choice([b"x", b"g"]), **{key: value}))
        else:
            name = chance.choice(NAMES + TARGETS).encode() + b"\0"
            parts.insert(
                at, tar_header(b"long", octal(len(name)), chance.choice([b"L", b"K"])) + blocks(name)
            )
    return b"".join(parts)


def archive(chance: random.Random) -> bytes:
    entries = items(chance)
    if chance.randrange(3) == 0:
        data = zipped(
            *(item for item in entries if item.kind != tarfile.LNKTYPE), method=chance.choice([0, 8])
        )
        return damaged(data, chance)
    data = tar(*entries, style=chance.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
    data = data.rstrip(b"\0")
    data = damaged_tar(data.ljust(len(data) + -len(data) % 512, b"\0") + END, chance)
    if chance.randrange(3) == 0:
        data = damaged(data, chance)
    # A process each, so not as often as the others.
    compression = chance.choice([*COMPRESSIONS, *(name for name in COMPRESSIONS if name != "zstd")] * 2)
    data = COMPRESSIONS[compression](data)
    return damaged(data, chance) if chance.randrange(3) == 0 else data


def offences(release: Path) -> Iterator[str]:
    """What an unpacked release must not have."""
    total = 0
    for each in release.rglob("*"):
        found = each.lstat()
        if each.is_symlink():
            target = Path(os.path.normpath(each.parent / os.readlink(each)))
            if release not in (target, *target.parents):
                yield f"{each} leads to {target}"
            inside = Path(os.path.realpath(each))
            if release not in (inside, *inside.parents):
                yield f"{each} leads to {inside} in the end"
        elif not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            yield f"{each} is neither a file nor a folder"
        elif stat.S_IMODE(found.st_mode) & 0o7022:
            yield f"{each} has the mode {stat.S_IMODE(found.st_mode):o}"
        total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    if total > RULES.max_bytes:
        yield f"it has {total} bytes"


def outside(ground: Path) -> dict[str, Any]:
    return {
        str(each.relative_to(ground)): (
            each.lstat().st_mode,
            each.lstat().st_nlink if each.is_file() else 0,
            each.read_bytes() if each.is_file() else b"",
        )
        for each in ground.rglob("*")
        if "inside" not in each.relative_to(ground).parts
    }


def too_long(_signal: int, _frame: object) -> None:
    raise TimeoutError(f"it took more than {CASE_SECONDS} s")


def run_case(seed: int, case: int, ground: Path) -> str:
    """What came of one archive: "unpacked" or "refused"; anything that must not happen is raised."""
    chance = random.Random(f"{seed}:{case}")
    data = archive(chance)
    release, scratch = ground / "inside" / "release", ground / "inside" / "scratch"
    for each in (release, scratch):
        each.mkdir(parents=True)
    signal.setitimer(signal.ITIMER_REAL, CASE_SECONDS)
    try:
        unpack(Stream(data, chance), release, RULES, scratch)
        outcome = "unpacked"
    except StrataError:
        outcome = "refused"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    # Also of what was refused: it is half there.
    found = [*offences(release), *(f"{each} was left" for each in scratch.iterdir())]
    if found:
        raise AssertionError("; ".join(found))
    return outcome


def run(seconds: float, seed: int, cases: Iterator[int] | range) -> dict[str, int]:
    """Run cases until time is up; the first that fails is told with what runs it again."""
    counts = {"unpacked": 0, "refused": 0}
    deadline = time.monotonic() + seconds
    former = signal.signal(signal.SIGALRM, too_long)
    memory = "/dev/shm"
    ground = Path(tempfile.mkdtemp(prefix="strata-fuzz-", dir=memory if os.path.isdir(memory) else None))
    try:
        (ground / "evil").write_bytes(b"as it was")
        before = outside(ground)
        for case in cases:
            if time.monotonic() > deadline:
                break
            try:
                counts[run_case(seed, case, ground)] += 1
                if outside(ground) != before:
                    raise AssertionError(f"something was written outside: {outside(ground)}")
            except BaseException as error:
                again = f"python tests/fuzz/fuzz_unpack.py --seed {seed} --case {case}"
                raise AssertionError(f"{type(error).__name__}: {error}\nTo run it again: {again}") from error
            finally:
                shutil.rmtree(ground / "inside", ignore_errors=True)
    finally:
        signal.signal(signal.SIGALRM, former)
        shutil.rmtree(ground)
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "big"))
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    print(f"Unpacking damaged archives for {options.seconds:.0f} s with the seed {options.seed}", flush=True)
    cases = range(10**9) if options.case is None else range(options.case, options.case + 1)
    try:
        counts = run(options.seconds, options.seed, cases)
    except AssertionError:
        traceback.print_exc()
        return 1
    print(
        f"{sum(counts.values())} archives: {counts['unpacked']} unpacked, {counts['refused']} refused, none did harm"
    )
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
