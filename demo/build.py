# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds the shop's releases: each is its parent's files with its own laid over them."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from demo.state import ROOT, State

SOURCES = ROOT / "demo" / "shop"
PARENTS = {"1.0": None, "2.0": "1.0", "3.0-broken": "2.0", "3.1-journey": "2.0"}


def build(state: State) -> list[Path]:
    """Write an artifact and its checksum for each release; the same source gives the same bytes."""
    return [
        _write(state.artifacts / f"shop-{version}.tar.gz", pack(files_of(version))) for version in PARENTS
    ]


def files_of(version: str) -> dict[str, tuple[bytes, int]]:
    """A release's files: path, content and mode."""
    parent = PARENTS[version]
    files = files_of(parent) if parent else {}
    for path in sorted((SOURCES / version).rglob("*")):
        if path.is_file() and path.parent.name != "__pycache__":
            mode = 0o755 if path.parent.name == "bin" else 0o644
            files[str(path.relative_to(SOURCES / version))] = (path.read_bytes(), mode)
    files["VERSION"] = (f"{version}\n".encode(), 0o644)
    return files


def pack(files: dict[str, tuple[bytes, int]]) -> bytes:
    """A tar.gz without times and owners."""
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name, (content, mode) in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _write(artifact: Path, content: bytes) -> Path:
    # The checksum is written last: it vouches for a file that is whole.
    temporary = artifact.with_name(f".{artifact.name}")
    temporary.write_bytes(content)
    temporary.replace(artifact)
    checksum = f"{hashlib.sha256(content).hexdigest()}  {artifact.name}\n"
    artifact.with_name(f"{artifact.name}.sha256").write_text(checksum, encoding="utf-8")
    return artifact


if __name__ == "__main__":
    demo = State()
    demo.prepare()
    for built in build(demo):
        print(built)
