# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host tells the shop: ``shop.json``, linked into the release."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where this process listens, what it uses, and which release it is."""

    host: str
    port: int
    database_url: str
    flags: str
    release: str


def read(release: Path) -> Settings:
    version = (release / "VERSION").read_text(encoding="utf-8").strip()
    return Settings(**json.loads((release / "shop.json").read_text(encoding="utf-8")), release=version)
