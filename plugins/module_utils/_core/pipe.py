# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command whose output is read while it runs, and which can be fed at the same time.

with piped(Command(("zstd", "-dc"), timeout=None), feed=source.read) as pipe:
    while chunk := pipe.read(CHUNK):
        ...
    done = pipe.result()
"""

from __future__ import annotations

import os
import select
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Callable, cast

from ansible_collections.strata.deploy.plugins.module_utils._core.child_process import (
    DEVNULL,
    PIPE,
    ChildProcess,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command, Result

CHUNK = 1024 * 1024
ENDING = 10.0
"""Seconds in which a command without a timeout must end after its last output."""


class Pipe:
    """The running command of `piped`.

    ``fed`` says whether the command has taken all of its input.
    """

    def __init__(
        self,
        command: Command,
        child: ChildProcess,
        errors: IO[bytes],
        feed: Callable[[int], bytes] | None,
    ) -> None:
        self.fed = feed is None
        self._command = command
        self._child = child
        self._errors = errors
        self._feed = feed
        self._pending = memoryview(b"")
        self._deadline = None if command.timeout is None else time.monotonic() + command.timeout
        self._output = cast(IO[bytes], child.stdout)
        self._poll = select.poll()
        self._poll.register(self._output, select.POLLIN)
        if child.stdin:
            os.set_blocking(child.stdin.fileno(), False)
            self._poll.register(child.stdin, select.POLLOUT)

    def read(self, size: int) -> bytes:
        """The next output, at most ``size`` bytes; empty at its end.

        Raises:
            TimeLimitError: the command took too long.
        """
        while True:
            left = self._left()
            ready = dict(self._poll.poll(None if left is None else left * 1000))
            if not ready:
                raise self._command.out_of_time(self._child, self._command.timeout or 0, self._errors)
            if self._output.fileno() in ready:
                return os.read(self._output.fileno(), size)
            self._write()

    def result(self) -> Result:
        """Wait for the command's end, once its output has ended.

        Raises:
            TimeLimitError: it closed its output and goes on.
        """
        self._close_input()  # it may wait for more before it ends with an error
        left = self._left()
        code = self._child.wait(ENDING if left is None else left)
        if code is None:
            raise self._command.out_of_time(self._child, self._command.timeout or ENDING, self._errors)
        return self._command.ended(code, self._errors)

    def close(self) -> None:
        if self._child.wait(0) is None:
            self._child.end()
        self._close_input()
        self._output.close()

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _write(self) -> None:
        stdin = cast(IO[bytes], self._child.stdin)
        if not self._pending:
            self._pending = memoryview(cast("Callable[[int], bytes]", self._feed)(CHUNK))
            if not self._pending:
                self.fed = True
                self._close_input()
                return
        try:
            self._pending = self._pending[os.write(stdin.fileno(), self._pending) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._close_input()  # why it reads no more is in its errors

    def _close_input(self) -> None:
        if self._child.stdin and not self._child.stdin.closed:
            self._poll.unregister(self._child.stdin)
            self._child.stdin.close()


@contextmanager
def piped(command: Command, feed: Callable[[int], bytes] | None = None) -> Iterator[Pipe]:
    """Run ``command`` with its output in a pipe; it is ended at the end of the block.

    Args:
        feed: gives its standard input, at most so many bytes at a time, empty at the end.

    Raises:
        CannotRunError: the program does not exist or cannot be executed.
    """
    with tempfile.TemporaryFile() as errors:
        pipe = Pipe(command, command.start(PIPE if feed else DEVNULL, PIPE, errors), errors, feed)
        try:
            yield pipe
        finally:
            pipe.close()
