# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file on the host, or on what is mounted there: an absolute path."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from typing import IO, Any, Callable, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.protocol import Access, Stream
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class _File:
    """See `Stream`."""

    digest: str | None = None
    manifest: str | None = None

    def __init__(self, file: IO[bytes], shown: str) -> None:
        self._file = file
        self._shown = shown
        self.size: int | None = os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size)
        except OSError as error:
            raise StrataError(f"Reading {self._shown}: {error.strerror}.") from error


class File:
    """See `Provider`."""

    NAME: ClassVar[str] = "file"
    OPTIONS: ClassVar[Mapping[str, Any]] = {}
    SCHEMES: ClassVar[tuple[str, ...]] = ("",)
    FORM: ClassVar[str] = "an absolute path on the host"

    def validate(self, url: str) -> None:
        if "\0" in url:
            raise StrataError("A path cannot have a NUL character in it.")

    def shown(self, url: str) -> str:
        return url

    def file_name(self, url: str) -> str:
        return os.path.basename(url)

    def beside(self, url: str, suffix: str) -> str:
        return url + suffix

    def pinned(self, url: str) -> str | None:
        return None

    def look_up(self, url: str, access: Access) -> int | None:
        with self.open(url, access, str) as file:
            return file.size

    @contextlib.contextmanager
    def open(self, url: str, access: Access, seen: Callable[[], str]) -> Iterator[Stream]:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(open(url, "rb"))
            except OSError as error:
                raise StrataError(
                    f"Fetching {url}: {error.strerror}. The path is one on the host, or on the controller where that fetches."
                ) from error
            yield _File(file, url)
