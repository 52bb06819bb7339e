# SPDX-License-Identifier: GPL-3.0-or-later
"""How servers are asked, and which URLs are of the same one."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access, origin
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_secrets_are_for_the_artifacts_own_server_alone() -> None:
    access = Access({"X-Token": "s3cret"}, "anna", "s3cret", "/cert", "/key", ca_path="/ca", retries=7)
    assert access.for_another_server() == Access(ca_path="/ca", retries=7)


def test_secrets_are_not_in_its_text() -> None:
    assert "s3cret" not in repr(Access({"X-Token": "s3cret"}, "anna", "s3cret"))


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"headers": {"X Token": "a"}}, "header 'X Token'"),
        ({"headers": {"X-Token": "a\r\nHost: evil"}}, "header 'X-Token'"),
        ({"timeout": 0.0}, "above 0"),
        ({"retries": -1}, "retries"),
        ({"password": "s3cret"}, "no username"),
        ({"client_key": "/key"}, "no client_cert"),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Access(**options).validate()


def test_what_can_work_is_not() -> None:
    Access({"X-Token": "a b"}, "anna", "s3cret", "/cert", "/key").validate()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://h/a", "https://h:443/b", True),
        ("http://h/a", "http://H:80/b", True),
        ("https://anna:s3cret@h/a", "https://h/b", True),
        ("https://h/a", "http://h/a", False),
        ("https://h/a", "https://h:8443/a", False),
        ("https://h/a", "https://h2/a", False),
    ],
)
def test_a_server_is_a_scheme_a_host_and_a_port(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same
