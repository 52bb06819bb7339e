# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenSSH's signatures (``ssh-keygen -Y sign``)."""

from __future__ import annotations

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

SIGNER = "signer"
_KEYS = ("ssh-", "ecdsa-", "sk-")


class Ssh:
    """See `Format`."""

    NAME: ClassVar[str] = "ssh"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "identity": {"type": "str"},
        "namespace": {"type": "str", "default": "file"},
    }
    SUFFIX: ClassVar[str] = ".sig"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._identity: str | None = options["identity"]
        self._namespace: str = options["namespace"]

    def validate(self) -> None:
        if not self._namespace:
            raise StrataError("The signature's namespace is empty.")

    def check_key(self, key: str) -> None:
        if not any(len(line.split()) > 1 for line in _lines(key)):
            raise StrataError(
                "The signature's key is neither a public key of ssh nor a list of allowed signers."
            )
        if self._identity is None and not all(_is_key(line) for line in _lines(key)):
            raise StrataError(
                "The signature's key is a list of allowed signers: give the identity of the one who must have signed."
            )

    def verify(self, signature: bytes, signed: Path, key: str) -> None:
        identity = self._identity or SIGNER
        # A key alone is one that this identity may sign with.
        allowed = "".join(f"{identity} {line}\n" if _is_key(line) else f"{line}\n" for line in _lines(key))
        with (
            private_files(allowed=allowed.encode("latin-1", errors="replace"), signature=signature) as files,
            open(signed, "rb") as stream,
        ):
            done = run(
                "ssh-keygen",
                "openssh-client",
                [
                    *("-Y", "verify", "-f", str(files["allowed"]), "-I", identity),
                    *("-n", self._namespace, "-s", str(files["signature"])),
                ],
                stream,
            )
        if done.code:
            raise StrataError(
                f"it is not a good one by {self._identity or 'the key that is configured'} for the namespace"
                f" {self._namespace!r} ({said(done)})."
            )


def _lines(key: str) -> list[str]:
    lines = (line.strip() for line in key.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _is_key(line: str) -> bool:
    return line.startswith(_KEYS)
