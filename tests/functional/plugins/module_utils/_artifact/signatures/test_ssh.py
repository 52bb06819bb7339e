# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures made and verified by the real ssh-keygen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fixtures.signatures import DATA, NOT_GOOD

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_an_ssh_signature(ssh: Any, verify: Any, tmp_path: Path, kind: str) -> None:
    key = ssh(kind=kind)
    verify(format="ssh", key=key)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text(f"# who may sign\nbea@example.com {key}anna@example.com {key}")
    verify(format="ssh", key=str(allowed), identity="anna@example.com")
    verify(format="ssh", key=f'*@example.com namespaces="file" {key}', identity="carl@example.com")


@pytest.mark.parametrize(
    "options",
    [
        {"namespace": "shop"},
        {"identity": "bea@example.com"},
        {"key": 'anna@example.com namespaces="git" {key}'},
        {"key": 'anna@example.com valid-before="20200101" {key}'},
        {"key": "anna@example.com {other}"},
    ],
    ids=["another namespace", "another identity", "not for this namespace", "no longer", "another key"],
)
def test_an_ssh_signature_that_is_not_the_one_is_refused(ssh: Any, verify: Any, options: Any) -> None:
    other, key = ssh(), ssh()
    given = {"key": "anna@example.com {key}", "identity": "anna@example.com", **options}
    given["key"] = given["key"].format(key=key, other=other)
    with pytest.raises(StrataError, match=f"{NOT_GOOD} by (anna|bea)@example.com for the namespace"):
        verify(format="ssh", **given)


def test_a_namespace_binds_the_app(ssh: Any, verify: Any) -> None:
    verify(format="ssh", key=ssh("shop@example.com"), namespace="shop@example.com")


def test_an_ssh_signature_of_another_file_is_refused(ssh: Any, verify: Any, artifact: Path) -> None:
    key = ssh()
    artifact.write_bytes(DATA + b"!")
    with pytest.raises(StrataError, match=f"{NOT_GOOD} by the key that is configured"):
        verify(format="ssh", key=key)
