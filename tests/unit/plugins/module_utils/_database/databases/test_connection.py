# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of databases, read from URLs, single options, files and the environment."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import (
    Address,
    resolve,
)


def given(address: Address) -> dict[str, Any]:
    """What an address has, its system and its secrets left out."""
    values = {field.name: getattr(address, field.name) for field in fields(address)}
    known = ("system", "shown", "is_file", "secrets")
    return {name: value for name, value in values.items() if value and name not in known}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://sh%40p:p%3Aw@db1:5433/sh%2Fop",
            {"user": "sh@p", "password": "p:w", "host": "db1", "port": "5433", "database": "sh/op"},
        ),
        ("postgres://db1/shop", {"host": "db1", "database": "shop"}),
        ("  postgresql://db1/shop\n", {"host": "db1", "database": "shop"}),
        ("postgresql:///shop", {"database": "shop"}),
        ("postgresql://", {}),
        ("postgresql://a:1,b,[::1]:3/shop", {"host": "a,b,::1", "port": "1,,3", "database": "shop"}),
        ("postgresql://%2Frun%2Fpg/shop", {"socket": "/run/pg", "database": "shop"}),
        (
            "postgresql:///shop?host=/run/pg&port=5433",
            {"socket": "/run/pg", "port": "5433", "database": "shop"},
        ),
        (
            "postgresql://x/y?dbname=shop&user=u&password=p%20w",
            {"host": "x", "database": "shop", "user": "u", "password": "p w"},
        ),
        (
            "postgresql://db1/shop?sslmode=verify-full&sslrootcert=/ca&sslcert=/c&sslkey=/k",
            {
                "host": "db1",
                "database": "shop",
                "tls": "verify-full",
                "tls_ca": "/ca",
                "tls_cert": "/c",
                "tls_key": "/k",
            },
        ),
        ("postgresql://db1/shop?ssl=true", {"host": "db1", "database": "shop", "tls": "require"}),
        (
            "postgresql://a,b/shop?target_session_attrs=read-write&options=-crole%3Downer",
            {
                "host": "a,b",
                "database": "shop",
                "options": {"target_session_attrs": "read-write", "options": "-crole=owner"},
            },
        ),
        (
            "mysql://shop:p%3Aw@db1:3307/shop",
            {"user": "shop", "password": "p:w", "host": "db1", "port": "3307", "database": "shop"},
        ),
        ("mariadb://db1/shop", {"host": "db1", "database": "shop"}),
        ("mysql:///shop", {"host": "localhost", "database": "shop"}),
        (
            "mysql://shop@/shop?socket=/run/mysqld.sock",
            {"user": "shop", "socket": "/run/mysqld.sock", "database": "shop"},
        ),
        (
            "mysql://localhost/shop?socket=/run/mysqld.sock",
            {"socket": "/run/mysqld.sock", "database": "shop"},
        ),
        (
            "mysql://db1/shop?tls=verify-ca&tls_ca=/ca&tls_cert=/c&tls_key=/k",
            {
                "host": "db1",
                "database": "shop",
                "tls": "verify-ca",
                "tls_ca": "/ca",
                "tls_cert": "/c",
                "tls_key": "/k",
            },
        ),
        ("sqlite:///srv/a%20shop%3F.db", {"database": "/srv/a shop?.db"}),
        ("sqlite:////srv/shop.db", {"database": "/srv/shop.db"}),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: dict[str, Any]) -> None:
    assert given(resolve(url, None, {})) == expected


@pytest.mark.parametrize(
    ("connection", "system", "expected"),
    [
        (
            {
                "system": "mysql",
                "host": "db1",
                "port": 3307,
                "user": "u",
                "password": "p",
                "tls": "require",
                "socket": None,
            },
            "mysql",
            {
                "host": "db1",
                "port": "3307",
                "user": "u",
                "password": "p",
                "tls": "require",
                "database": "shop",
            },
        ),
        ({"system": "mysql"}, "mysql", {"host": "localhost", "database": "shop"}),
        (
            {"system": "postgresql", "socket": "/run/pg"},
            "postgresql",
            {"socket": "/run/pg", "database": "shop"},
        ),
        (
            {"system": "postgresql", "socket": "/run/pg/.s.PGSQL.5433"},
            "postgresql",
            {"socket": "/run/pg", "port": "5433", "database": "shop"},
        ),
    ],
)
def test_single_options_are_enough(connection: dict[str, Any], system: str, expected: dict[str, Any]) -> None:
    address = resolve(None, {"database": "shop", **connection}, {})
    assert address.system == system
    assert given(address) == expected


