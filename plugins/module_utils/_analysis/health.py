# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health over HTTP: one probe, and waiting for a number of good answers in a row."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._core import http, urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted

PROBE_TIMEOUT = 5.0
"""Seconds for one answer: a probe that hangs must not hide that the process has died meanwhile."""

BODY_LIMIT = 4096
"""Bytes of an answer that are waited for; people are shown its beginning."""

OPTIONS: dict[str, Any] = {
    "url": {"type": "str", "required": True, "no_log": True},
    "status": {"type": "int", "default": 200},
    "successes": {"type": "int", "default": 2},
    "interval": {"type": "float", "default": 0.1},
    "timeout": {"type": "float", "default": 30.0},
    "version_header": {"type": "str"},
    "validate_certs": {"type": "bool", "default": True},
}
"""A health check as modules declare it; `urls.conceal` goes with its ``no_log``."""


@dataclass(frozen=True)
class HealthCheck:
    """What counts as healthy; times in seconds.

    Args:
        version_header: the answer must carry this header with the value ``version``.
    """

    url: str
    status: int = 200
    successes: int = 2
    interval: float = 0.1
    timeout: float = 30.0
    version_header: str | None = None
    version: str | None = None
    validate_certs: bool = True

    def validate(self) -> None:
        """Raise StrataError for what can be seen to be wrong without a request."""
        urls.validate_http(self.url, "health URL")
        if self.successes < 1 or self.interval <= 0 or self.timeout <= 0:
            raise StrataError(
                "Of a health check, successes must be at least 1, interval and timeout above 0."
            )
        if self.version_header and not self.version:
            raise StrataError("A health check with version_header needs the version that it must show.")


@dataclass(frozen=True)
class Answer:
    """One probe: whether it was healthy, and what came back, in words."""

    healthy: bool
    detail: str
    status: int | None = None
    version: str | None = None


@dataclass(frozen=True)
class Health:
    """A health check that passed."""

    attempts: int
    seconds: float
    last: Answer


def probe(check: HealthCheck, timeout: float = PROBE_TIMEOUT) -> Answer:
    """Ask once."""
    bare, headers = urls.credentials(check.url)
    try:
        response = http.request(
            "GET", bare, headers=headers, timeout=timeout, body_limit=BODY_LIMIT,
            validate_certs=check.validate_certs,
        )  # fmt: skip
    except http.UnreachableError as error:
        cause = error.__cause__
        return Answer(False, f"no answer ({str(cause) or type(cause).__name__})")
    version = response.headers.get(check.version_header.lower()) if check.version_header else None
    if response.status != check.status:
        # Concealed before it is cut, because a part of a secret would stay.
        said = blotted(urls.masked(response.text), urls.secrets_in(check.url))
        body = " ".join(said[:200].split())
        return Answer(
            False, f"status {response.status} instead of {check.status}" + (f": {body}" if body else ""),
            response.status, version,
        )  # fmt: skip
    if check.version_header and version != check.version:
        served = f"version {version}" if version else f"no {check.version_header} header"
        return Answer(False, f"{served} instead of version {check.version}", response.status, version)
    return Answer(True, f"status {response.status}", response.status, version)


def wait(check: HealthCheck, alive: Callable[[], None] = lambda: None) -> Health:
    """Poll until ``successes`` answers in a row were healthy.

    Args:
        alive: called before every probe and once after the last; raises when waiting is in vain.

    Raises:
        StrataError: not healthy within the timeout; ``attempts``, ``seconds``, ``last`` in its details.
    """
    check.validate()
    started = time.monotonic()
    attempts = streak = 0
    while True:
        alive()
        remaining = started + check.timeout - time.monotonic()
        answer = probe(check, min(max(remaining, 1.0), PROBE_TIMEOUT))
        attempts += 1
        streak = streak + 1 if answer.healthy else 0
        seconds = round(time.monotonic() - started, 3)
        if streak >= check.successes:
            alive()
            return Health(attempts, seconds, answer)
        if seconds >= check.timeout:
            raise StrataError(
                f"{urls.shown(check.url)} was not healthy {check.successes} times in a row within"
                f" {check.timeout:g} s ({attempts} attempts); the last answer: {answer.detail}.",
                attempts=attempts, seconds=seconds, last=answer.detail,
            )  # fmt: skip
        time.sleep(check.interval)
