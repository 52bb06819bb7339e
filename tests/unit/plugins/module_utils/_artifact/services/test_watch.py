# SPDX-License-Identifier: GPL-3.0-or-later
"""Watching the process that came of a restart, with a service whose supervisor says what the test has it say."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import watch
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch, with_log
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

FORMER = Status("running", "pid 1", 1, "then")
NEW = Status("running", "pid 2", 2, "now")
STARTING = Status("starting", "pid 2", 2, "now")


class Told:
    """A service of which the supervisor says this, the last again and again."""

    NAME = "told"

    def __init__(self, statuses: Iterable[Status], log: list[str] | None = None) -> None:
        self.options = ServiceOptions("told", "shop", min_uptime=0.2)
        self._statuses = list(statuses)
        self._log = log

    def status(self) -> Status:
        return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]

    def log_tail(self) -> list[str]:
        if self._log is None:
            raise StrataError("There is no log.")
        return self._log


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on by a tenth of a second when somebody sleeps."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += 0.1

    monkeypatch.setattr(watch.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(watch.time, "sleep", sleep)


def watching(*statuses: Status, log: list[str] | None = None) -> Watch:
    return Watch(Told(statuses, log), FORMER)  # type: ignore[arg-type]


def test_a_process_that_stays_long_enough_runs() -> None:
    watched = watching(STARTING, NEW)
    assert watched.running(5) == NEW
    assert watch.time.monotonic() >= 0.2


def test_where_nobody_can_say_it_is_not_waited_for() -> None:
    unknown = Status("unknown", "no status command")
    assert watching(unknown).running(5) == unknown


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ((STARTING, Status("stopped", "exit code 3")), r"ended right after its start \(exit code 3\)"),
        ((Status("failed", "exit code 3"),), "ended right after its start"),
        ((NEW, Status("running", "pid 3", 3, "later")), r"ended and was started again \(process 2, then 3\)"),
        ((NEW, Status("running", "pid 2", 2, "later")), r"ended and was started again\."),
        (
            (Status("running", "pid 2", 2, "now", restarts=4),),
            r"ended and was started again \(restarts so far: 4\)",
        ),
        ((FORMER,), "was not restarted: process 1 is still the old one"),
        ((STARTING,), r"was not running within 1 s \(pid 2\)"),
    ],
)
def test_what_does_not_come_up_and_stay_is_an_error(statuses: tuple[Status, ...], why: str) -> None:
    with pytest.raises(StrataError, match=f"Service 'shop' {why}"):
        watching(*statuses, log=[]).running(1)


def test_a_look_is_enough_to_see_that_it_ended() -> None:
    watched = watching(NEW, Status("stopped", "exit code 3"), log=[])
    watched.alive()
    with pytest.raises(StrataError, match="ended right after its start"):
        watched.alive()


def test_the_error_has_the_last_lines_without_secrets() -> None:
    log = [f"line {number}" for number in range(8)] + ["postgresql://shop:s3cret@db/shop"]
    with pytest.raises(StrataError) as caught:
        watching(Status("failed", "exit code 3"), log=log).alive()
    assert len(caught.value.details["log"]) == 9
    assert "line 4" in str(caught.value)
    assert "line 3" not in str(caught.value)
    assert "s3cret" not in f"{caught.value}{caught.value.details}"


def test_a_log_that_cannot_be_had_and_one_that_is_there_already_are_left_alone() -> None:
    assert with_log(StrataError("No."), Told([NEW])).details == {"log": []}  # type: ignore[arg-type]
    error = StrataError("No.", log=["a"])
    assert with_log(error, Told([NEW], ["b"])) is error  # type: ignore[arg-type]
