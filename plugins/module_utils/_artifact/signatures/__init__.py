# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detached signatures: what an artifact must be signed with, verified by the tools of the host, one file a format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.gpg import Gpg
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.minisign import Minisign
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import Format
from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.ssh import Ssh
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import choose

PROVIDERS: Mapping[str, type[Format]] = {
    Gpg.NAME: Gpg,
    Minisign.NAME: Minisign,
    Ssh.NAME: Ssh,
}


@dataclass(frozen=True)
class Signature:
    """What an artifact must be signed with.

    Args:
        provider: who verifies it.
        options: those of the provider, validated by `choose`.
    """

    provider: type[Format]
    options: Mapping[str, Any]

    @property
    def url(self) -> str | None:
        """Where the signature is; None if it is beside the artifact."""
        url: str | None = self.options["url"]
        return url

    @property
    def suffix(self) -> str:
        return self.provider.SUFFIX

    def validate(self) -> None:
        """Refuse what cannot work, without asking anybody."""
        key = self.options["key"]
        if not key.strip():
            raise StrataError(
                "The signature's key is empty: give the public key, or the path of a file with it on the host."
            )
        provider = self.provider(self.options)
        provider.validate()
        if not _is_path(key):
            provider.check_key(key)

    def verify(self, signature: bytes, signed: Path) -> None:
        """Raise StrataError unless ``signature`` is one of the file ``signed``, by the key and with all that is asked for."""
        key = self.options["key"]
        if _is_path(key):
            try:
                key = Path(key.strip()).read_bytes().decode("latin-1")
            except OSError as error:
                raise StrataError(
                    f"the key {key.strip()} on the host cannot be read: {error.strerror}."
                ) from error
        provider = self.provider(self.options)
        provider.check_key(key)
        provider.verify(signature, signed, key)


def signature(given: Mapping[str, Any]) -> Signature:
    """The signature that a user's dictionary asks for; the provider is under ``format``."""
    return Signature(*choose("signature format", PROVIDERS, given, key="format"))


def _is_path(key: str) -> bool:
    return key.strip().startswith("/")
