# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.retention import superfluous
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import (
    Intent,
    Release,
    State,
)


def state(text: str, intent: Intent | None = None) -> State:
    """From ``version:state:order``, as in ``1.0:good:1 2.0:staged:0``."""
    releases = {}
    for word in text.split():
        version, kind, order = word.split(":")
        releases[version] = Release(
            version, kind, "unverified", {}, "/a", f"2026-01-01T00:00:{order:0>2}Z", order=int(order)
        )
    return State(releases, intent)


@pytest.mark.parametrize(
    ("text", "current", "keep", "gone"),
    [
        ("1:good:1 2:good:2 3:good:3", "3", 5, ()),
        ("1:good:1 2:good:2 3:good:3", "3", 2, ("1",)),
        ("1:good:1 2:good:2 3:good:3", "3", 1, ("1",)),
        ("1:good:9 2:good:2 3:good:3", "1", 2, ("2",)),
        ("1:good:1 2:good:2 3:good:3 4:good:4", "1", 1, ("2", "3")),
        ("1:bad:1 2:bad:2 3:good:3", "3", 1, ("1",)),
        ("1:bad:1 2:bad:2", "1", 1, ()),
        ("1:bad:1 2:bad:2 3:good:3", "3", 5, ("1",)),
        ("1:bad:1 2:bad:2 3:good:3", "1", 5, ()),
        ("1:staged:1 2:staged:2 3:good:3", "3", 5, ("1",)),
        ("1:good:1 2:bad:2 3:good:3 4:bad:4 5:good:5", "5", 2, ("1", "2")),
        ("", None, 1, ()),
    ],
)
def test_the_oldest_good_ones_go_and_all_but_the_last_of_the_others(
    text: str, current: str | None, keep: int, gone: tuple[str, ...]
) -> None:
    assert superfluous(state(text), current, keep) == gone


def test_what_could_not_be_deleted_goes_first() -> None:
    assert superfluous(state("1:bad:-1 2:good:2"), "2", 1) == ("1",)
    assert superfluous(state("1:bad:-1 2:good:2 3:bad:3"), "2", 1) == ("1",)


def test_what_an_unfinished_activation_names_stays() -> None:
    text = "1:good:1 2:good:2 3:good:3 4:staged:4 5:staged:5"
    assert superfluous(state(text), "3", 1) == ("1", "4")
    assert superfluous(state(text, Intent("activate", "4", "", "1")), "3", 1) == ()


def test_what_another_tool_made_goes_only_when_that_is_asked_for() -> None:
    found = state("1:good:1 2:good:2 3:bad:3 4:bad:4 5:good:5 6:good:6 7:good:7")
    for version in "1234":
        found = found.put(replace(found.releases[version], adopted=True))
    assert superfluous(found, "7", 2) == ("5",)
    assert superfluous(found, "7", 2, adopted=True) == ("1", "2", "3", "5")


def test_what_is_needed_besides_stays() -> None:
    assert superfluous(state("1:good:1 2:good:2 3:good:3 4:good:4"), "4", 1, besides=("1", None)) == ("2",)
