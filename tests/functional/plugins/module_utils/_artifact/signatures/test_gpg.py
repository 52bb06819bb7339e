# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures made by the real gpg and verified by the real gpgv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fixtures.signatures import DATA, NOT_GOOD, Keyring

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_a_gpg_signature(keyring: Keyring, verify: Any, artifact: Path, tmp_path: Path) -> None:
    keyring.make()
    keyring.make("bea")
    keyring.sign()
    verify(format="gpg", key=keyring.key())
    verify(format="gpg", key=keyring.key("bea") + "\n" + keyring.key())
    (tmp_path / "armored.asc").write_text(keyring.key())
    verify(format="gpg", key=str(tmp_path / "armored.asc"))
    keyring.gpg("--output", str(tmp_path / "binary.gpg"), "--export")
    verify(format="gpg", key=str(tmp_path / "binary.gpg"))
    keyring.gpg("--output", f"{artifact}.sig", "--dearmor", f"{artifact}.asc")
    verify(format="gpg", key=keyring.key(), url=f"{artifact}.sig")
    if (keyring._home / "pubring.kbx").exists():
        verify(format="gpg", key=str(keyring._home / "pubring.kbx"))


def test_a_gpg_key_that_is_not_in_the_keyring_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make()
    keyring.make("bea")
    keyring.sign()
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*not in the keyring"):
        verify(format="gpg", key=keyring.key("bea"))


def test_a_gpg_signature_of_another_file_is_refused(keyring: Keyring, verify: Any, artifact: Path) -> None:
    keyring.make()
    keyring.sign()
    artifact.write_bytes(DATA + b"!")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*not the one that was signed"):
        verify(format="gpg", key=keyring.key())


def test_an_expired_gpg_key_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make("anna", "2025-02-01")
    keyring.sign("--faked-system-time", "20250115T000000")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*its key has expired"):
        verify(format="gpg", key=keyring.key())


def test_an_expired_gpg_signature_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make("anna", "never")
    keyring.sign("--faked-system-time", "20250115T000000", "--default-sig-expire", "1d")
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*it has expired"):
        verify(format="gpg", key=keyring.key())


def test_a_revoked_gpg_key_is_refused(keyring: Keyring, verify: Any) -> None:
    keyring.make()
    keyring.sign()
    (certificate,) = (keyring._home / "openpgp-revocs.d").glob("*.rev")
    text = certificate.read_text().replace(":-----BEGIN", "-----BEGIN")
    keyring.gpg("--import", input=text)
    with pytest.raises(StrataError, match=f"{NOT_GOOD}.*its key was revoked"):
        verify(format="gpg", key=keyring.key())


@pytest.mark.parametrize("kind", ["--sign", "--clear-sign", "--store"])
def test_a_signed_message_is_no_signature_of_the_file(
    keyring: Keyring, verify: Any, artifact: Path, kind: str
) -> None:
    keyring.make()
    keyring.sign(kind=kind)
    artifact.write_bytes(b"something else")
    with pytest.raises(StrataError, match=r"not a detached signature|not a good one"):
        verify(format="gpg", key=keyring.key())


def test_a_message_in_the_armor_of_a_signature_is_refused(
    keyring: Keyring, verify: Any, artifact: Path
) -> None:
    keyring.make()
    keyring.sign(kind="--sign", target=".msg")
    message = Path(f"{artifact}.msg").read_text()
    keyring.sign()
    Path(f"{artifact}.asc").write_text(message.replace("MESSAGE", "SIGNATURE"))
    artifact.write_bytes(b"something else")
    with pytest.raises(StrataError, match="not a detached signature"):
        verify(format="gpg", key=keyring.key())
