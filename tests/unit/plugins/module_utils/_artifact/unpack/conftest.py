# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.rules import Rules
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.unpack import unpack

DEFAULT = Rules()


class Download:
    """A stream that gives what it likes, at most what is asked for, and can do nothing else."""

    def __init__(self, data: bytes, chunk: int = 1000) -> None:
        self.left = data
        self._chunk = chunk

    def read(self, size: int) -> bytes:
        data = self.left[: min(size, self._chunk)]
        self.left = self.left[len(data) :]
        return data


def everything_below(folder: Path) -> dict[str, bytes]:
    return {
        str(each.relative_to(folder)): each.read_bytes() if each.is_file() else b""
        for each in folder.rglob("*")
        if each.relative_to(folder).parts[0] not in ("inside", "bin")  # where stand-ins for programs lie
    }


@pytest.fixture
def unpacked(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Unpack bytes into an empty folder; that nothing appears or changes beside it is seen to at the end."""
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "evil").write_bytes(b"as it was")
    (tmp_path / "inside").mkdir()
    before = everything_below(tmp_path)

    def run(data: bytes, rules: Rules = DEFAULT, *, chunk: int = 1000) -> Path:
        folder, scratch = tmp_path / "inside" / "release", tmp_path / "inside" / "scratch"
        folder.mkdir()
        scratch.mkdir()
        stream = Download(data, chunk)
        unpack(stream, folder, rules, scratch)
        assert not stream.left, "the stream was not read to its end, so its checksum is not known"
        assert not os.listdir(scratch)
        return folder

    yield run
    assert everything_below(tmp_path) == before
    assert {each.name for each in (tmp_path / "inside").iterdir()} <= {"release", "scratch"}
