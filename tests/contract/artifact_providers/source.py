# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up source: the artifact is a text among the source's own options, named by the URL."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, Callable, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access, Stream
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Text:
    digest: str | None = None
    manifest: str | None = None

    def __init__(self, text: str) -> None:
        self._bytes = io.BytesIO(text.encode())
        self.size: int | None = len(text.encode())

    def read(self, size: int) -> bytes:
        return self._bytes.read(size)


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "texts": {"type": "dict", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
    }
    SCHEMES: ClassVar[tuple[str, ...]] = ("made-up",)
    FORM: ClassVar[str] = "made-up://NAME"

    def validate(self, url: str) -> None:
        pass

    def shown(self, url: str) -> str:
        return url

    def file_name(self, url: str) -> str:
        return url.rpartition("/")[2]

    def beside(self, url: str, suffix: str) -> str:
        return url + suffix

    def pinned(self, url: str) -> str | None:
        return None

    def look_up(self, url: str, access: Access) -> int | None:
        with self.open(url, access, str) as text:
            return text.size

    @contextlib.contextmanager
    def open(self, url: str, access: Access, seen: Callable[[], str]) -> Iterator[Stream]:
        name = self.file_name(url)
        if name not in access.own["texts"]:
            raise StrataError(f"Fetching {url}: there is no text '{name}'.")
        yield Text(access.own["texts"][name])
