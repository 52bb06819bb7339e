# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One process at a time, by an advisory lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@contextmanager
def exclusive(path: Path, *, create: bool = False, timeout: float = 10.0) -> Iterator[None]:
    """Hold ``path`` alone, a file that others may replace by rename meanwhile.

    Args:
        create: make the file, mode 0600, where it is missing.
        timeout: seconds to wait for another process.

    Raises:
        StrataError: another process kept it for longer.
        OSError: it cannot be opened for writing, or is a link.
    """
    deadline = time.monotonic() + timeout
    while True:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_CREAT if create else 0)
        descriptor = os.open(path, flags, 0o600)
        try:
            _wait(descriptor, path, deadline)
            # A lock on a file that was replaced while we waited excludes nobody.
            if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
                yield
                return
        finally:
            os.close(descriptor)


def _wait(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"Another process has kept {path} locked for too long; find it with `fuser {path}` and try again."
                ) from error
            time.sleep(0.01)
        else:
            return
