# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/a", "http://h/a"),
        ("http://h:80/a?X-Signature=abc#f", "http://h:80/a"),
        ("https://anna:pw@h:80/a", "https://h:80/a"),
        ("https://anna:p@w@h/a", "https://h/a"),
        ("http://anna:pw@h:port/a", "(a malformed URL)"),
        ("http://anna:pw@[h/a", "(a malformed URL)"),
    ],
)
def test_a_url_is_shown_without_credentials(url: str, shown: str) -> None:
    assert urls.shown(url) == shown


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        (None, set()),
        ("http://h/a", set()),
        ("http://anna:p%40w@h/a", {"http://anna:p%40w@h/a", "p%40w", "p@w"}),
        ("http://h/a?k=v", {"http://h/a?k=v", "k=v"}),
        ("http://anna:pw@h:port/a", {"http://anna:pw@h:port/a"}),
    ],
)
def test_the_secrets_of_a_url_are_known(url: str | None, secrets: set[str]) -> None:
    assert urls.secrets_in(url) == secrets


LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61])


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "https://anna:pw@h:1/a%20b?c=d#e",
        "HTTP://[::1]:80/",
        "http://a_b.c./",
        f"http://{LONGEST}/",
    ],
)
def test_an_http_url_passes(url: str) -> None:
    urls.validate_http(url)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://u:s3cret@h/a", "The URL 'ftp://h/a' is not of the form .*, or else"),
        ("http:///a", "is not of the form"),
        ("h/a", "is not of the form"),
        ("http://u:s3cret@h:x/", "malformed"),
        ("http://u:s3cret@bad host/?k=s3cret", "The URL 'http://bad host/' has a space"),
        ("http://u:s3cret@h/ü", "percent-encode"),
        ("http://u:s3cret@h/\n", "percent-encode"),
        (
            "http://u:s3cret@a..b/",
            "The host 'a..b' of the URL 'http://a..b/' is not valid. .* 1 to 63 characters",
        ),
        ("http://u:s3cret@.a/", "is not valid"),
        ("http://u:s3cret@./", "is not valid"),
        (f"http://u:s3cret@{'a' * 64}.b/", "is not valid"),
        (f"http://u:s3cret@{LONGEST}a/", "is not valid"),
        ("http://u:s3cret@[::g]/", "is not valid|malformed"),
        ("http://u:s3cret@bücher.example/", "ASCII form, xn--"),
    ],
)
def test_another_url_is_refused_without_its_secrets(url: str, why: str) -> None:
    with pytest.raises(StrataError, match=why) as raised:
        urls.validate_http(url, also=", or else")
    assert "s3cret" not in str(raised.value)


def test_only_the_secrets_of_a_url_are_concealed() -> None:
    values = {"http://h/a", "http://u:pw@h/?k=v", "other"}
    urls.conceal(values, "http://h/a", "http://u:pw@h/?k=v", None)
    assert values == {"http://u:pw@h/?k=v", "pw", "k=v", "other"}


def test_credentials_become_a_header() -> None:
    assert urls.credentials("http://h/a?b=c") == ("http://h/a?b=c", {})
    bare, headers = urls.credentials("http://anna:s3cret%21@h:1/a?b=c#d")
    assert (bare, headers) == ("http://h:1/a?b=c", {"Authorization": "Basic YW5uYTpzM2NyZXQh"})


def test_a_malformed_url_is_not_quoted() -> None:
    with pytest.raises(StrataError) as raised:
        urls.credentials("http://anna:pw@h:port/a")
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("no secret", "no secret"),
        ("cannot reach postgresql://u:pw@db/x, sorry", "cannot reach postgresql://***@db/x, sorry"),
        ("a://u:p@b c://u:p@d", "a://***@b c://***@d"),
        ("mail anna@example.com about http://h/a", "mail anna@example.com about http://h/a"),
    ],
)
def test_credentials_in_text_are_blotted_out(text: str, masked: str) -> None:
    assert urls.masked(text) == masked


@pytest.mark.parametrize("host", ["h", "127.0.0.1", "::1", "[::1]", "bücher.example", "a-b.c.", LONGEST])
def test_a_host_passes(host: str) -> None:
    urls.validate_host(host, "socket")


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        ".a",
        "a" * 64,
        f"{LONGEST}a",
        "ü" * 64,
        "a b",
        "a\0b",
        "a@b",
        "[a]",
        "[::1",
        "1:2",
        "\ud800",
    ],
)
def test_a_host_that_cannot_be_looked_up_is_refused(host: str) -> None:
    with pytest.raises(StrataError, match=r"The host .* of the socket is not valid"):
        urls.validate_host(host, "socket")
