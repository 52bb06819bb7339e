# SPDX-License-Identifier: GPL-3.0-or-later
"""An artifact, and what verifies its signature."""

from __future__ import annotations

from fixtures.signatures import artifact, verify

__all__ = ["artifact", "verify"]
