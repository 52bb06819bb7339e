# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.checksums import (
    find_checksum,
    parse_checksum,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

A256, B256, A512 = "a" * 64, "b" * 64, "a" * 128


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{A256}  a\r\n", ("sha256", A256)),
        (f"{A256.upper()}  ./dist/a\n", ("sha256", A256)),
        (f"{A256}  a\n{A512}  a\n", ("sha512", A512)),
        (f"{A256}  a\n{A256}  x/a\n", ("sha256", A256)),
        (f"{'a' * 40}  a\nSHA1 (a) = {'a' * 40}\n# by hand\n\n{A256}  a", ("sha256", A256)),
    ],
    ids=["Windows", "upper case, a folder", "two algorithms", "twice the same", "others between"],
)
def test_a_line_is_found(text: str, found: tuple[str, str]) -> None:
    assert find_checksum(text, "a", "S") == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no SHA-256"),
        (A256, "no SHA-256"),
        (f"{A256}  ab\n{A256}  b/a/c\n", "no SHA-256"),
        (f"{'a' * 40}  a\n{'a' * 63}  a\n", "no SHA-256"),
        (f"{A256}  a\n{B256}  x/a\n", "several checksums"),
        ("<html>\n", "no SHA-256"),
    ],
)
def test_a_list_that_leaves_it_open_is_an_error(text: str, why: str) -> None:
    with pytest.raises(StrataError, match=f"The list of checksums S has {why}"):
        find_checksum(text, "a", "S")


def test_a_checksum_is_one_in_full() -> None:
    assert parse_checksum(f"sha256:{A256.upper()}") == ("sha256", A256)
    assert parse_checksum(f"sha512:{A512}") == ("sha512", A512)
    for text in (A256, f"sha512:{A256}", f"md5:{A256}", f"sha256:{A256}\n", "unverified", ""):
        assert parse_checksum(text) is None
