# SPDX-License-Identifier: GPL-3.0-or-later
"""A new process beside the old one, with HTTP servers behind one address."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact import kinds
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.archive import ArchiveInstaller
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import (
    connect,
    service_options,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

COMMAND: dict[str, Any] = {"manager": "command", "name": "shop", "commands": {"restart": ["true"]}}
WITH_STATUS = {**COMMAND, "commands": {"restart": ["true"], "status": ["true"]}}
RELOAD = {"manager": "systemd", "name": "shop", "mode": "reload"}


class Beside:
    """A service whose versions answer by turns while they run; what was done with it is kept."""

    def __init__(self) -> None:
        self.options = ServiceOptions("beside", "shop", timeout=5, min_uptime=0.2)
        self.running = ["1.0"]
        self.sick: list[str] = []
        self.crashes = self.refuses = False
        self.done: list[str] = []
        self._turn = 0

    def answer(self) -> tuple[int, str]:
        self._turn += 1
        version = self.running[self._turn % len(self.running)]
        return (500 if version in self.sick else 200), version

    def validate(self) -> None:
        pass

    def status(self) -> Status:
        if self.options.version not in self.running:
            return Status("stopped", "not there")
        return (
            Status("failed", "crashed") if self.crashes else Status("running", "up", 8, self.options.version)
        )

    def restart(self, stopped: Callable[[], None]) -> None:
        self.running.append(self.options.version)
        self.done.append("restart")
        if self.refuses:
            raise StrataError("Job for shop failed.")

    def log_tail(self) -> list[str]:
        return ["out of cheese"]

    def doubt(self, status: Status | None, probed: bool) -> str:
        return ""

    def take_over(self) -> None:
        self.running = [self.options.version]
        self.done.append("take over")

    def give_way(self) -> None:
        self.running.remove(self.options.version)
        self.done.append("give way")


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> Beside:
    service = Beside()

    class Installer(ArchiveInstaller):
        def service(self, folder: Path, options: ServiceOptions | None) -> Any:
            service.options = options or service.options
            return service

    monkeypatch.setitem(kinds.PROVIDERS, "archive", Installer)
    return service


@pytest.fixture
def url(beside: Beside) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, version = beside.answer()
            self.send_response(status)
            self.send_header("X-Version", version)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


def activation(**health: Any) -> Activation:
    check = HealthCheck(**{"timeout": 1, "interval": 0.02, **health}) if health else None
    return Activation(service_options({**COMMAND, "timeout": 5, "min_uptime": 0.2}), check)


@pytest.mark.parametrize("health", [False, True], ids=["it stays", "it answers"])
def test_the_old_process_goes_once_the_new_one_is_up(
    root: Path, stage: Callable[..., Any], beside: Beside, url: str, health: bool
) -> None:
    stage("2.0")
    how = activation(url=url, version_header="X-Version", successes=4) if health else activation()
    done = ensure_active(str(root), "2.0", how)
    assert (done.state, beside.done, beside.running) == ("good", ["restart", "take over"], ["2.0"])
    # By turns with the old one it never answers four times in a row.
    assert done.health is None or done.health["version"] == "2.0"


@pytest.mark.parametrize("fault", ["crashes", "refuses", "sick"])
def test_the_old_process_stays_if_the_new_one_does_not_come_up(
    root: Path, stage: Callable[..., Any], beside: Beside, url: str, fault: str
) -> None:
    stage("2.0")
    beside.crashes, beside.refuses, beside.sick = fault == "crashes", fault == "refuses", ["2.0"]
    with pytest.raises(StrataError, match="out of cheese") as raised:
        ensure_active(str(root), "2.0", activation(url=url, version_header="X-Version"))
    assert raised.value.details["state"] == "bad"
    assert raised.value.details["log"] == ["out of cheese"]
    assert (beside.done, beside.running) == (["restart", "give way"], ["1.0"])


def test_a_run_that_is_killed_before_the_old_process_ends_is_finished_by_the_next(
    root: Path,
    stage: Callable[..., Any],
    beside: Beside,
    kill_at: Callable[..., Callable[[], None]],
    killed: type[BaseException],
) -> None:
    stage("2.0")
    alive = kill_at(Beside, "take_over")
    with pytest.raises(killed):
        ensure_active(str(root), "2.0", activation())
    assert beside.running == ["1.0", "2.0"]
    alive()
    beside.running.remove("2.0")
    assert ensure_active(str(root), "2.0", activation()).state == "good"
    assert beside.running == ["2.0"]


@pytest.mark.parametrize(
    ("fault", "health", "finished"),
    [
        (None, False, True),
        (None, True, True),
        ("refuses", False, False),
        ("crashes", False, False),
        ("sick", True, False),
    ],
)
def test_what_a_service_has_noted_goes_once_the_release_is_up(
    root: Path,
    stage: Callable[..., Any],
    beside: Beside,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: str | None,
    health: bool,
    finished: bool,
) -> None:
    noted: list[str] = []
    monkeypatch.setattr(Beside, "finish", lambda self: noted.append(self.options.notes), raising=False)
    stage("2.0")
    beside.crashes, beside.refuses, beside.sick = (
        fault == "crashes",
        fault == "refuses",
        ["2.0"] * (fault == "sick"),
    )
    how = activation(url=url, version_header="X-Version") if health else activation()
    with contextlib.suppress(StrataError):
        ensure_active(str(root), "2.0", how)
    assert noted == ([str(root / ".strata")] if finished else [])


@pytest.mark.parametrize(
    ("given", "health", "doubt"),
    [
        (RELOAD, None, "it is reloaded and its main process stays"),
        (RELOAD, HealthCheck("http://h/"), "Give the health check a version"),
        (RELOAD, HealthCheck("http://h/", version_header="X"), None),
        ({"manager": "systemd", "name": "shop"}, None, None),
        (COMMAND, None, "give it a status command, or a health check"),
        (COMMAND, HealthCheck("http://h/"), "was restarted cannot"),
        (COMMAND, HealthCheck("http://h/", version_header="X"), None),
        (WITH_STATUS, None, "print the process id first"),
        (None, None, None),
    ],
)
def test_what_cannot_be_told_is_said(given: Any, health: HealthCheck | None, doubt: str | None) -> None:
    how = Activation(service_options(given), health)
    doubts = how.doubts(connect(how.service), Status("running", "up") if given else None)
    assert len(doubts) == (1 if doubt else 0)
    assert not doubt or doubt in doubts[0]


def test_who_tells_the_main_process_is_not_doubted() -> None:
    how = Activation(service_options(WITH_STATUS))
    assert how.doubts(connect(how.service), Status("running", "up", 7)) == ()
