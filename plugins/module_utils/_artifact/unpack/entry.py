# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an archive is made of, whatever its format, and the streams that it is read from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

CHUNK = 256 * 1024


class Stream(Protocol):
    """What can be read once, from its beginning to its end."""

    def read(self, size: int) -> bytes:
        """At most ``size`` bytes, and none at the end alone."""


class Entry(NamedTuple):
    """One entry of an archive; ``content`` is read before the next one is asked for, or not at all."""

    name: str
    kind: str
    """"file", "folder", "link", "hard link", "comment" (says something of the archive), or "other"."""
    mode: int = 0
    size: int = 0
    target: str = ""
    content: Iterator[bytes] = iter(())


class ArchiveError(StrataError):
    """What is wrong with an archive."""


class DamagedError(ArchiveError):
    """The archive is not one, or not a whole one."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The artifact is not an intact archive: {why}. Build or fetch it again.")


def refused(name: str, why: str) -> ArchiveError:
    """The error for an entry that is not allowed."""
    return ArchiveError(
        f"The artifact's entry {name[:200]!a} is refused: {why}. Build the artifact without it."
    )


class Bounded:
    """A stream that ends in an error before it floods the disk, the memory, or time."""

    def __init__(self, stream: Stream, limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError("The artifact is far larger than its limits allow (max_bytes, max_entries).")
        return data


class Rejoined:
    """A stream whose beginning was read already."""

    def __init__(self, head: bytes, stream: Stream) -> None:
        self._head = head
        self._stream = stream

    def read(self, size: int) -> bytes:
        if not self._head:
            return self._stream.read(size)
        data, self._head = self._head[:size], self._head[size:]
        return data


def head_of(stream: Stream, size: int) -> bytes:
    """The first ``size`` bytes, fewer only where there are no more."""
    head = b""
    while len(head) < size:
        chunk = stream.read(size - len(head))
        if not chunk:
            break
        head += chunk
    return head
