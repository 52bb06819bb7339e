# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One migrator of an app at a time on this host, also where the deployment that began the first has lost sight of it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

RUN = Path("/run")


@contextmanager
def guarded(app: str, what: str, wait: float) -> Iterator[int]:
    """Hold the lock of an app; its descriptor, for a command to inherit: then it is held for as long as the command lives.

    Args:
        app: what tells one app on this host from another.
        what: what is done under it, for those who wait.
        wait: seconds to wait for another migrator.

    Raises:
        StrataError: another one did not end; it is named.
    """
    try:
        path = _folder() / f"migration-{hashlib.sha256(app.encode()).hexdigest()[:16]}.lock"
        # For reading, so that a command of another user cannot write what the file says.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StrataError(
            f"Locking out other migrators failed: {error.filename}: {error.strerror}."
        ) from error
    try:
        _wait(descriptor, path, wait)
        since = datetime.now(timezone.utc).isoformat(timespec="seconds")
        path.write_text(f"{what}, by process {os.getpid()} since {since}")
        yield descriptor
    finally:
        os.close(descriptor)


def _folder() -> Path:
    """One that only this user can write: another's lock in a shared one could not be told from ours."""
    system = os.geteuid() == 0 and RUN.is_dir()
    folder = RUN / "strata" if system else Path(tempfile.gettempdir()) / f"strata-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.geteuid() or found.st_mode & 0o170777 != 0o040700:
        raise StrataError(f"{folder} must be a folder of this user with the mode 0700: move it away.")
    return folder


def _wait(descriptor: int, path: Path, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StrataError(
                    f"Another migration has been at work on this host for more than {wait:g} s: {path.read_text() or 'not known'}. "
                    f"It may go on though its deployment has lost sight of it. Let it end (`fuser {path}` shows its processes), "
                    "and try again."
                ) from error
        time.sleep(0.05)
