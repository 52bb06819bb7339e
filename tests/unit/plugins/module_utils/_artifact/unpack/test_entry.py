# SPDX-License-Identifier: GPL-3.0-or-later
"""The streams that an archive is read from."""

from __future__ import annotations

import io

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.unpack.entry import (
    ArchiveError,
    Bounded,
    DamagedError,
    Rejoined,
    head_of,
    refused,
)


class Trickle:
    """A stream that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, size: int) -> bytes:
        return self._data.read(min(size, 1))


def test_a_bounded_stream_ends_in_an_error_above_its_limit() -> None:
    bounded = Bounded(io.BytesIO(b"12345"), 4)
    assert bounded.read(4) == b"1234"
    with pytest.raises(ArchiveError, match=r"max_bytes, max_entries"):
        bounded.read(1)


def test_a_bounded_stream_gives_all_up_to_its_limit() -> None:
    bounded = Bounded(io.BytesIO(b"1234"), 4)
    assert bounded.read(10) + bounded.read(10) == b"1234"


def test_a_head_is_read_whole_from_a_stream_that_gives_little() -> None:
    stream = Trickle(b"12345")
    assert head_of(stream, 3) == b"123"
    assert head_of(stream, 3) == b"45"
    assert head_of(stream, 3) == b""


def test_a_rejoined_stream_begins_with_what_was_read_already() -> None:
    rejoined = Rejoined(b"123", io.BytesIO(b"45"))
    assert [rejoined.read(2) for _ in range(4)] == [b"12", b"3", b"45", b""]


def test_errors_say_what_to_do() -> None:
    assert str(DamagedError("it is empty")) == (
        "The artifact is not an intact archive: it is empty. Build or fetch it again."
    )
    error = refused("a" * 300, "it is setuid or setgid")
    assert f"'{'a' * 200}' is refused: it is setuid or setgid" in str(error)
