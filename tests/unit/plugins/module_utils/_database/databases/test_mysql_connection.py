# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections as far as no server is needed; test_mysql has them with a real one."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_connection import (
    connected,
    message,
    tls_mode,
)


@pytest.mark.parametrize(
    ("parts", "mode"),
    [
        ({}, "prefer"),
        ({"tls": "disable"}, "disable"),
        ({"tls": "require"}, "require"),
        ({"tls": "require", "tls_ca": "/ca"}, "verify-ca"),
        ({"tls": "verify-full", "tls_ca": "/ca"}, "verify-full"),
        ({"tls": "verify-full", "socket": "/s"}, "disable"),
    ],
)
def test_the_tls_mode_that_holds(parts: dict[str, str], mode: str) -> None:
    assert tls_mode(Address("mysql", "shop", "the database", **parts)) == mode  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (Exception(1045, "Access denied"), "Access denied (error 1045)"),
        (Exception(0, ""), "the connection is lost"),
        (Exception(""), "the connection is lost"),
        (OSError("no route"), "no route"),
    ],
)
def test_an_error_of_the_driver_in_words(error: Exception, text: str) -> None:
    assert message(error) == text


def test_a_file_for_tls_that_is_not_there_is_an_error_without_the_password() -> None:
    address = Address(
        "mysql",
        "shop",
        "MySQL database 'shop' on h",
        host="h",
        password="s3cret",
        tls="verify-ca",
        tls_ca="/nowhere",
        secrets=("s3cret",),
    )
    with pytest.raises(StrataError, match=r"Connecting to MySQL database 'shop' on h failed") as raised:
        connected(address, application="test")
    assert "s3cret" not in str(raised.value)
