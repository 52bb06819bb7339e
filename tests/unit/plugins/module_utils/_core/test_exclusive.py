# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import exclusive as module
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive


def test_a_second_one_waits_only_so_long(tmp_path: Path) -> None:
    guard = tmp_path / "guard"
    with (
        exclusive(guard, create=True),
        pytest.raises(StrataError, match=r"kept .*guard locked"),
        exclusive(guard, timeout=0.05),
    ):
        pass


def test_who_waited_for_a_file_that_was_replaced_gets_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "flags.json"
    path.write_text("old")
    opened, refused = threading.Event(), threading.Event()
    wait = module._wait

    def announced_wait(*args: Any) -> None:
        opened.set()
        wait(*args)

    def read() -> None:
        with exclusive(path), pytest.raises(StrataError), exclusive(path, timeout=0):
            pass  # both hold it
        refused.set()

    with exclusive(path):
        monkeypatch.setattr(module, "_wait", announced_wait)
        waiting = threading.Thread(target=read)
        waiting.start()
        assert opened.wait(5)
        (tmp_path / "new").write_text("new")
        os.rename(tmp_path / "new", path)
    waiting.join()
    assert refused.is_set()


def test_a_missing_file_is_made_only_on_demand(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusive(tmp_path / "guard"):
        pass
    with exclusive(tmp_path / "guard", create=True):
        assert (tmp_path / "guard").stat().st_mode & 0o777 == 0o600
