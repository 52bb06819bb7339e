# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP's signatures (RFC 9580), by ``gpgv``: it trusts the keys of the keyring that it is given, and no others."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import (
    SHARED,
    private_files,
    run,
    said,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

SIGNATURE = 2
PUBLIC_KEY = 6
KEYBOX = b"KBXf"
# https://github.com/gpg/gnupg/blob/master/doc/DETAILS
GOOD = {"GOODSIG", "VALIDSIG"}
BAD = {"BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NODATA", "FAILURE", "ERROR"}
_REASONS = {
    "BADSIG": "the file is not the one that was signed",
    "ERRSIG": "its key is not in the keyring, or of an unknown kind",
    "EXPKEYSIG": "its key has expired",
    "EXPSIG": "it has expired",
    "REVKEYSIG": "its key was revoked",
}
_ARMOR = re.compile(rb"-----BEGIN PGP ([A-Z ]+)-----\r?\n(.*?)-----END PGP \1-----", re.DOTALL)


class Gpg:
    """See `Format`."""

    NAME: ClassVar[str] = "gpg"
    OPTIONS: ClassVar[Mapping[str, Any]] = SHARED
    SUFFIX: ClassVar[str] = ".asc"

    def __init__(self, options: Mapping[str, Any]) -> None:
        del options

    def validate(self) -> None:
        """Nothing to refuse: there are no options but the shared ones."""

    def check_key(self, key: str) -> None:
        _keyring(key)

    def verify(self, signature: bytes, signed: Path, key: str) -> None:
        detached = _dearmored(signature, b"SIGNATURE")
        # A message with a text of its own, which says nothing of the file. gpgv refuses it too, but does not say what to do.
        if _first(detached) != SIGNATURE:
            raise StrataError("it is not a detached signature of OpenPGP. Sign with gpg --detach-sign.")
        with private_files(keyring=_keyring(key), signature=detached) as files:
            done = run(
                "gpgv",
                "gpgv",
                [
                    *("--homedir", str(files["keyring"].parent), "--keyring", str(files["keyring"])),
                    *("--status-fd", "1", str(files["signature"]), str(signed)),
                ],
            )
        statuses = {
            line.split()[1] for line in done.whole_output().splitlines() if re.match(r"\[GNUPG:\] \S", line)
        }
        if done.code or statuses & BAD or not statuses >= GOOD:
            reason = next((_REASONS[each] for each in _REASONS if each in statuses), said(done))
            raise StrataError(f"it is not a good one by a key of the keyring: {reason}.")


def _keyring(key: str) -> bytes:
    raw = key.encode("latin-1", errors="replace")
    keyring = _dearmored(raw, b"PUBLIC KEY BLOCK")
    # A keybox begins with a blob whose kind stands at a fixed place.
    if keyring[8:12] != KEYBOX and _first(keyring) != PUBLIC_KEY:
        raise StrataError(
            "The signature's key is no public key of OpenPGP: give it as gpg --armor --export writes it, or the path of a keyring."
        )
    return keyring


def _dearmored(data: bytes, what: bytes) -> bytes:
    """The bytes in all armored blocks of this kind; what is not armored as it is, and none of another kind."""
    if b"-----BEGIN PGP " not in data:
        return data
    try:
        return b"".join(_decoded(found[2]) for found in _ARMOR.finditer(data) if found[1] == what)
    except (binascii.Error, ValueError):
        return b""


def _decoded(block: bytes) -> bytes:
    """Headers end at an empty line; a line that begins with = is a checksum."""
    lines = [line.strip() for line in block.splitlines()]
    body = lines[lines.index(b"") + 1 :]
    return base64.b64decode(b"".join(line for line in body if not line.startswith(b"=")), validate=True)


def _first(data: bytes) -> int:
    """The tag of the first packet (RFC 9580, section 4.2); 0, which none has, where it is no packet."""
    head = data[0] if data else 0
    if not head & 0x80:
        return 0
    return head & 0x3F if head & 0x40 else (head & 0x3C) >> 2
