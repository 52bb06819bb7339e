# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty folder to unpack into."""

from __future__ import annotations

from fixtures.unpack import unpacked

__all__ = ["unpacked"]
