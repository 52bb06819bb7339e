# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator import attempts
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.attempts import attempted
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration

ITEMS = [Migration("1"), Migration("2")]


class Work:
    """Does one item after another, and fails as it is told: an error for each try."""

    def __init__(self, *errors: StrataError | None, at: str = "2") -> None:
        self.errors = list(errors)
        self.at = at
        self.asked: list[list[str]] = []

    def __call__(self, items: Sequence[Migration]) -> Iterator[str]:
        self.asked.append([each.name for each in items])
        error = self.errors.pop(0) if self.errors else None
        for item in items:
            if error and item.name == self.at:
                raise error
            yield item.name


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(attempts, "time", SimpleNamespace(sleep=found.append))
    return found


def run(work: Work, retries: int = 2, check: Any = lambda: None) -> tuple[list[str], StrataError | None]:
    return attempted(work, ITEMS, retries=retries, lock_timeout=3, check_lock=check)


def test_work_that_succeeds_is_done_once(pauses: list[float]) -> None:
    work = Work()
    assert run(work) == (["1", "2"], None)
    assert (work.asked, pauses) == ([["1", "2"]], [])


def test_what_was_refused_a_lock_is_tried_again_and_what_is_done_is_not(pauses: list[float]) -> None:
    work = Work(LockedError("locked"), LockedError("locked"))
    assert run(work) == (["1", "2"], None)
    assert work.asked == [["1", "2"], ["2"], ["2"]]
    assert len(pauses) == 2
    assert all(3 <= pause <= 6 for pause in pauses)


def test_the_tries_have_an_end_that_is_said_with_their_number(pauses: list[float]) -> None:
    done, error = run(Work(*(LockedError("locked.", at="x") for _ in range(9))), retries=1)
    assert done == ["1"]
    assert str(error).startswith("locked. Tried 2 times with a lock timeout of 3 s, or its own: ")
    assert error
    assert error.details == {"at": "x"}
    assert len(pauses) == 1


def test_progress_begins_the_count_anew(pauses: list[float]) -> None:
    work = Work(LockedError("locked"), at="1")
    work.errors += [LockedError("locked")]
    done, error = run(work, retries=2)
    assert (done, error) == (["1", "2"], None)


@pytest.mark.usefixtures("pauses")
def test_another_failure_ends_the_work() -> None:
    failure = StrataError("broken", at="x")
    assert run(Work(failure)) == (["1"], failure)


@pytest.mark.usefixtures("pauses")
def test_what_went_wrong_before_is_said_with_a_failure_of_a_later_try() -> None:
    _done, error = run(Work(LockedError("locked"), StrataError("broken")))
    assert str(error) == "broken It was tried again after: locked"


@pytest.mark.usefixtures("pauses")
def test_a_lost_lock_ends_the_work_after_the_item_at_hand() -> None:
    def check() -> None:
        raise StrataError("lost")

    done, error = run(Work(), check=check)
    assert (done, str(error)) == (["1"], "lost")
