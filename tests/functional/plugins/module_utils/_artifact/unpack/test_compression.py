# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import importlib
import lzma
import os
import random
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, Callable

import pytest
from archives import COMPRESSIONS, file, tar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack import compression
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._core import pipe
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

COMPRESSED = [name for name in COMPRESSIONS if name != "plain"]
NOISE = random.Random(5).randbytes(300_000)


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_cut_short_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    data = COMPRESSIONS[name](tar(file("a", NOISE)))
    with pytest.raises(StrataError, match="not an intact archive"):
        unpacked(data[:-2000])


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_cut_at_its_very_end_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    with pytest.raises(StrataError, match="not an intact archive"):
        unpacked(COMPRESSIONS[name](tar(file("a")))[:-2])


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_wrong_checksum_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    data = bytearray(COMPRESSIONS[name](tar(file("a", NOISE))))
    data[len(data) // 2] ^= 1
    with pytest.raises(StrataError, match="not an intact archive"):
        unpacked(bytes(data))


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_no_tar_inside_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    with pytest.raises(StrataError, match="what is compressed in it is neither a tar"):
        unpacked(COMPRESSIONS[name](b"hello " * 500))


@pytest.mark.parametrize("name", COMPRESSED)
def test_nothing_inside_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    with pytest.raises(StrataError, match="what is compressed in it is neither a tar"):
        unpacked(COMPRESSIONS[name](b""))


@pytest.mark.parametrize("name", COMPRESSED)
def test_data_after_the_end_is_an_error(unpacked: Callable[..., Path], name: str) -> None:
    with pytest.raises(StrataError, match="not an intact archive"):
        unpacked(COMPRESSIONS[name](tar(file("a"))) + b"something else, and more of it")


@pytest.mark.parametrize("name", COMPRESSED)
def test_several_streams_are_one(unpacked: Callable[..., Path], name: str) -> None:
    plain = tar(file("a", NOISE))
    parts = [plain[start : start + 50_000] for start in range(0, len(plain), 50_000)]
    release = unpacked(b"".join(COMPRESSIONS[name](part) for part in parts))
    assert (release / "a").read_bytes() == NOISE


def test_a_skippable_frame_may_come_first(unpacked: Callable[..., Path]) -> None:
    folder = unpacked(b"\x53\x2a\x4d\x18\x04\0\0\0abcd" + COMPRESSIONS["zstd"](tar(file("a"))))
    assert [each.name for each in folder.iterdir()] == ["a"]


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_stream_that_unpacks_to_nothing_has_an_end_too(unpacked: Callable[..., Path], name: str) -> None:
    """Whoever sends it can send without end what unpacks to nothing."""
    data = COMPRESSIONS[name](b"") * 20_000
    with pytest.raises(StrataError, match=r"countless|far larger|neither a tar"):
        unpacked(data, Rules(max_bytes=1000, max_entries=1))


def test_a_window_that_needs_gigabytes_is_refused(unpacked: Callable[..., Path]) -> None:
    command = ["zstd", "-cq", "--long=30", "--no-content-size"]
    plain = tar(file("a", NOISE))
    packed = subprocess.run(command, input=plain, stdout=subprocess.PIPE, check=True).stdout
    with pytest.raises(StrataError, match=r"not an intact archive: .*(memory|[Ww]indow)"):
        unpacked(packed)


@pytest.fixture
def no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python older than 3.14."""
    found = importlib.import_module

    def look(name: str, *more: Any) -> types.ModuleType:
        if name == "compression.zstd":
            raise ImportError(name)
        return found(name, *more)

    monkeypatch.setattr(importlib, "import_module", look)


@pytest.mark.usefixtures("no_library")
def test_without_zstd_the_package_is_named(
    unpacked: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = COMPRESSIONS["zstd"](tar(file("a")))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(StrataError, match="Install the package zstd on it"):
        unpacked(data)


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (tar(file("a")), Rules()),
        (tar(file("../a"), file("b", NOISE * 10)), Rules()),
        (tar(file("a", NOISE * 10)), Rules(max_bytes=1000)),
    ],
    ids=["all is well", "refused early", "a bomb"],
)
def test_the_program_is_ended_whatever_happens(
    unpacked: Callable[..., Path], data: bytes, rules: Rules
) -> None:
    before = children()
    with contextlib.suppress(StrataError):
        unpacked(COMPRESSIONS["zstd"](data), rules)
    assert children() == before


@pytest.mark.usefixtures("no_library")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 0", "ended before the end"),
        ("echo no memory >&2; exit 3", "failed with exit code 3: no memory"),
        ("kill -9 $$", "was ended by signal 9"),
        ("head -c 100000 >/dev/null; exit 0", "ended before the end"),
        ("exec sleep 60 1>&-", "did not end within 0.1 s"),
        ("exec 1>&-; cat >/dev/null; exit 4", "failed with exit code 4"),
        ("exec 0<&-; head -c 2000 /dev/zero; exit 1", "failed with exit code 1"),
    ],
)
def test_a_program_that_dies_is_told(
    unpacked: Callable[..., Path],
    environment_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    why: str,
) -> None:
    if "sleep" in script:
        monkeypatch.setattr(pipe, "ENDING", 0.1)
    data = COMPRESSIONS["zstd"](tar(file("a", NOISE)))
    stand_in = environment_path / "zstd"
    stand_in.write_text(f"#!/bin/bash\n{script}\n")
    stand_in.chmod(0o755)
    with pytest.raises(StrataError, match=f"{why}|neither a tar"):
        unpacked(data)


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="it has its own")
def test_the_library_of_a_newer_python_is_used(
    unpacked: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its decompressor has the form of those of bzip2 and xz; one of these stands for it."""
    library = types.SimpleNamespace(ZstdDecompressor=lzma.LZMADecompressor)
    monkeypatch.setitem(sys.modules, "compression", types.ModuleType("compression"))
    monkeypatch.setitem(sys.modules, "compression.zstd", library)
    head = COMPRESSIONS["zstd"](b"")
    with compression.decompressed(head, Stream(COMPRESSIONS["xz"](b"plain"))) as stream:
        assert stream is not None
        assert stream.read(10) == b"plain"
        assert stream.read(10) == b""


class Stream:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, size: int) -> bytes:
        data, self._data = self._data[:size], self._data[size:]
        return data
