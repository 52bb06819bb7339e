# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formats of archives, told by their first bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack import tar, zip_file
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.compression import decompressed
from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    Bounded,
    DamagedError,
    Entry,
    Rejoined,
    Stream,
    head_of,
)


@contextlib.contextmanager
def entries(stream: Stream, scratch: Path, limit: int) -> Iterator[Iterator[Entry]]:
    """The entries of a tar, plain or compressed, or of a zip; the stream is read to its end where they are gone through.

    Args:
        scratch: a private folder, for a zip cannot be read before its end.
        limit: the most bytes that there may be, packed and unpacked, all that is between the files included.

    Raises:
        ArchiveError: it is damaged, of no known format, or above the limit.
    """
    head = head_of(stream, tar.BLOCK)
    if not head:
        raise DamagedError("it is empty")
    packed = Bounded(Rejoined(head, stream), limit)
    if head.startswith(zip_file.SIGNATURES):
        with contextlib.closing(zip_file.entries(packed, scratch)) as found:
            yield found
        return
    with decompressed(head, packed) as plain:
        if plain is None:
            yield _tar(head, packed, "it is")
            return
        bounded = Bounded(plain, limit)
        inner = head_of(bounded, tar.BLOCK)
        yield _tar(inner, Rejoined(inner, bounded), "what is compressed in it is")


def _tar(head: bytes, stream: Stream, what: str) -> Iterator[Entry]:
    if not tar.begins(head):
        raise DamagedError(
            f"{what} neither a tar (plain, or compressed with gzip, bzip2, xz or zstd) nor a zip,"
            f" and begins with {ascii(head[:16])[1:]}"
        )
    return tar.entries(stream)