def test_sqlite_needs_its_path_alone() -> None:
    address = resolve(None, {"system": "sqlite", "database": "/srv/shop.db"}, {})
    assert (address.database, address.shown) == ("/srv/shop.db", "SQLite database /srv/shop.db")


@pytest.mark.parametrize(
    ("connection", "changed"),
    [
        ({"password": "new"}, {"password": "new"}),
        ({"user": "u", "port": 7, "database": "other"}, {"user": "u", "port": "7", "database": "other"}),
        ({"host": "db2"}, {"host": "db2"}),
        ({"socket": "/run/pg"}, {"host": "", "socket": "/run/pg"}),
        ({"tls": "verify-full", "tls_ca": "/ca"}, {"tls": "verify-full", "tls_ca": "/ca"}),
    ],
)
def test_an_option_wins_over_the_same_part_of_the_url(
    connection: dict[str, Any], changed: dict[str, str]
) -> None:
    url = "postgresql://shop:old@db1:5433/shop?sslmode=require&options=-cx%3D1"
    before = given(resolve(url, None, {}))
    expected = {name: value for name, value in {**before, **changed}.items() if value}
    assert given(resolve(url, connection, {})) == expected


def test_a_host_wins_over_the_socket_of_the_url() -> None:
    address = resolve("mysql:///shop?socket=/run/mysqld.sock", {"host": "db1"}, {})
    assert (address.host, address.socket) == ("db1", "")


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text("from a file\r\nsecond line\n")
    return path


@pytest.mark.parametrize(
    ("url", "connection", "expected"),
    [
        ("mysql://shop:url@db1/shop", {}, "url"),
        ("mysql://shop@db1/shop", {}, "environment"),
        ("mysql://shop:@db1/shop", {}, "environment"),
        ("mysql://shop:url@db1/shop", {"password": "option"}, "option"),
        ("mysql://shop:url@db1/shop", {"password_file": "FILE"}, "from a file"),
        ("mysql://shop@db1/shop", {"password_file": "FILE"}, "from a file"),
    ],
)
def test_the_password_comes_from_the_nearest_place(
    password_file: Path, url: str, connection: dict[str, str], expected: str
) -> None:
    if "password_file" in connection:
        connection = {"password_file": str(password_file)}
    address = resolve(url, connection, {"STRATA_DATABASE_PASSWORD": "environment"})
    assert address.password == expected
    assert expected in address.secrets


def test_sqlite_has_no_password() -> None:
    address = resolve("sqlite:///srv/shop.db", None, {"STRATA_DATABASE_PASSWORD": "environment"})
    assert (address.password, address.secrets) == ("", ())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_password_that_others_may_read_is_not_used(password_file: Path, mode: int) -> None:
    password_file.chmod(mode)
    with pytest.raises(StrataError, match=rf"mode {mode:04o}.* `chmod 600 {password_file}`") as caught:
        resolve("mysql://shop@db1/shop", {"password_file": str(password_file)}, {})
    assert "from a file" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\nsecond line\n", "first line .* is empty"),
        (b"\xff\xfe\n", "failed: it is no text"),
        (None, "failed: No such file or directory"),
    ],
)
def test_a_file_without_a_password_is_an_error(
    password_file: Path, content: bytes | None, message: str
) -> None:
    if content is None:
        password_file.unlink()
    else:
        password_file.write_bytes(content)
    with pytest.raises(StrataError, match=message):
        resolve("mysql://shop@db1/shop", {"password_file": str(password_file)}, {})


