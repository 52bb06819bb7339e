# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import lzma
from pathlib import Path
from typing import Callable

import pytest
from archives import COMPRESSIONS, file, tar

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_zeros_may_follow(unpacked: Callable[..., Path], name: str) -> None:
    folder = unpacked(COMPRESSIONS[name](tar(file("a"))) + b"\0" * 5000)
    assert [each.name for each in folder.iterdir()] == ["a"]


def test_countless_tiny_streams_are_refused(unpacked: Callable[..., Path]) -> None:
    with pytest.raises(StrataError, match="countless tiny compressed streams"):
        unpacked(gzip.compress(tar(file("a"))) + gzip.compress(b"") * 3000)


def test_a_dictionary_that_needs_gigabytes_is_refused(unpacked: Callable[..., Path]) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 * 1024 * 1024}]
    with pytest.raises(StrataError, match="Memory usage limit exceeded"):
        unpacked(lzma.compress(tar(file("a")), filters=filters))
