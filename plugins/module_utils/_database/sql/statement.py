# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A statement of SQL and its words, as the linter and a run in steps see them."""

from __future__ import annotations

from dataclasses import dataclass


class Word(str):
    """One in capitals; a quoted name as it stands, a string as ``''``.

    Attributes:
        spelled: what the text has.
        depth: how many parentheses are around it.
    """

    __slots__ = ("depth", "spelled")
    spelled: str
    depth: int

    def __new__(cls, value: str, spelled: str, depth: int) -> Word:
        word = super().__new__(cls, value)
        word.spelled, word.depth = spelled, depth
        return word


@dataclass(frozen=True)
class Statement:
    """``line`` counts from 0 in the text, ``text`` is its own; ``tokens`` are all words, ``words`` those outside parentheses."""

    line: int
    words: tuple[Word, ...]
    text: str
    tokens: tuple[Word, ...]
