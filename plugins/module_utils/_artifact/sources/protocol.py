# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source does, and what it may be told about the way there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Callable, ClassVar, Protocol
from urllib.parse import urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[ -~\t]*")


@dataclass(frozen=True)
class Access:
    """How servers are asked.

    Args:
        headers: sent with each request to the artifact's own server, as user, password and client certificate are.
        timeout: seconds for which a server may be silent.
        retries: how often, in all, a download is taken up again.
        plain_http: whether a registry is asked without TLS.
        own: the options of the artifact's own provider, validated and converted as its ``OPTIONS`` declares them.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    client_cert: str | None = None
    client_key: str | None = None
    ca_path: str | None = None
    validate_certs: bool = True
    timeout: float = 30.0
    retries: int = 3
    plain_http: bool = False
    own: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def validate(self) -> None:
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(str(value)):
                raise StrataError(
                    f"The header {name!r} has a character in its name or value that none can have."
                )
        if self.timeout <= 0 or self.retries < 0:
            raise StrataError("The timeout of a download must be above 0, and its retries not below.")
        if self.password is not None and self.username is None:
            raise StrataError("There is a password for the artifact, but no username.")
        if self.client_key and not self.client_cert:
            raise StrataError("There is a client_key for the artifact, but no client_cert.")

    def for_another_server(self) -> Access:
        """Without what is meant for the artifact's own."""
        return replace(
            self, headers={}, username=None, password=None, client_cert=None, client_key=None, own={}
        )


class Stream(Protocol):
    """An artifact's bytes, once.

    Args:
        size: in bytes, where the source tells.
        digest: ALGORITHM:HEX that the source itself names the bytes by.
        manifest: ALGORITHM:HEX of what named that digest.
    """

    size: int | None
    digest: str | None
    manifest: str | None

    def read(self, size: int) -> bytes:
        """Some of the next bytes, at most ``size``; none at the end."""


class Provider(Protocol):
    """A kind of source; its methods raise StrataError, without a secret in it.

    Args:
        NAME: the provider's name, for messages.
        OPTIONS: its options besides those of `Access`, declared as in an AnsibleModule's ``argument_spec``.
        SCHEMES: the schemes of the URLs that it reads from; "" is that of an absolute path.
        FORM: what such a URL looks like, for messages.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]
    SCHEMES: ClassVar[tuple[str, ...]]
    FORM: ClassVar[str]

    def validate(self, url: str) -> None:
        """Refuse what cannot work, without asking anybody."""

    def shown(self, url: str) -> str:
        """The URL without secrets."""

    def file_name(self, url: str) -> str:
        """By which a checksum file lists the artifact; empty where that is not known."""

    def beside(self, url: str, suffix: str) -> str:
        """Where a file whose name is that of the artifact and ``suffix`` lies; empty where there is no such place."""

    def pinned(self, url: str) -> str | None:
        """The `Stream.manifest` that the URL itself asks for."""

    def look_up(self, url: str, access: Access) -> int | None:
        """The size in bytes, where the source tells; StrataError if there is nothing."""

    def open(self, url: str, access: Access, seen: Callable[[], str]) -> AbstractContextManager[Stream]:
        """Begin to read.

        Args:
            seen: the SHA-256, in hex, of all that was read so far.
        """


def origin(url: str) -> tuple[str, str, int | None]:
    """What makes two URLs ones of the same server."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
