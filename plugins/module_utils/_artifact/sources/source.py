# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an artifact comes from, and what it must be."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import Signature
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.checksums import (
    find_checksum,
    parse_checksum,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import (
    Access,
    Provider,
    origin,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.providers import (
    is_source,
    provider,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

UNVERIFIED = "unverified"
MANIFEST = "manifest"
SMALL = 1024 * 1024


@dataclass(frozen=True)
class Source:
    """Where a release comes from and what it must be.

    Args:
        url: an http(s) or oci URL, or an absolute path.
        checksum: ``ALGORITHM:HEX``; the http(s) URL or absolute path of a list of checksums; or ``unverified``.
        signature: what it must be signed with.
        name: what it is called, where the URL does not say it.
    """

    url: str
    checksum: str
    access: Access = field(default_factory=Access)
    signature: Signature | None = None
    name: str = ""

    def validate(self) -> None:
        """Refuse what cannot work, without asking anybody."""
        self.provider.validate(self.url)
        self.access.validate()
        if self._listed:
            provider(self.checksum).validate(self.checksum)
            if not self.provider.file_name(self.url):
                raise StrataError(
                    f"A list of checksums is of no use for {self.shown}, which names no file. Give the checksum itself."
                )
        elif self.checksum != UNVERIFIED and not parse_checksum(self.checksum):
            raise StrataError(
                f"The checksum {self.checksum!r} is neither sha256:HEX nor sha512:HEX in full, nor the URL or"
                f" absolute path of a list of checksums (to go without, write {UNVERIFIED!r})."
            )
        if self.signature:
            self.signature.validate()
            if not self.signature_url:
                raise StrataError(f"Where the signature of {self.shown} lies is not known: give its url.")
            provider(self.signature_url).validate(self.signature_url)

    @property
    def provider(self) -> Provider:
        return provider(self.url)

    @property
    def shown(self) -> str:
        return self.name or self.provider.shown(self.url)

    @property
    def signature_url(self) -> str:
        if self.signature is None:
            return ""
        return self.signature.url or self.provider.beside(self.url, self.signature.suffix)

    @property
    def _listed(self) -> bool:
        return is_source(self.checksum)

    @cached_property
    def expected(self) -> tuple[str, str] | None:
        """The algorithm and digest that are asked for; a list of checksums is read, once. None where it is waived."""
        if not self._listed:
            return parse_checksum(self.checksum)
        shown = provider(self.checksum).shown(self.checksum)
        text = self.beside(self.checksum).decode("utf-8", errors="replace")
        return find_checksum(text, self.provider.file_name(self.url), shown)

    @property
    def recorded(self) -> str:
        """The checksum for people and records."""
        return ":".join(self.expected) if self.expected else UNVERIFIED

    def matches(self, digests: Mapping[str, str]) -> bool:
        """Whether an artifact with these digests is the one that is meant."""
        if self.expected:
            algorithm, digest = self.expected
            return digests.get(algorithm) == digest
        pinned = self.provider.pinned(self.url)
        return pinned is None or digests.get(MANIFEST) == pinned

    def beside(self, url: str) -> bytes:
        """A small file that belongs to the artifact, whole; another server than its own gets none of its secrets."""
        own = origin(url) == origin(self.url)
        access = self.access if own else self.access.for_another_server()
        text, seen = b"", hashlib.sha256()
        with provider(url).open(url, access, seen.hexdigest) as stream:
            while chunk := stream.read(SMALL):
                text += chunk
                seen.update(chunk)
                if len(text) > SMALL:
                    raise StrataError(
                        f"Fetching {provider(url).shown(url)}: it is above {SMALL} bytes. Is it the right file?"
                    )
        return text
