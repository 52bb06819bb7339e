# SPDX-License-Identifier: GPL-3.0-or-later
"""What client programs are told; test_mysql has real ones that connect with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import Address
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_client import client


def told(**parts: Any) -> list[str]:
    """The lines of the file that a client program reads."""
    with client(Address("mysql", "shop", "the database", **parts)) as access:
        (option,) = access.arguments
        return Path(option.partition("=")[2]).read_text(encoding="utf-8").splitlines()


def test_the_file_has_all_that_a_program_needs_and_goes_with_the_block() -> None:
    with client(
        Address("mysql", "shop", "the database", host="db1", port="3307", user="me", password='a"b\\c')
    ) as access:
        path = Path(access.arguments[0].partition("=")[2])
        assert path.read_text().splitlines()[:6] == [
            "[client]",
            'host="db1"',
            'port="3307"',
            'protocol="tcp"',
            'user="me"',
            r'password="a\"b\\c"',
        ]
    assert not path.exists()


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ({"host": "h"}, ["loose-ssl-mode=PREFERRED", "[client-mariadb]", "ssl-verify-server-cert=0"]),
        (
            {"host": "h", "tls": "disable", "tls_cert": "/c"},
            ["loose-ssl-mode=DISABLED", "[client-mariadb]", "ssl=0", "ssl-verify-server-cert=0"],
        ),
        (
            {"host": "h", "tls": "require", "tls_ca": "/ca", "tls_cert": "/c", "tls_key": "/k"},
            [
                *('ssl-ca="/ca"', 'ssl-cert="/c"', 'ssl-key="/k"', "loose-ssl-mode=VERIFY_CA"),
                *("[client-mariadb]", "ssl=1", "ssl-verify-server-cert=1"),
            ],
        ),
        (
            {"host": "h", "tls": "verify-full"},
            ["loose-ssl-mode=VERIFY_IDENTITY", "[client-mariadb]", "ssl=1", "ssl-verify-server-cert=1"],
        ),
        (
            {"socket": "/s", "tls": "verify-full"},
            ["loose-ssl-mode=DISABLED", "[client-mariadb]", "ssl=0", "ssl-verify-server-cert=0"],
        ),
    ],
)
def test_each_tls_mode_is_said_in_the_words_of_both(parts: dict[str, str], lines: list[str]) -> None:
    assert told(**parts)[-len(lines) :] == lines
