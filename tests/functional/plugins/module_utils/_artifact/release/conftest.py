# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that are staged and deployed, and the moment of a kill."""

from __future__ import annotations

from fixtures.release import deploy, kill_at, killed, root, stage

__all__ = ["deploy", "kill_at", "killed", "root", "stage"]
