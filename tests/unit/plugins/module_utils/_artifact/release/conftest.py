# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are staged, and the moment of a kill."""

from __future__ import annotations

from fixtures.release import kill_at, killed, root, stage

__all__ = ["kill_at", "killed", "root", "stage"]
