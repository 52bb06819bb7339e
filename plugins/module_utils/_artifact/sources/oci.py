# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An artifact in a registry: ``oci://REGISTRY[:PORT]/NAME[:TAG][@DIGEST][#TITLE]``.

The OCI distribution specification (https://github.com/opencontainers/distribution-spec), with the tokens of the Docker
registry (https://distribution.github.io/distribution/spec/auth/token/). The artifact is the one layer of its manifest, or the one that has
TITLE for its annotation ``org.opencontainers.image.title``.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable, ClassVar
from urllib.parse import quote, unquote, urlencode, urlsplit

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import http
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import (
    Access,
    Stream,
    origin,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import json_text, urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Asked for only to say what they are.
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_LIMIT = 4 * 1024 * 1024
LOCAL = ("localhost", "127.0.0.1", "::1")
TITLE = "org.opencontainers.image.title"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(
    rf"/(?P<name>{_NAME}(?:/{_NAME})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{DIGEST.pattern}))?",
    re.ASCII,
)
_PARAMETER = re.compile(r'([a-z_]+)="([^"]*)"')


@dataclass(frozen=True)
class Reference:
    """What a URL says, taken apart."""

    registry: str
    host: str
    name: str
    tag: str
    digest: str | None
    title: str

    @classmethod
    def parse(cls, url: str) -> Reference:
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 (reading it is what validates it)
        except ValueError:
            raise StrataError("An oci:// URL cannot be read: its host or port is malformed.") from None
        found = _PATH.fullmatch(parts.path)
        if not found or not parts.hostname or parts.query:
            raise StrataError(
                f"The artifact {urls.shown(url)!r} is not of the form oci://REGISTRY/NAME:TAG or"
                " oci://REGISTRY/NAME@sha256:HEX, either with #TITLE at the end where it has several files."
            )
        urls.validate_host(parts.hostname, f"artifact {urls.shown(url)!r}")
        return cls(
            parts.netloc.rpartition("@")[2],
            parts.hostname,
            found["name"],
            found["tag"] or "latest",
            found["digest"],
            unquote(parts.fragment),
        )


class _Registry:
    """One registry, asked for one repository."""

    def __init__(self, url: str, access: Access) -> None:
        self.reference = Reference.parse(url)
        self._shown = urls.shown(url)
        plain = access.plain_http or self.reference.host in LOCAL
        self._base = f"{'http' if plain else 'https'}://{self.reference.registry}"
        parts = urlsplit(url)
        if access.username is None and parts.username is not None:
            access = replace(access, username=unquote(parts.username), password=unquote(parts.password or ""))
        self._access = access
        self._retries = http.Retries(access.retries)
        self._authorized = self._anonymous = replace(access, username=None, password=None)

    @property
    def access(self) -> Access:
        """With what the registry asked for."""
        return self._authorized

    def renewed(self) -> Access:
        """With what the registry asks for now, as its tokens are good for minutes only."""
        self._authorized = self._anonymous
        self.manifest()
        return self._authorized

    def blob(self, digest: str) -> str:
        return f"{self._base}/v2/{self.reference.name}/blobs/{digest}"

    def manifest(self) -> tuple[str, Mapping[str, Any]]:
        """The manifest's digest and the layer that is meant."""
        wanted = self.reference.digest
        url = f"{self._base}/v2/{self.reference.name}/manifests/{wanted or quote(self.reference.tag)}"
        try:
            text = self._get(url, self._authorized)
        except http.StatusError as error:
            if error.code != 401:
                raise
            self._authorize(error.headers.get("www-authenticate", ""), error)
            text = self._get(url, self._authorized)
        algorithm = wanted.partition(":")[0] if wanted else "sha256"
        digest = f"{algorithm}:{hashlib.new(algorithm, text).hexdigest()}"
        if wanted and digest != wanted:
            raise StrataError(f"Fetching {self._shown}: its manifest is {digest}, not {wanted}.")
        return digest, self._layer(text)

    def _get(self, url: str, access: Access) -> bytes:
        def attempt() -> bytes:
            with (
                http.ask(
                    "GET", url, access, self._shown, {"Accept": ", ".join((*MANIFESTS, *INDEXES))}
                ) as answer,
                http.http_errors_named(self._shown),
            ):
                text: bytes = answer.read(MANIFEST_LIMIT + 1)
            if len(text) > MANIFEST_LIMIT:
                raise StrataError(
                    f"Fetching {self._shown}: the registry's answer is above {MANIFEST_LIMIT} bytes."
                )
            return text

        return self._retries.run(attempt)

    def _authorize(self, challenge: str, refused: StrataError) -> None:
        scheme, _space, rest = challenge.partition(" ")
        if scheme.lower() == "basic" and self._access.username is not None:
            self._bear(urls.basic(self._access.username, self._access.password or ""))
            return
        asked = dict(_PARAMETER.findall(rest))
        realm = asked.get("realm", "")
        if scheme.lower() != "bearer" or not self._allowed(realm):
            raise refused
        parameters = {"scope": f"repository:{self.reference.name}:pull", **asked}
        query = urlencode({name: parameters[name] for name in ("service", "scope") if name in parameters})
        access = self._access
        if origin(realm) != origin(self._base):
            # User and password are for whoever the registry names; a client certificate and headers are for it alone.
            access = replace(access.for_another_server(), username=access.username, password=access.password)
        try:
            answer = json_text.parse(self._get(f"{realm}{'&' if '?' in realm else '?'}{query}", access))
            token = answer.get("token") or answer.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            raise StrataError(f"Fetching {self._shown}: the registry's server of tokens gave none.")
        self._bear(f"Bearer {token}")

    def _allowed(self, realm: str) -> bool:
        """Whether a server of tokens may be told the password: only where nobody can listen, or that was allowed."""
        try:
            urls.validate_http(realm, "server of tokens")
        except StrataError:
            return False
        parts = urlsplit(realm)
        plain = self._access.plain_http or parts.hostname in LOCAL
        return parts.scheme == "https" or plain

    def _bear(self, value: str) -> None:
        self._authorized = replace(
            self._authorized, headers={**self._authorized.headers, "Authorization": value}
        )

    def _layer(self, text: bytes) -> Mapping[str, Any]:
        try:
            manifest = json_text.parse(text)
            if "manifests" in manifest:
                raise StrataError(
                    f"Fetching {self._shown}: it is an index of several manifests. Name one of them by its digest."
                )
            titles: dict[str, Mapping[str, Any]] = {
                (each.get("annotations") or {}).get(TITLE, ""): each
                for each in manifest["layers"]
                if DIGEST.fullmatch(each["digest"])
                and json_text.is_number(each["size"])
                and each["size"] >= 0
            }
            listed = ", ".join(sorted(filter(None, titles))) or "none with a title"
            count = len(manifest["layers"])
        except (ValueError, LookupError, TypeError, AttributeError):
            raise StrataError(
                f"Fetching {self._shown}: the registry's answer is no manifest of an artifact."
            ) from None
        if self.reference.title:
            layer = titles.get(self.reference.title)
        else:
            layer = next(iter(titles.values()), None) if count == 1 else None
        if layer is None:
            raise StrataError(
                f"Fetching {self._shown}: its manifest has {count} files ({listed}), and"
                + (
                    f" none is {self.reference.title!r}."
                    if self.reference.title
                    else " which is meant is not said: add #TITLE."
                )
            )
        return layer


class Oci:
    """See `Provider`."""

    NAME: ClassVar[str] = "oci"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    SCHEMES: ClassVar[tuple[str, ...]] = ("oci",)
    FORM: ClassVar[str] = "oci://REGISTRY/NAME:TAG"

    def validate(self, url: str) -> None:
        Reference.parse(url)

    def shown(self, url: str) -> str:
        return urls.shown(url)

    def file_name(self, url: str) -> str:
        return Reference.parse(url).title

    def beside(self, url: str, suffix: str) -> str:
        return ""

    def pinned(self, url: str) -> str | None:
        return Reference.parse(url).digest

    def look_up(self, url: str, access: Access) -> int | None:
        registry = _Registry(url, access)
        _digest, layer = registry.manifest()
        return http.look_up(registry.blob(layer["digest"]), registry.access, self.shown(url))

    @contextlib.contextmanager
    def open(self, url: str, access: Access, seen: Callable[[], str]) -> Iterator[Stream]:
        registry = _Registry(url, access)
        manifest, layer = registry.manifest()
        body = http.Body(
            registry.blob(layer["digest"]), registry.access, self.shown(url), seen, registry.renewed
        )
        if body.size not in (None, layer["size"]):
            body.close()
            raise StrataError(
                f"Fetching {self.shown(url)}: its manifest says {layer['size']} bytes, the registry {body.size}."
            )
        body.size, body.digest, body.manifest = layer["size"], layer["digest"], manifest
        try:
            yield body
        finally:
            body.close()
