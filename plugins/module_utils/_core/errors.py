# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that Strata's cores raise for what a user can cause or must correct."""

from __future__ import annotations

from typing import Any


class StrataError(Exception):
    """Says what was tried, on what, what came back and what to do about it.

    Args:
        message: one or two sentences for the operator; never holds a secret.
        **details: JSON-serialisable facts that the module returns beside ``msg``.
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details: dict[str, Any] = details
