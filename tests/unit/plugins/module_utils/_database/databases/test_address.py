# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of databases that a server has."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
    check,
    merged,
    read_url,
    server_address,
)


def test_a_url_has_parts_options_and_secrets_in_each_form() -> None:
    read = read_url("postgresql://shop:s3%3Acret@[::1]:5433,db2/shop?sslpassword=hidden&sslmode=require", "x")
    assert read.parts == {
        "user": "shop",
        "password": "s3:cret",
        "database": "shop",
        "host": "::1,db2",
        "port": "5433,",
    }
    assert read.options == {"sslpassword": "hidden", "sslmode": "require"}
    assert read.secrets == {"s3:cret", "s3%3Acret", "hidden"}


@pytest.mark.parametrize(
    "url", ["shop", "mysql://u:s3c/ret@h/d", "mysql://u:s3cret%zz@h/d", "mysql://u:s3cret@h/d#x"]
)
def test_a_malformed_url_is_an_error_that_does_not_show_it(url: str) -> None:
    with pytest.raises(StrataError, match=r"is not of the form mysql://\.\.\.") as caught:
        read_url(url, "mysql://...")
    assert "s3c" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "given", "expected"),
    [
        ({"host": "db1", "port": "1"}, {"host": "db2"}, {"host": "db2", "port": "1"}),
        ({"socket": "/run/s"}, {"host": "db2"}, {"host": "db2"}),
        ({"host": "db1"}, {"socket": "/run/s"}, {"socket": "/run/s"}),
    ],
)
def test_what_is_given_goes_before_the_url(
    parts: dict[str, str], given: dict[str, str], expected: dict[str, str]
) -> None:
    assert merged(parts, given, {}, "connection") == {"password": "", **expected}


def test_the_password_of_the_environment_is_the_last_resort() -> None:
    environ = {PASSWORD_VARIABLE: "of the environment"}
    assert merged({}, {}, environ, "connection")["password"] == "of the environment"
    assert merged({"password": "of the url"}, {}, environ, "connection")["password"] == "of the url"


def test_a_password_file_has_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text("p\n")
    assert merged({}, {"password_file": str(path)}, {}, "connection") == {"password": "p"}


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"host": "h", "socket": "/s"}, "has both host and socket"),
        ({"password": "x", "password_file": "/f"}, "has both password and password_file"),
        ({"socket": "s"}, "no absolute path"),
        ({"port": "0"}, "from 1 to 65535"),
        ({"port": "x"}, "from 1 to 65535"),
        ({"tls": "on"}, "'on' for tls. It is one of disable"),
    ],
)
def test_parts_that_cannot_be_right_are_refused(parts: dict[str, str], why: str) -> None:
    with pytest.raises(StrataError, match=f"The connection has .*{why}|The connection .*{why}"):
        check(parts, "connection")


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ({"host": "db1", "port": "5432"}, "MySQL database 'shop' on db1:5432"),
        ({"host": "::1", "port": "5432"}, "MySQL database 'shop' on [::1]:5432"),
        ({"host": "db1,db2", "port": "1,2"}, "MySQL database 'shop' on db1:1,db2:2"),
        ({"socket": "/run/s"}, "MySQL database 'shop' on /run/s"),
        ({}, "MySQL database 'shop' on the local socket"),
    ],
)
def test_an_address_says_where_the_database_is(parts: dict[str, str], shown: str) -> None:
    address = server_address("mysql", "MySQL", {"database": "shop", **parts}, ())
    assert address.shown == shown


@pytest.mark.parametrize("host", ["a..b", "db1,a..b", "a" * 64, "db 1"])
def test_a_host_that_cannot_be_looked_up_is_refused(host: str) -> None:
    with pytest.raises(StrataError, match="of the MySQL database is not valid"):
        server_address("mysql", "MySQL", {"host": host}, ())


def test_no_secret_of_an_address_is_shown_the_longest_first() -> None:
    address = server_address("mysql", "MySQL", {"password": "s3cret"}, ["s3cret-too"])
    assert address.secrets == ("s3cret-too", "s3cret")
    assert address.scrub("s3cret-too, s3cret") == "***, ***"
    assert "s3cret" not in repr(address)
