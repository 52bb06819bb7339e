# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that others wrote, made safe for a terminal."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"(?:\x1b\[|\x9b)[0-9;:]*m")
_NOT_PRINTABLE = re.compile(
    # C0 without tab and line feed, DEL and C1; line separators; what changes the direction of the text around it.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def printable(text: str) -> str:
    r"""``text`` without colours, each other control character written as ``\u001b`` for instance.

    A terminal obeys such characters: they can rewrite lines above, set the clipboard, or show a text in another order.
    JSON stays the same JSON.
    """
    if not _NOT_PRINTABLE.search(text):
        return text
    return _NOT_PRINTABLE.sub(
        lambda found: f"\\u{ord(found[0]):04x}", _COLOUR.sub("", text.replace("\r\n", "\n"))
    )
