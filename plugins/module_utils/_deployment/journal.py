# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of an app: one JSON object a line, appended when a deployment ends or its lock is broken, never rewritten."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.durable import sync_directory

JOURNAL = "journal.jsonl"


def append(folder: Path, entry: Mapping[str, Any]) -> None:
    """Add one entry, on disk when this returns; the file is readable by its owner only."""
    line = json.dumps(entry, sort_keys=True).encode() + b"\n"
    descriptor = os.open(folder / JOURNAL, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "r+b", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        if end and os.pread(descriptor, 1, end - 1) != b"\n":
            line = b"\n" + line  # a power cut may have torn the last line; it must not swallow this one
        stream.write(line)
        os.fsync(descriptor)
    sync_directory(folder)


def tail(folder: Path, entries: int) -> tuple[dict[str, Any], ...]:
    """The last entries, newest first; torn lines are passed over."""
    return tuple(islice(_newest_first(folder), max(entries, 0)))


def last_entry_of(folder: Path, identifier: str) -> dict[str, Any] | None:
    """The newest entry of one deployment; None where it has none."""
    return next((entry for entry in _newest_first(folder) if entry.get("id") == identifier), None)


def _newest_first(folder: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = (folder / JOURNAL).read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in reversed(lines):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry
