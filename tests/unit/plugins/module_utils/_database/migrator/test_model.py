# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrations as every engine speaks of them."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import (
    Applied,
    Drift,
    MigrationOutcome,
    MigrationPlan,
)


def outcome(**more: object) -> MigrationOutcome:
    return MigrationOutcome(
        **{
            "applied": (),
            "rolled_back": (),
            "pending": (),
            "version": None,
            "before": "",
            "after": "",
            **more,
        }
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("more", "changed"),
    [
        ({}, False),
        ({"pending": ("2_b.sql",)}, False),
        ({"applied": ("1_a.sql",)}, True),
        ({"rolled_back": ("1_a.sql",)}, True),
        ({"uncertain": True}, True),
        ({"accepted": ("1_a.sql",)}, True),
    ],
)
def test_a_change_is_what_was_done_or_cannot_be_foreseen(more: dict[str, object], changed: bool) -> None:
    assert outcome(**more).changed is changed


def test_the_version_is_the_last_that_is_wholly_applied() -> None:
    whole, half = Applied("1", "1_a.sql"), Applied("2", "2_b.sql", unfinished="its second statement")
    assert MigrationPlan((whole, half), ()).version == "1"
    assert MigrationPlan((half,), ()).version is None
    assert MigrationPlan((), ()).version is None
    assert MigrationPlan(None, ()).version is None


@pytest.mark.parametrize("problem", ["changed", "missing", "out_of_order"])
def test_each_disagreement_says_what_to_do(problem: str) -> None:
    said = str(Drift("1_a.sql", problem))
    assert said.startswith(("1_a.sql is", "1_a.sql was"))
    assert ": " in said
