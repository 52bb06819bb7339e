# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached signatures: what an artifact must be signed with, verified by the tools of the host, one file a format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.gpg import Gpg
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.minisign import Minisign
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import (
    Demands,
    Format,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.ssh import Ssh
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

FORMATS: dict[str, Format] = {Gpg.NAME: Gpg(), Minisign.NAME: Minisign(), Ssh.NAME: Ssh()}


@dataclass(frozen=True)
class Signature:
    """What an artifact must be signed with.

    Args:
        format: the name of a `Format`.
        key: the public key or keys, or the absolute path of a file with them.
        url: where the signature lies; None where it lies beside the artifact.
        comment: words that minisign's trusted comment must have in it, in this order and side by side.
        identity: whose signature it must be, of those in ssh's list of allowed signers.
        namespace: ssh's word for what the signature is for.
    """

    format: str
    key: str
    url: str | None = None
    comment: str | None = None
    identity: str | None = None
    namespace: str = "file"

    @property
    def suffix(self) -> str:
        return self._format.SUFFIX

    def validate(self) -> None:
        """Refuse what cannot work, without asking anybody."""
        if not self.key.strip():
            raise StrataError(
                "The signature's key is empty: give the public key, or the path of a file with it on the host."
            )
        if self.comment is not None and not (self.comment.split() and self.format == Minisign.NAME):
            raise StrataError("The signature's comment must have a word in it, and is for minisign only.")
        if not self._from_file:
            self._format.validate(self._demands(self.key))

    def verify(self, signature: bytes, signed: Path) -> None:
        """Raise StrataError unless ``signature`` is one of the file ``signed``, by the key and with all that is asked for."""
        key = self.key
        if self._from_file:
            try:
                key = Path(self.key.strip()).read_bytes().decode("latin-1")
            except OSError as error:
                raise StrataError(
                    f"the key {self.key.strip()} on the host cannot be read: {error.strerror}."
                ) from error
        demands = self._demands(key)
        self._format.validate(demands)
        self._format.verify(signature, signed, demands)

    @property
    def _from_file(self) -> bool:
        return self.key.strip().startswith("/")

    @property
    def _format(self) -> Format:
        if self.format not in FORMATS:
            raise StrataError(f"The signature's format {self.format!r} is none of {', '.join(FORMATS)}.")
        return FORMATS[self.format]

    def _demands(self, key: str) -> Demands:
        return Demands(key, self.comment, self.identity, self.namespace)
