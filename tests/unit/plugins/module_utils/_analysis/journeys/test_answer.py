# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an answer is what a step expects, and what is saved of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.answer import (
    UnexpectedError,
    check,
    saved,
)
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import (
    Expectation,
    Step,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.http import Response


def response(body: Any = None, status: int = 200, **headers: str) -> Response:
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(status, {name.lower(): value for name, value in headers.items()}, text.encode())


def step(save: dict[str, str] | None = None, **expect: Any) -> Step:
    expected = Expectation(**{"status": (), "json": {}, "contains": None, "headers": {}, **expect})
    return Step("step", "GET", "/", {}, None, None, expected, save or {})


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        ({}, response(status=204)),
        ({"status": (404, 410)}, response(status=410)),
        ({"headers": {"X-Release": "2.0"}}, response(**{"X-Release": "2.0"})),
        ({"contains": "a {word}"}, response("say a green thing")),
        ({"json": {"/items/0/id": 7, "/a~1b": None}}, response({"items": [{"id": 7}], "a/b": None})),
        ({"json": {"": [1]}}, response([1])),
    ],
)
def test_an_answer_that_is_as_expected_passes(expect: dict[str, Any], answer: Response) -> None:
    check(step(**expect), answer, {"word": "green"})


@pytest.mark.parametrize(
    ("expect", "answer", "name", "expected", "got"),
    [
        ({}, response("oops", 500), "status", "status 2xx", "status 500 with 'oops'"),
        (
            {"status": (200, 201)},
            response("", 404),
            "status",
            "status 200 or 201",
            "status 404 with an empty body",
        ),
        (
            {"headers": {"X-Release": "2.0"}},
            response(),
            "header X-Release",
            "header X-Release: 2.0",
            "header X-Release: None",
        ),
        (
            {"contains": "tea"},
            response("coffee"),
            "contains",
            "a body that contains 'tea'",
            "status 200 with 'coffee'",
        ),
        ({"json": {"/n": 1}}, response({"n": 2}), "json /n", "/n = 1", "/n = 2"),
        ({"json": {"/n": 1}}, response({"n": True}), "json /n", "/n = 1", "/n = true"),
        ({"json": {"/n": 1}}, response({}), "json /n", "JSON with /n", "'{}'"),
        ({"json": {"/n/0": 1}}, response({"n": []}), "json /n/0", "JSON with /n/0", """'{"n": []}'"""),
        ({"json": {"/n": 1}}, response("<html>"), "json /n", "JSON with /n", "'<html>'"),
    ],
)
def test_what_is_not_as_expected_names_the_expectation(
    expect: dict[str, Any], answer: Response, name: str, expected: str, got: str
) -> None:
    with pytest.raises(UnexpectedError) as caught:
        check(step(**expect), answer, {})
    assert (caught.value.check, caught.value.expected, caught.value.got) == (name, expected, got)


def test_a_long_body_is_shown_in_part() -> None:
    with pytest.raises(UnexpectedError) as caught:
        check(step(), response("x" * 300, 500), {})
    assert caught.value.got == f"status 500 with '{'x' * 200}...'"


def test_values_are_saved_from_the_body_and_the_headers() -> None:
    answer = response({"id": 7}, Location="/orders/7")
    assert saved(step({"id": "/id", "all": "", "where": "location"}), answer) == {
        "id": 7,
        "all": {"id": 7},
        "where": "/orders/7",
    }


@pytest.mark.parametrize(("source", "name"), [("/none", "json /none"), ("X-None", "header X-None")])
def test_a_value_that_is_not_there_cannot_be_saved(source: str, name: str) -> None:
    with pytest.raises(UnexpectedError) as caught:
        saved(step({"id": source}), response({"id": 7}))
    assert caught.value.check == name
