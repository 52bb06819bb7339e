# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import processes


def test_this_process_runs() -> None:
    assert processes.started(os.getpid()) > 0
    assert processes.is_running(os.getpid(), processes.started(os.getpid()))


def test_a_process_whose_start_is_not_known_is_judged_by_its_number() -> None:
    assert processes.is_running(os.getpid(), 0)


def test_a_reused_number_is_another_process() -> None:
    assert not processes.is_running(os.getpid(), processes.started(os.getpid()) - 1)


def test_where_there_is_no_proc_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: object, **_kwargs: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(os, "readlink", missing)
    assert processes.boot_id() == ""
    assert processes.pid_namespace() == ""
    assert processes.started(os.getpid()) == 0
    assert processes.is_running(os.getpid(), 5)