@pytest.mark.parametrize(
    ("url", "connection", "message"),
    [
        (None, None, "No database is given"),
        (" ", {"host": None}, "No database is given"),
        (None, {"host": "db1"}, "connection.system is missing"),
        (
            None,
            {"system": "oracle"},
            "There is no database system 'oracle' (known: mysql, postgresql, sqlite)",
        ),
        (None, {"system": "mysql", "hostname": "db1"}, "'hostname' is unknown (did you mean 'host'?"),
        (None, {"system": "mysql", "host": "db1"}, "Which database on the MySQL server"),
        (None, {"system": "postgresql", "host": "db1"}, "Which database on the PostgreSQL server"),
        ("mysql://shop:s3cr3t@db1", None, "Which database on the MySQL server"),
        ("mysql://db1/shop", {"system": "postgresql"}, "url is for the database system 'mysql'"),
        ("oracle://shop:s3cr3t@db1/shop", None, "begins with one of mariadb://, mysql://"),
        ("s3cr3t", None, "begins with one of"),
        ("mysql://shop:s3cr3t@s3cr3t@db1/shop", None, "not of the form mysql://USER"),
        ("mysql://shop:s3cr3t/x@db1/shop", None, "not of the form mysql://USER"),
        ("postgresql://shop:s3cr3t%zz@db1/shop", None, "not of the form postgresql://USER"),
        ("mysql://db1/shop?charset=utf8", None, "has the option charset. A MySQL URL has socket, tls"),
        ("mysql://db1/shop?tls=skip-verify", None, "'skip-verify' for tls. It is one of disable, prefer"),
        ("mysql://db1/shop?socket=/run/x", None, "has both host and socket"),
        ("mysql:///shop?socket=run/x", None, "'run/x', which is no absolute path"),
        ("mysql://db1:99999/shop", None, "has the port 99999"),
        ("mysql://a,b/shop", None, "has several hosts, but a MySQL client connects to one"),
        ("mysql://db1/shop", {"port": 0}, "has the port 0"),
        (
            "mysql://db1/shop",
            {"host": "a", "socket": "/b"},
            "connection of a MySQL database has both host and socket",
        ),
        (
            "mysql://db1/shop",
            {"password": "s3cr3t", "password_file": "/f"},
            "has both password and password_file",
        ),
        ("postgresql://db1/shop", {"tls": "on"}, "value of tls must be one of: disable, prefer"),
        ("sqlite://shop.db", None, "absolute path"),
        ("sqlite:///", None, "absolute path"),
        (None, {"system": "sqlite"}, "absolute path"),
        (None, {"system": "sqlite", "database": "shop.db"}, "absolute path"),
        ("sqlite:///srv/shop.db", {"password": "s3cr3t"}, "'password' is unknown (known: database)"),
    ],
)
def test_what_cannot_be_an_address_is_told_without_the_password(
    url: str | None, connection: dict[str, Any] | None, message: str
) -> None:
    with pytest.raises(StrataError) as caught:
        resolve(url, connection, {})
    assert message in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://shop:s3cr3t@db1:5432/shop", "PostgreSQL database 'shop' on db1:5432"),
        ("postgresql://db1,db2:1/shop", "PostgreSQL database 'shop' on db1,db2:1"),
        ("postgresql://[::1]:5432/shop", "PostgreSQL database 'shop' on [::1]:5432"),
        ("postgresql:///shop", "PostgreSQL database 'shop' on the local socket"),
        ("postgresql:///shop?host=/run/pg", "PostgreSQL database 'shop' on /run/pg"),
        ("mysql:///shop?socket=/run/x", "MySQL database 'shop' on /run/x"),
    ],
)
def test_an_address_is_shown_without_user_and_password(url: str, shown: str) -> None:
    assert resolve(url, None, {}).shown == shown


def test_secrets_are_scrubbed_in_every_form_that_they_have() -> None:
    url = "postgresql://shop:p%40ss@db1/shop?sslpassword=k%40y"
    address = resolve(url, {"password": "other"}, {})
    text = f"{url} p@ss p%40ss k@y k%40y other shop"
    assert address.scrub(text) == "*** *** *** *** *** *** shop"


def test_an_address_holds_its_secrets_out_of_its_representation() -> None:
    text = repr(resolve("postgresql://shop:p%40ss@db1/shop?sslpassword=k%40y", None, {}))
    assert all(secret not in text for secret in ("p@ss", "p%40ss", "k@y", "k%40y"))
