# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON that another system wrote: whatever it is, it is either read or a ValueError."""

from __future__ import annotations

import json
from typing import Any


def parse(text: str | bytes) -> Any:
    """Like `json.loads`, with a ValueError for what is nested too deeply as well.

    Raises:
        ValueError: it is not JSON, or not in an encoding that JSON may have.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def is_number(value: object) -> bool:
    """Whether a JSON value is a whole number, which ``true`` is not."""
    return isinstance(value, int) and not isinstance(value, bool)
