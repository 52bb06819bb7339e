# SPDX-License-Identifier: GPL-3.0-or-later
"""Which signature is asked for, and what is refused before any tool runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import PROVIDERS, signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

KEYS = {
    "minisign": "RWQ" + "A" * 53,
    "gpg": "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmAA=\n-----END PGP PUBLIC KEY BLOCK-----\n",
    "ssh": "ssh-ed25519 AAAA",
}


@pytest.mark.parametrize("format", ["minisign", "ssh"])
def test_a_missing_signature_is_an_error(verify: Any, artifact: Path, format: str) -> None:
    with pytest.raises(StrataError, match=r"Fetching .*shop-2\.0\.tar\.gz\.\w+: No such file"):
        verify(
            format=format,
            key="RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"
            if format == "minisign"
            else KEYS[format],
        )


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"format": "pgp", "key": "x"}, "no signature format 'pgp'.*known: gpg, minisign, ssh"),
        ({"format": "ssh", "key": " "}, "key is empty"),
        ({"format": "minisign", "key": "RWx"}, "not a public key of minisign"),
        (
            {"format": "minisign", "key": "untrusted comment: minisign public key"},
            "not a public key of minisign",
        ),
        ({"format": "gpg", "key": "mDMEZ"}, "no public key of OpenPGP"),
        ({"format": "ssh", "key": "nonsense"}, "neither a public key of ssh nor a list"),
        ({"format": "ssh", "key": "anna ssh-ed25519 AAAA"}, "give the identity"),
        ({"format": "ssh", "key": "ssh-ed25519 AAAA", "namespace": ""}, "namespace is empty"),
        ({"format": "ssh", "key": "ssh-ed25519 AAAA", "comment": "shop 2.0"}, "'comment' is unknown"),
        ({"format": "minisign", "key": "/k", "comment": " "}, "must have a word"),
        (
            {"format": "ssh", "key": "/k", "url": "ftp://h/a"},
            "has none of these forms: an absolute path on the host",
        ),
    ],
)
def test_a_bad_demand_is_seen_before_any_request(given: Any, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        Source("http://h/a", "unverified", signature=signature(given)).validate()


SSH = {"format": "ssh", "key": "ssh-ed25519 AAAA"}


def test_the_registry_is_alphabetical() -> None:
    assert list(PROVIDERS) == sorted(PROVIDERS)
    assert all(name == provider.NAME for name, provider in PROVIDERS.items())


def test_a_signature_in_a_registry_must_be_told() -> None:
    with pytest.raises(StrataError, match="give its url"):
        Source("oci://h/a:1", "unverified", signature=signature(SSH)).validate()


def test_the_signature_lies_beside_a_signed_url() -> None:
    asked = signature({"format": "gpg", "key": "/k"})
    source = Source("https://h/a.tar.gz?token=1", "unverified", signature=asked)
    assert source.signature_url == "https://h/a.tar.gz.asc?token=1"
