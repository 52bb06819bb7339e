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


def test_the_processes_of_a_control_group_are_found_with_those_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the forms of control groups 1, both together, and 2."""
    groups = {
        10: "9:name=systemd:/system.slice/shop.service\n0::/user.slice\n",
        11: "0::/system.slice/shop.service/worker\n",
        12: "0::/system.slice/shop.service2\n",
        13: "0::/system.slice\n",
        os.getpid(): "0::/system.slice/shop.service\n",
    }
    for pid, text in groups.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(text)
    (tmp_path / "14").mkdir()  # it ends while it is looked at
    monkeypatch.setattr(processes, "PROC", tmp_path)
    monkeypatch.setattr(processes, "started", lambda pid: pid * 100)
    found = processes.in_control_group("/system.slice/shop.service")
    assert found == {10: 1000, 11: 1100, os.getpid(): os.getpid() * 100}
    assert processes.in_control_group("/") == processes.in_control_group("") == {}


def test_where_there_is_no_proc_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_args: object, **_kwargs: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", missing)
    monkeypatch.setattr(os, "readlink", missing)
    assert processes.boot_id() == ""
    assert processes.machine_id() == ""
    assert processes.pid_namespace() == ""
    assert processes.started(os.getpid()) == 0
    assert processes.is_running(os.getpid(), 5)


ID = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


@pytest.mark.parametrize(
    ("etc", "dbus", "found"),
    [
        pytest.param(f"{ID}\n", None, ID, id="of the machine"),
        pytest.param(f"{ID}\n", f"{OTHER}\n", ID, id="of the machine before that of D-Bus"),
        pytest.param(ID, None, ID, id="without a line end"),
        pytest.param(None, f"{OTHER}\n", OTHER, id="of D-Bus"),
        pytest.param("", f"{OTHER}\n", OTHER, id="of D-Bus, as the other is empty"),
        pytest.param(None, None, "", id="none"),
        pytest.param("", None, "", id="empty, as in the image of a container"),
        pytest.param("uninitialized\n", None, "", id="of the first boot of an image"),
        pytest.param(f"{'0' * 32}\n", None, "", id="zeros"),
        pytest.param(f"{ID[:-1]}\n", None, "", id="too short"),
        pytest.param(f"{ID}0\n", None, "", id="too long"),
        pytest.param(f"{ID.upper()}\n", None, "", id="capitals"),
        pytest.param(f"{ID[:-1]}\u0663\n", None, "", id="another script's digit"),
    ],
)
def test_a_machine_has_an_id_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, etc: str | None, dbus: str | None, found: str
) -> None:
    paths = (tmp_path / "etc", tmp_path / "dbus")
    for path, text in zip(paths, (etc, dbus)):
        if text is not None:
            path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(processes, "MACHINE_ID", paths)
    assert processes.machine_id() == found


def test_a_machine_id_that_is_no_text_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "id").write_bytes(b"\xff" * 33)
    monkeypatch.setattr(processes, "MACHINE_ID", (tmp_path / "id", tmp_path))
    assert processes.machine_id() == ""
