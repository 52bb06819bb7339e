# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and ending a child process: the only file that does so. To run a command, use `command`."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.account import Account

DEVNULL = subprocess.DEVNULL
PIPE = subprocess.PIPE

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL, in which a command can clean up."""
_PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A running program in a session and process group of its own.

    Args:
        account: the user to become; this process's own user where it is None.
        inherited: descriptors that stay open in the child.
        ends_with_parent: have the kernel end the child when this process dies. It reaches the child, not what that
            has started. Linux only, and only where this process has no other threads.

    Raises:
        OSError: it could not be started.
        ValueError: a word or a variable has a null character.
    """

    def __init__(
        self,
        words: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdin: int | IO[bytes],
        stdout: int | IO[bytes],
        stderr: int | IO[bytes],
        folder: str | os.PathLike[str] | None = None,
        account: Account | None = None,
        inherited: Sequence[int] = (),
        ends_with_parent: bool = True,
    ) -> None:
        identity: dict[str, Any] = {}
        if account:
            identity = {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
        self._process = subprocess.Popen(  # noqa: S603 (a list: no shell reads it)
            words,
            bufsize=0,
            cwd=folder,
            env=environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            pass_fds=inherited,
            # It runs after the change of user, which would clear what it sets.
            preexec_fn=_end_with_parent() if ends_with_parent else None,
            **identity,
        )
        self.group = self._process.pid
        self.stdin = self._process.stdin
        self.stdout = self._process.stdout

    def wait(self, timeout: float | None) -> int | None:
        """Its exit code, negative for a signal; None where it still runs after ``timeout`` seconds."""
        began = time.monotonic()
        # Popen polls; this returns at once. It needs Linux 5.3.
        with suppress(AttributeError, OSError):
            descriptor = os.pidfd_open(self._process.pid)
            try:
                poll = select.poll()
                poll.register(descriptor, select.POLLIN)
                poll.poll(None if timeout is None else timeout * 1000)
            finally:
                os.close(descriptor)
        try:
            return self._process.wait(
                None if timeout is None else max(0.0, timeout - (time.monotonic() - began))
            )
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> bool:
        """End its whole process group, SIGTERM first; False where that runs as another user, whom we may not signal."""
        deadline = time.monotonic() + GRACE
        try:
            os.killpg(self.group, signal.SIGTERM)
            while time.monotonic() < deadline:
                self._process.poll()  # a shell may be gone long before what it has started
                os.killpg(self.group, 0)
                time.sleep(0.02)
            os.killpg(self.group, signal.SIGKILL)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        self.wait(GRACE)
        return True


def _end_with_parent() -> Callable[[], None] | None:
    """What the child calls before it becomes the program; None where that is impossible or unsafe."""
    import ctypes  # not above: it takes some milliseconds, and services are restarted without it

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None or not _is_single_threaded():
        return None
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return ask


def _is_single_threaded() -> bool:
    """Python code between fork and exec can wait forever for a lock that another thread held at the fork."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
