# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    UrlParts,
    check,
    merged,
    read_url,
    server_address,
)

FORM = "made://USER@HOST/DATABASE"


def test_a_url_is_read_without_what_it_does_not_have() -> None:
    assert read_url("made://db1/shop?x=a%20b&password=p%40", FORM) == UrlParts(
        {"host": "db1", "database": "shop"}, {"x": "a b", "password": "p@"}, frozenset({"p%40", "p@"})
    )


def test_a_malformed_url_is_refused_by_its_form_and_not_shown() -> None:
    with pytest.raises(StrataError, match=f"not of the form {FORM}") as caught:
        read_url("made://me:s3cr3t@s3cr3t@db1/shop", FORM)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "given", "expected"),
    [
        ({"host": "a"}, {}, {"host": "a", "password": "environment"}),
        ({"host": "a", "password": "url"}, {"host": "b"}, {"host": "b", "password": "url"}),
        ({"socket": "/s"}, {"host": "b"}, {"host": "b", "password": "environment"}),
        ({"host": "a"}, {"socket": "/s", "password": "p"}, {"socket": "/s", "password": "p"}),
    ],
)
def test_what_is_given_goes_before_the_url(
    parts: dict[str, str], given: dict[str, str], expected: dict[str, str]
) -> None:
    assert merged(parts, given, {"STRATA_DATABASE_PASSWORD": "environment"}, "connection") == expected


def test_a_password_file_has_the_password(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.touch(0o600)
    path.write_text("p\n")
    assert merged({}, {"password_file": str(path)}, {}, "connection") == {"password": "p"}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"host": "a", "socket": "/s"}, "The connection has both host and socket"),
        ({"socket": "s"}, "The connection has the socket 's'"),
        ({"port": "0"}, "The connection has the port 0"),
        ({"tls": "on"}, "The connection has 'on' for tls"),
    ],
)
def test_a_contradiction_is_refused(parts: dict[str, str], message: str) -> None:
    with pytest.raises(StrataError, match=message):
        check(parts, "connection")


def test_an_address_is_shown_with_its_place_and_keeps_its_secrets() -> None:
    address = server_address(
        "made", "Made", {"host": "::1", "port": "1", "database": "d", "password": "p"}, ["", "url"]
    )
    assert address.shown == "Made database 'd' on [::1]:1"
    assert address.secrets == ("url", "p")
    assert address.scrub("url with p in it") == "*** with *** in it"
