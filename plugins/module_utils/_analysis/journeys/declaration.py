# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a journey is: steps, what each expects, and the values that it hands on to later ones."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PREDEFINED = ("user", "iteration", "uuid")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True)
class Expectation:
    """What an answer must have; an empty ``status`` is any 2xx, ``json`` is by JSON pointer (RFC 6901)."""

    status: Sequence[int]
    json: Mapping[str, Any]
    contains: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One request. ``save`` maps a variable to a JSON pointer into the answer's body, or to one of its headers."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    json: Any
    body: str | None
    expect: Expectation
    save: Mapping[str, str]

    def placeholders(self) -> set[str]:
        """The variables that the request or the expectations use."""
        texts = (self.path, self.headers, self.json, self.body, self.expect.json, self.expect.contains)
        return _placeholders([*texts, self.expect.headers])


@dataclass(frozen=True)
class Journey:
    """One transaction, whose steps are made in order until one is not answered as expected."""

    name: str
    steps: Sequence[Step]


def parse_journeys(declared: Sequence[Mapping[str, Any]]) -> tuple[Journey, ...]:
    """Journeys from the values of the module's option; what is not given there may be None.

    Raises:
        StrataError: a journey cannot be walked as it is declared.
    """
    journeys = tuple(
        Journey(journey["name"], tuple(_parse_step(step) for step in journey["steps"]))
        for journey in declared
    )
    if not journeys:
        raise StrataError("There is no journey to walk; declare at least one.")
    for journey in journeys:
        _validate(journey)
    return journeys


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """Put variables in place of {name}; a text that is nothing but one placeholder becomes the value itself."""
    if isinstance(value, str):
        whole = _PLACEHOLDER.fullmatch(value)
        if whole:
            return variables[whole[1]]
        return _PLACEHOLDER.sub(lambda match: str(variables[match[1]]), value)
    if isinstance(value, Mapping):
        return {name: fill(item, variables) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill(item, variables) for item in value]
    return value


def fill_path(path: str, variables: Mapping[str, Any]) -> str:
    """Like `fill`, with what a URL cannot hold quoted in the values."""
    # An answer that a value was saved from can hold half of a surrogate pair.
    return _PLACEHOLDER.sub(
        lambda match: quote(str(variables[match[1]]), safe="/%?&=:+,;@~", errors="replace"), path
    )


def _parse_step(step: Mapping[str, Any]) -> Step:
    expect = step.get("expect") or {}
    return Step(
        name=step["name"],
        method=(step.get("method") or "GET").upper(),
        path=step["path"],
        headers=step.get("headers") or {},
        json=step.get("json"),
        body=step.get("body"),
        expect=Expectation(
            status=tuple(expect.get("status") or ()),
            json=expect.get("json") or {},
            contains=expect.get("contains"),
            headers=expect.get("headers") or {},
        ),
        save=step.get("save") or {},
    )


def _validate(journey: Journey) -> None:
    if not journey.steps:
        raise StrataError(f"Journey '{journey.name}' has no steps.")
    known = set(PREDEFINED)
    for step in journey.steps:
        where = f"Journey '{journey.name}', step '{step.name}'"
        if not step.path.startswith(("/", "{")):
            raise StrataError(
                f"{where}: the path '{step.path}' must begin with a slash; it is added to the base URL."
            )
        if step.json is not None and step.body is not None:
            raise StrataError(f"{where}: it has both json and body; a request has one body.")
        for pointer in step.expect.json:
            if pointer and not pointer.startswith("/"):
                raise StrataError(
                    f"{where}: '{pointer}' is not a JSON pointer, which begins with a slash, as in /order/id"
                )
        unknown = sorted(step.placeholders() - known)
        if unknown:
            raise StrataError(
                f"{where}: it uses {', '.join(f'{{{name}}}' for name in unknown)}, which no earlier step saves; "
                f"known there: {', '.join(sorted(known))}."
            )
        known |= set(step.save)


def _placeholders(value: Any) -> set[str]:
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return set().union(*(_placeholders(item) for item in value))
    return set()
