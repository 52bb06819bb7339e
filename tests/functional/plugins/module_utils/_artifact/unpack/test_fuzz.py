# SPDX-License-Identifier: GPL-3.0-or-later
"""A short run of what ``make fuzz`` does for longer, always of the same archives."""

from __future__ import annotations

import os
import random
from pathlib import Path

import fuzz_unpack
import pytest


def test_damaged_archives_do_no_harm() -> None:
    counts = fuzz_unpack.run(30, seed=1, cases=range(600))
    assert min(counts.values()) > 50, counts


def test_a_case_is_the_same_each_time() -> None:
    first, second = (fuzz_unpack.archive(random.Random("7:9")) for _each in range(2))
    assert first == second


def test_harm_is_noticed_and_told_with_what_runs_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpack(_stream: object, folder: Path, *_more: object) -> None:
        os.symlink("../../evil", folder / "l")

    monkeypatch.setattr(fuzz_unpack, "unpack", unpack)
    with pytest.raises(AssertionError, match=r"leads to .*\n.*fuzz_unpack\.py --seed 1 --case 0"):
        fuzz_unpack.run(30, seed=1, cases=range(3))
