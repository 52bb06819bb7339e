# SPDX-License-Identifier: GPL-3.0-or-later
"""How verbs on releases show a state, and fail."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.outcome import (
    os_errors_named,
    view,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.state import Release, State
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_a_side_of_a_diff_has_the_releases_in_order() -> None:
    releases = {
        version: Release(version, state, "unverified", {}, "/a", "2026-01-01T00:00:00Z")
        for version, state in (("2.0", "staged"), ("1.0", "good"))
    }
    shown = view(State(releases), "1.0")
    assert shown == {"current": "1.0", "releases": {"1.0": "good", "2.0": "staged"}}
    assert list(shown["releases"]) == ["1.0", "2.0"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(28, "No space left on device", "/srv"), "Staging 2.0: No space left on device (/srv)."),
        (OSError(5, "Input/output error"), "Staging 2.0: Input/output error."),
        (OSError("odd"), "Staging 2.0: odd."),
    ],
)
def test_what_the_file_system_refuses_says_what_was_tried(error: OSError, text: str) -> None:
    with pytest.raises(StrataError) as caught, os_errors_named("Staging 2.0", changed=True):
        raise error
    assert (str(caught.value), caught.value.details) == (text, {"changed": True})


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), os_errors_named("Staging 2.0"):
        raise ZeroDivisionError
