# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are either the old or the new, whatever is killed in between."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import json_text
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def sync_directory(path: Path) -> None:
    """Flush a directory's entries, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(path: Path) -> None:
    """Flush the file system that holds a directory, and no other: one flush for a tree of many files."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file in one rename(2), flushed to disk; its folder must exist.

    An existing file keeps its mode and, where permitted, its owner; ``mode`` is for a new one.
    """
    # By way of the folder itself: where others may write in what it lies in, a link could come in its place meanwhile.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _replace(folder, path.name, text, mode)
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(folder: int, name: str, text: str, mode: int) -> None:
    fresh = f".{name}.{secrets.token_hex(8)}"
    descriptor = os.open(
        fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            former = _former(folder, name)
            if former is None:
                os.fchmod(descriptor, mode)
            else:
                os.fchmod(descriptor, former.st_mode & 0o777)
                if (former.st_uid, former.st_gid) != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
                    os.fchown(descriptor, former.st_uid, former.st_gid)
            os.fsync(descriptor)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(fresh, dir_fd=folder)
        raise


def _former(folder: int, name: str) -> os.stat_result | None:
    """The file that is replaced; None if there is no file, or a link."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def write_json(path: Path, value: Any, mode: int = 0o600) -> None:
    """Like `write_text`, for a JSON value."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True) + "\n", mode)


def read_json(path: Path, default: Any) -> Any:
    """Read a JSON file; ``default`` where there is none.

    Raises:
        StrataError: the file is not JSON.
    """
    try:
        return json_text.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return default
    except ValueError as error:
        raise StrataError(f"Reading {path}: it is not valid JSON ({error}). Mend or remove it.") from error
