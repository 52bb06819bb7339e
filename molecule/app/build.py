# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the app's releases as artifacts: ``PYTHONPATH=. python molecule/app/build.py FOLDER``."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from demo.build import pack

APP = Path(__file__).parent
# What each release has beside the app: the first so many migrations, and what is wrong with it.
RELEASES: dict[str, tuple[int, str | None]] = {
    "0.9": (1, None),
    "1.0": (1, None),
    "2.0": (2, None),
    "3.0-broken": (2, "BROKEN"),
    "3.1-crash": (2, "CRASH"),
    "3.2-collapse": (2, "COLLAPSE"),
}


def build(version: str) -> bytes:
    migrations, fault = RELEASES[version]
    files = {"app.py": ((APP / "app.py").read_bytes(), 0o644), "VERSION": (f"{version}\n".encode(), 0o644)}
    for path in sorted((APP / "migrations").glob("*.sql"))[:migrations]:
        files[f"migrations/{path.name}"] = (path.read_bytes(), 0o644)
    if fault:
        files[fault] = (b"", 0o644)
    return pack(files)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for version in RELEASES:
        artifact = folder / f"shop-{version}.tar.gz"
        content = build(version)
        artifact.write_bytes(content)
        checksum = f"sha256:{hashlib.sha256(content).hexdigest()}"
        artifact.with_name(f"{artifact.name}.sha256").write_text(checksum, encoding="utf-8")
