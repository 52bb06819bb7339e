# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a release that brings its team's own tool: ``PYTHONPATH=. python molecule/db_migrate/build.py FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

from demo.build import pack

TOOL = Path(__file__).parent / "orders" / "bin" / "migrate"

if __name__ == "__main__":
    artifact = Path(sys.argv[1]) / "orders-1.0.tar.gz"
    artifact.parent.mkdir(parents=True, exist_ok=True)
    artifact.write_bytes(pack({"bin/migrate": (TOOL.read_bytes(), 0o755)}))
