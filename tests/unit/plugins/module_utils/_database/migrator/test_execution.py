# SPDX-License-Identifier: GPL-3.0-or-later
"""The account that is given of an execution, without a database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import (
    EngineOptions,
    Session,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.execution import Execution
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Migration,
    MigrationPlan,
)

ONE, TWO = Migration("1"), Migration("2")
LATER = Migration("3", phase="contract")
BEFORE = MigrationPlan((), (ONE, TWO, LATER))
DONE = MigrationPlan((), (LATER,))


class Shop:
    """A session and its database: what it does until it fails, and what it says afterwards."""

    def __init__(self, *names: str, failure: StrataError | None = None, after: Any = DONE) -> None:
        self.names = names
        self.failure = failure
        self.after = after
        self.has_lock = lambda: True

    def apply(self, items: Sequence[Any]) -> Iterator[str]:
        yield from self.names
        if self.failure:
            raise self.failure

    def rollback(self, items: Sequence[Any], version: str | None) -> Iterator[str]:
        return self.apply(items)

    def plan(self, phase: str) -> MigrationPlan:
        if isinstance(self.after, StrataError):
            raise self.after
        return cast(MigrationPlan, self.after)


def execution(shop: Shop, *, has_tool: bool = False) -> Execution:
    return Execution(cast(Session, shop), cast(Database, shop), EngineOptions(), has_tool=has_tool)


def apply(shop: Shop, *, has_tool: bool = False) -> None:
    execution(shop, has_tool=has_tool).apply(BEFORE, (ONE, TWO), "expand")


@pytest.mark.parametrize("has_tool", [True, False])
def test_what_succeeds_is_no_error(has_tool: bool) -> None:
    apply(Shop("1", "2"), has_tool=has_tool)


@pytest.mark.parametrize(
    ("shop", "has_tool", "text", "details"),
    [
        (
            Shop("1", failure=StrataError("broken.", migration="2")),
            False,
            "broken. Done before it in this run: 1.",
            {"changed": True, "done": ["1"], "migration": "2"},
        ),
        (
            Shop(failure=StrataError("broken.")),
            False,
            "broken. Done before it in this run: none.",
            {"changed": False, "done": []},
        ),
        (
            Shop(failure=StrataError("broken.", changed=True)),
            False,
            "broken. Done before it in this run: none.",
            {"changed": True, "done": []},
        ),
        (
            Shop(failure=StrataError("broken."), after=MigrationPlan((), (TWO, LATER))),
            True,
            "broken.\nApplied in this run: 1. Still pending: 2.",
            {"changed": True, "done": ["1"], "pending": ["2"]},
        ),
        (
            Shop(after=BEFORE),
            True,
            "The apply command succeeded, and its plan still names migrations as pending.\n"
            "Applied in this run: none. Still pending: 1, 2.",
            {"changed": False, "done": [], "pending": ["1", "2"]},
        ),
        (
            Shop(after=MigrationPlan((), ())),
            True,
            "It also applied what is not for the phase expand: 3. The apply command must heed STRATA_PHASE.\n"
            "Applied in this run: 1, 2, 3. Still pending: none.",
            {"changed": True, "done": ["1", "2", "3"], "pending": []},
        ),
        (
            Shop(after=StrataError("no plan.")),
            True,
            "The apply command succeeded. What is applied now is not known: no plan.",
            {"changed": True},
        ),
    ],
)
def test_a_failure_says_what_is_done_and_what_is_not(
    shop: Shop, has_tool: bool, text: str, details: dict[str, Any]
) -> None:
    with pytest.raises(StrataError) as raised:
        apply(shop, has_tool=has_tool)
    assert (str(raised.value), raised.value.details) == (text, details)


def test_a_lost_lock_is_a_failure() -> None:
    shop = Shop("1", "2")
    shop.has_lock = lambda: False
    with pytest.raises(StrataError, match=r"lock was lost .* Done before it in this run: 1\."):
        apply(shop)


def test_what_is_rolled_back_is_named_and_the_plan_is_that_of_now() -> None:
    targets = (Applied("2", "2"), Applied("1", "1"))
    shop = Shop("2", "1", after=BEFORE)
    assert execution(shop).roll_back(DONE, targets, None, "expand") == (("2", "1"), BEFORE)


def test_of_a_tool_that_does_not_say_it_is_found_out_what_it_rolled_back() -> None:
    shop = Shop(after=BEFORE)
    found = execution(shop, has_tool=True).roll_back(DONE, None, "0", "expand")
    assert found == (("2", "1"), BEFORE)


def test_a_rollback_that_fails_says_what_it_has_done() -> None:
    shop = Shop(failure=StrataError("broken."), after=MigrationPlan((), (TWO, LATER)))
    with pytest.raises(StrataError) as raised:
        execution(shop, has_tool=True).roll_back(DONE, None, "0", "expand")
    assert str(raised.value) == "broken.\nRolled back in this run: 2."
    assert raised.value.details == {"changed": True, "done": ["2"]}
