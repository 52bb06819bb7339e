# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import (
    fill,
    fill_path,
    parse_journeys,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def journey(*steps: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": "Order",
            "steps": [{"name": f"step {number}", **step} for number, step in enumerate(steps, 1)],
        }
    ]


def test_what_is_not_given_has_its_meaning() -> None:
    (parsed,) = parse_journeys(journey({"path": "/", "expect": None, "method": None, "save": None}))
    step = parsed.steps[0]
    assert (step.method, step.json, step.body, step.save, step.expect.status) == ("GET", None, None, {}, ())


@pytest.mark.parametrize(
    ("declared", "error"),
    [
        ([], "no journey"),
        ([{"name": "Order", "steps": []}], "Journey 'Order' has no steps"),
        (journey({"path": "orders"}), "'orders' must begin with a slash"),
        (journey({"path": "/", "json": {}, "body": ""}), "both json and body"),
        (journey({"path": "/", "expect": {"json": {"id": 1}}}), "'id' is not a JSON pointer"),
        (
            journey({"path": "/{order}"}),
            "step 'step 1': it uses {order}, which no earlier step saves; known there: it",
        ),
        (journey({"path": "/", "headers": {"X": "{a} {b}"}}), "{a}, {b}"),
        (journey({"path": "/", "json": [{"x": ["{a}"]}]}), "{a}"),
        (journey({"path": "/", "body": "{a}"}), "{a}"),
        (journey({"path": "/", "expect": {"json": {"/x": "{a}"}}}), "{a}"),
        (journey({"path": "/", "expect": {"contains": "{a}"}}), "{a}"),
        (journey({"path": "/", "expect": {"headers": {"X": "{a}"}}}), "{a}"),
        (journey({"path": "/{a}", "save": {"a": "/a"}}), "{a}"),
    ],
)
def test_what_cannot_be_walked_is_refused_by_journey_and_step(declared: Any, error: str) -> None:
    with pytest.raises(StrataError) as refusal:
        parse_journeys(declared)
    assert error in str(refusal.value)


def test_saved_and_predefined_values_and_braces_that_name_nothing_are_fine() -> None:
    parse_journeys(
        journey(
            {"path": "/{user}/{iteration}/{uuid}", "save": {"order": "Location"}},
            {"path": "{order}", "body": '{"a": {"b": 1}} { me }'},
        )
    )


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{id}", 7),
        ("order {id} of {name}", "order 7 of a b&/ü"),
        ({"{id}": ["{id}", {"n": "{name}"}]}, {"{id}": [7, {"n": "a b&/ü"}]}),
        ("{ id } {1} {}", "{ id } {1} {}"),
        (None, None),
        (1.5, 1.5),
    ],
)
def test_values_take_the_place_of_their_names(value: Any, filled: Any) -> None:
    assert fill(value, {"id": 7, "name": "a b&/ü"}) == filled


def test_half_of_a_surrogate_pair_does_not_end_the_walk() -> None:
    assert fill_path("/{name}", {"name": "\ud800"}) == "/?"


def test_a_path_holds_only_what_a_url_can() -> None:
    assert fill_path("/x/{name}?q={id}", {"id": "#1", "name": "a b/ü%20"}) == "/x/a%20b/%C3%BC%20?q=%231"
