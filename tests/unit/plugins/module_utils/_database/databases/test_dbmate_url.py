# SPDX-License-Identifier: GPL-3.0-or-later
"""The URLs that dbmate gets."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.dbmate_url import (
    server_url,
    with_parameters,
)


@pytest.mark.parametrize(
    ("parts", "place", "url"),
    [
        ({"host": "db1", "port": "5432"}, None, "mysql://db1:5432/shop?a=b%20c"),
        ({"host": "::1"}, None, "mysql://[::1]/shop?a=b%20c"),
        ({}, None, "mysql://localhost/shop?a=b%20c"),
        (
            {"host": "db1", "user": "an na", "password": "p@ss:/"},
            None,
            "mysql://an%20na:p%40ss%3A%2F@db1/shop?a=b%20c",
        ),
        ({"host": "db1"}, "elsewhere", "mysql://elsewhere/shop?a=b%20c"),
    ],
)
def test_each_part_is_encoded(parts: dict[str, str], place: str | None, url: str) -> None:
    assert server_url(Address("mysql", "shop", "shop", **parts), place, {"a": "b c"}) == url  # type: ignore[arg-type]


def test_several_hosts_are_an_error() -> None:
    with pytest.raises(StrataError, match="dbmate connects to one host, and MySQL 'shop' has several"):
        server_url(Address("mysql", "shop", "MySQL 'shop'", host="db1,db2"), None, {})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mysql://h/d", "mysql://h/d?a=1&b=2"),
        ("mysql://h/d?c=3", "mysql://h/d?c=3&a=1&b=2"),
        ("mysql://h/d?a=", "mysql://h/d?a=&b=2"),
        ("mysql://h/d?a=5&b=6", "mysql://h/d?a=5&b=6"),
    ],
)
def test_parameters_of_the_url_itself_are_kept(url: str, expected: str) -> None:
    assert with_parameters(url, {"a": 1, "b": 2}) == expected
