# SPDX-License-Identifier: GPL-3.0-or-later
"""Sessions whose tool is a script in the release, here answered by the test."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import LockedError
from ansible_collections.strata.deploy.plugins.module_utils._database.engines import script
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.scripted import ScriptedSession
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration

NOTHING = {"applied": [], "pending": [], "known": [], "heads": [], "drift": []}


def entry(version: str, *parents: str, **more: Any) -> dict[str, Any]:
    return {
        "version": version,
        "name": f"{version}_x",
        "parents": list(parents),
        "docstring": "",
        "contract": False,
        "up": f"CREATE TABLE t{version} (id integer)",
        "down": "",
        "transactional": True,
        "unreadable": "",
        "here": True,
        "applied_at": "",
        "irreversible": "",
        **more,
    }


def contract(version: str, *parents: str) -> dict[str, Any]:
    return entry(version, *parents, contract=True)


class Tool:
    """Answers what the test has it answer, and keeps what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, list[str], dict[str, str]]] = []

    def run(self, verb: str, command: tuple[str, ...], variables: dict[str, str]) -> str:
        self.asked.append((verb, list(command), variables))
        answer = self._answers.pop(0)
        return answer if isinstance(answer, str) else json.dumps(answer)


def session(tool: Tool, **options: Any) -> ScriptedSession:
    more: dict[str, Any] = {"contract": options.pop("contract", ())}
    main: ModuleType = script
    return ScriptedSession(
        EngineOptions(**{"lock_timeout": 3, "statement_timeout": 300, **options}),
        tool,  # type: ignore[arg-type]
        name="Shopper",
        main=main,
        python="python3",
        facts={"SHOP": "1"},
        database=None,
        **more,
    )


def limits_of(asked: Any) -> list[str]:
    """What the script is told to set on a connection to PostgreSQL."""
    limits: list[str] = json.loads(asked[2]["STRATA_SESSIONS"])["postgresql"]["limits"]
    return limits[:2]


def test_a_plan_has_what_is_applied_and_what_is_pending_in_its_phase() -> None:
    answer = {
        **NOTHING,
        "applied": [entry("1")],
        "pending": [contract("2", "1"), entry("3", "1", docstring="strata: lock_timeout=2s")],
    }
    tool = Tool(answer)
    plan = session(tool).plan("expand")
    assert [(item.version, item.phase) for item in plan.applied or ()] == [("1", "expand")]
    assert [(item.name, item.phase) for item in plan.pending or ()] == [
        ("2_x", "contract"),
        ("3_x", "expand"),
    ]
    (asked,) = tool.asked
    assert (asked[0], asked[1][0], asked[1][3:]) == ("plan", "python3", ["plan"])
    assert asked[2]["SHOP"] == "1"
    assert limits_of(asked) == ["SET lock_timeout = 3000", "SET statement_timeout = 300000"]


def test_an_expand_migration_must_not_need_a_contract_one() -> None:
    pending = [contract("2", "1"), entry("3", "2")]
    with pytest.raises(StrataError, match="Expand migration 3_x needs contract migration 2_x"):
        session(Tool({**NOTHING, "applied": [entry("1")], "pending": pending})).plan("expand")
    new = session(Tool({**NOTHING, "pending": [entry("1"), *pending]})).plan("expand")
    assert {item.phase for item in new.pending or ()} == {"expand"}


def test_two_heads_have_no_order() -> None:
    answer = {**NOTHING, "pending": [entry("1"), entry("2")], "heads": ["1", "2"]}
    with pytest.raises(StrataError, match="end in 2 heads, 1_x and 2_x"):
        session(Tool(answer)).plan("expand")


def test_a_contract_migration_that_is_none_of_the_release_is_an_error() -> None:
    with pytest.raises(StrataError, match=r"has 'shop\.0009_x', which is no migration of the release"):
        session(Tool({**NOTHING, "known": ["shop.0001_x"]}), contract=["shop.0009_x"]).plan("expand")


def test_migrations_with_the_same_timeouts_are_applied_together() -> None:
    tool = Tool({"done": ["1_x", "2_x"]}, {"done": ["3_x"]})
    migrations = [Migration("1_x", "1"), Migration("2_x", "2"), Migration("3_x", "3", lock_timeout=9.0)]
    assert list(session(tool).apply(migrations)) == ["1_x", "2_x", "3_x"]
    assert [asked[1][3:] for asked in tool.asked] == [["apply", "1", "2"], ["apply", "3"]]
    assert [limits_of(asked)[0] for asked in tool.asked] == [
        "SET lock_timeout = 3000",
        "SET lock_timeout = 9000",
    ]


FAILED = {
    "done": ["1_x"],
    "migration": "2_x",
    "error": "DriverError: no",
    "locked": False,
    "kept": [],
    "unfinished": "",
}


@pytest.mark.parametrize(
    ("answer", "error", "why"),
    [
        ({}, StrataError, "Applying migration 2_x failed, and nothing of it was kept. DriverError: no."),
        ({"locked": True}, LockedError, "nothing of it was kept"),
        (
            {"kept": ["CREATE TABLE a"]},
            StrataError,
            "half-way, and what it had done .* stays: .* are 1, the last of them CREATE TABLE a",
        ),
        ({"kept": ["CREATE TABLE a"], "locked": True}, StrataError, "half-way"),
        (
            {"unfinished": "CREATE INDEX i", "locked": True},
            StrataError,
            "an invalid index may be left of it: drop that",
        ),
        ({"migration": "", "locked": True}, LockedError, "failed before it was at a migration"),
        (
            {"migration": "", "done": ["1_x", "2_x"]},
            StrataError,
            "The migrations are done, and what Shopper does after them failed",
        ),
    ],
)
def test_a_failure_says_what_stays_and_is_tried_again_only_where_nothing_does(
    answer: dict[str, Any], error: type[StrataError], why: str
) -> None:
    done: list[str] = []
    with pytest.raises(StrataError, match=why) as caught:
        done.extend(session(Tool({**FAILED, **answer})).apply([Migration("1_x", "1"), Migration("2_x", "2")]))
    assert type(caught.value) is error


def test_what_is_secret_in_the_environment_is_not_in_an_error() -> None:
    tool = Tool({"error": "cannot connect as hunter2-s3cret"})
    with pytest.raises(
        StrataError, match="Reading the migrations with the release's Shopper failed"
    ) as caught:
        session(tool, environment={"SHOP_PASSWORD": "hunter2-s3cret"}).plan("expand")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("printed", ["", "not JSON", "[]"])
def test_a_script_that_ends_without_an_answer_is_said(printed: str) -> None:
    with pytest.raises(StrataError, match="ended without an answer"):
        session(Tool(printed)).plan("expand")


def test_what_cannot_be_taken_back_is_refused_before_anything_is() -> None:
    back = {"known": [], "targets": [entry("2", irreversible="it has no way back.")]}
    with pytest.raises(StrataError, match=r"Rolling back migration 2_x is refused: it has no way back\."):
        session(Tool(back)).rollback_plan("1")
    newer = {"known": [], "targets": [contract("3"), entry("2")]}
    with pytest.raises(
        StrataError, match="migration 2_x is refused: contract migration 3_x was applied after it"
    ):
        session(Tool(newer)).rollback_plan("1")


def test_what_is_taken_back_is_what_was_planned() -> None:
    tool = Tool({"known": [], "targets": [entry("2"), entry("1")]}, {"done": ["2_x", "1_x"]})
    one = session(tool)
    targets = one.rollback_plan(None)
    assert list(one.rollback(targets, None)) == ["2_x", "1_x"]
    assert [asked[0] for asked in tool.asked] == ["plan", "rollback"]
    assert tool.asked[1][1][3:] == ["rollback", "2", "1"]
