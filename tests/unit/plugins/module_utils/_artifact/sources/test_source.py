# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an artifact comes from, and what it must be."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import Signature, signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.source import (
    MANIFEST,
    SMALL,
    UNVERIFIED,
    Source,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

HEX = hashlib.sha256(b"shop").hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


def test_a_checksum_is_given_waived_or_read_from_a_list_once(tmp_path: Path) -> None:
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{OTHER}  other.tar.gz\n{HEX}  shop.tar.gz\n")
    assert Source("/srv/shop.tar.gz", f"sha256:{HEX}").expected == ("sha256", HEX)
    assert Source("/srv/shop.tar.gz", UNVERIFIED).expected is None
    listed = Source("/srv/shop.tar.gz", str(sums))
    assert listed.recorded == f"sha256:{HEX}"
    sums.unlink()
    assert listed.recorded == f"sha256:{HEX}"
    assert Source("/srv/shop.tar.gz", UNVERIFIED).recorded == UNVERIFIED


@pytest.mark.parametrize(
    ("source", "digests", "matches"),
    [
        (Source("/a", f"sha256:{HEX}"), {"sha256": HEX}, True),
        (Source("/a", f"sha256:{HEX}"), {"sha256": OTHER}, False),
        (Source("/a", f"sha256:{HEX}"), {}, False),
        (Source("/a", UNVERIFIED), {"sha256": OTHER}, True),
        (Source(f"oci://h/shop@sha256:{HEX}", UNVERIFIED), {MANIFEST: f"sha256:{HEX}"}, True),
        (Source(f"oci://h/shop@sha256:{HEX}", UNVERIFIED), {MANIFEST: f"sha256:{OTHER}"}, False),
    ],
)
def test_an_artifact_is_known_by_its_digests(source: Source, digests: dict[str, str], matches: bool) -> None:
    assert source.matches(digests) is matches


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"checksum": "sha256:1234"}, "neither sha256:HEX nor sha512:HEX"),
        ({"checksum": HEX}, "neither sha256:HEX nor sha512:HEX"),
        (
            {"checksum": "https://h/SUMS", "url": "oci://h/shop:2.0"},
            "A list of checksums is of no use",
        ),
        ({"access": Access(retries=-1)}, "retries"),
        (
            {"signature": signature({"format": "gpg", "key": "/key"}), "url": "oci://h/shop:2.0"},
            "signature .* is not known: give its url",
        ),
    ],
)
def test_what_cannot_work_is_refused(options: dict[str, Any], why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Source(**{"url": "/srv/shop.tar.gz", "checksum": UNVERIFIED, **options}).validate()


def test_a_signature_lies_beside_the_artifact_or_where_it_is_said_to() -> None:
    def url(asked: Signature | None) -> str:
        return Source("https://h/shop.tar.gz?key=1", UNVERIFIED, signature=asked).signature_url

    assert url(None) == ""
    assert url(signature({"format": "gpg", "key": "/key"})) == "https://h/shop.tar.gz.asc?key=1"
    assert url(signature({"format": "ssh", "key": "/key", "url": "https://h2/sig"})) == "https://h2/sig"


def test_a_file_beside_it_is_small(tmp_path: Path) -> None:
    path = tmp_path / "SUMS"
    path.write_bytes(b"x" * SMALL)
    source = Source("/srv/shop.tar.gz", UNVERIFIED)
    assert len(source.beside(str(path))) == SMALL
    path.write_bytes(b"x" * (SMALL + 1))
    with pytest.raises(StrataError, match="above 1048576 bytes"):
        source.beside(str(path))


def test_it_is_shown_by_its_name_or_its_url_without_secrets() -> None:
    assert Source("https://anna:s3cret@h/a?key=s3cret", UNVERIFIED).shown == "https://h/a"
    assert Source("/dev/null", UNVERIFIED, name="shop 2.0").shown == "shop 2.0"
