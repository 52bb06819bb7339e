# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures of these tests that tests/functional has too."""

from __future__ import annotations

from fixtures.plugins import build, certificates, logged, migrating_shop, run_module

__all__ = ["build", "certificates", "logged", "migrating_shop", "run_module"]
