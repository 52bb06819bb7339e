# SPDX-License-Identifier: GPL-3.0-or-later
"""The artifact that an engine is given."""

from __future__ import annotations

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Access
from ansible_collections.strata.deploy.plugins.module_utils._database.engines.protocol import EngineOptions


def test_the_archive_is_fetched_and_verified_by_all_that_is_given() -> None:
    access, signed = Access(username="anna"), signature({"format": "ssh", "key": "ssh-ed25519 AAAA"})
    options = EngineOptions(archive="/srv/shop.tar", checksum="unverified", access=access, signature=signed)
    assert options.artifact
    assert (options.artifact.url, options.artifact.checksum) == ("/srv/shop.tar", "unverified")
    assert (options.artifact.access, options.artifact.signature) == (access, signed)


def test_without_an_archive_there_is_none() -> None:
    assert EngineOptions(checksum="unverified").artifact is None
