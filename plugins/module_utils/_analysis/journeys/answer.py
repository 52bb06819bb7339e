# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an answer is what a step expects, and what it hands on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import Step, fill
from ansible_collections.strata.deploy.plugins.module_utils._core import json_text
from ansible_collections.strata.deploy.plugins.module_utils._core.http import Response


@dataclass(eq=False)
class UnexpectedError(Exception):
    """An answer that is not as expected; ``check`` names the expectation, the same for every user."""

    check: str
    expected: str
    got: str


def check(step: Step, response: Response, variables: Mapping[str, Any]) -> None:
    """Raise UnexpectedError for the first expectation that the answer does not meet."""
    expect = step.expect
    came = f"status {response.status} with {_excerpt(response.text)}"
    if not (response.status in expect.status if expect.status else 200 <= response.status < 300):
        wanted = " or ".join(map(str, expect.status)) or "2xx"
        raise UnexpectedError("status", f"status {wanted}", came)
    for name, value in fill(expect.headers, variables).items():
        actual = response.headers.get(name.lower())
        if actual != str(value):
            raise UnexpectedError(f"header {name}", f"header {name}: {value}", f"header {name}: {actual}")
    contains = expect.contains and str(fill(expect.contains, variables))
    if contains and contains not in response.text:
        raise UnexpectedError("contains", f"a body that contains '{contains}'", came)
    for pointer, value in fill(expect.json, variables).items():
        actual = _at(pointer, response)
        # In Python, true is 1; in JSON it is not.
        if actual != value or isinstance(actual, bool) != isinstance(value, bool):
            raise UnexpectedError(
                f"json {pointer}", f"{pointer} = {json.dumps(value)}", f"{pointer} = {json.dumps(actual)}"
            )


def saved(step: Step, response: Response) -> dict[str, Any]:
    """The values that the step saves from its answer; raises UnexpectedError where one is not there."""
    values: dict[str, Any] = {}
    for variable, source in step.save.items():
        if source.startswith("/") or not source:
            values[variable] = _at(source, response)
        elif source.lower() in response.headers:
            values[variable] = response.headers[source.lower()]
        else:
            raise UnexpectedError(f"header {source}", f"a header {source} to save", "no such header")
    return values


def _at(pointer: str, response: Response) -> Any:
    try:
        value = json_text.parse(response.body)
    except ValueError:
        raise UnexpectedError(f"json {pointer}", f"JSON with {pointer}", _excerpt(response.text)) from None
    for token in pointer.split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(token)] if isinstance(value, list) else value[token]
        except (LookupError, TypeError, ValueError):
            raise UnexpectedError(
                f"json {pointer}", f"JSON with {pointer}", _excerpt(response.text)
            ) from None
    return value


def _excerpt(text: str, length: int = 200) -> str:
    line = " ".join(text.split())
    return f"'{line[:length]}...'" if len(line) > length else f"'{line}'" if line else "an empty body"
