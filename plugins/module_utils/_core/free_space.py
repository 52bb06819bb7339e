# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much more a file system of this host takes."""

from __future__ import annotations

import os
from pathlib import Path


def free(path: Path) -> int:
    """Bytes that are free for everyone where ``path`` is or, while it is absent, would be."""
    while not path.exists() and path != path.parent:
        path = path.parent
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def shown(size: float) -> str:
    """A number of bytes for a message."""
    units = iter(("KiB", "MiB", "GiB", "TiB"))
    if size < 1024:
        return f"{size:.0f} bytes"
    for unit in units:
        size /= 1024
        if size < 1024 or unit == "TiB":
            break
    return f"{size:.1f} {unit}"
