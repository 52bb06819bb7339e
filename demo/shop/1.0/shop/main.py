# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the pieces of the shop together."""

from __future__ import annotations

from pathlib import Path

from shop import settings, web
from shop.database import Database


def main(release: Path, role: str) -> None:
    """Run as ``web`` or as ``worker`` until told to stop."""
    configured = settings.read(release)
    database = Database(configured.database_url)
    if role == "worker":
        from shop import worker

        worker.serve(configured, database)
        return
    from shop.routes import BLUEPRINTS

    web.serve(web.create_app(configured, database, BLUEPRINTS))
