# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command: the one way in which Strata starts a program.

    done = Command(("systemctl", "stop", unit), timeout=30).run()
    if done.code:
        raise done.failure("Look at `systemctl status`.")

A command's output goes to files, because a pipe would have us wait for whatever the command leaves running in the
background. To read output while the command runs, or to feed it, see `pipe`.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.account import Account
from ansible_collections.strata.deploy.plugins.module_utils._core.child_process import (
    DEVNULL,
    ChildProcess,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

OUTPUT_LIMIT = 64 * 1024 * 1024
"""Bytes of each stream that are kept: the last ones, because the end of a log says why something failed."""
TAIL_LIMIT = 64 * 1024
"""Enough where the output is only shown."""
LONGEST_SECRET = 4096
"""Bytes that are read before those that are kept, so that a secret which the limit cuts in two is not shown in part."""
SHOWN_LINES = 10
SHOWN_LENGTH = 750
"""What an error shows of each stream: its last lines, and of those the last characters."""
_ADVICE = {
    errno.EACCES: "Check that it is executable and that its user may enter the folder.",
    errno.ENOEXEC: "A script needs a first line such as #!/bin/sh.",
}


class CommandError(StrataError):
    """A command failed, took too long, or was ended by a signal."""


class CannotRunError(CommandError):
    """The program does not exist, or cannot be executed."""


class TimeLimitError(CommandError):
    """The command did not end in time, and was ended."""


class ExitCodeError(CommandError):
    """The command ended by itself with an exit code other than 0."""


@dataclass(frozen=True)
class Result:
    """A command that has ended.

    Attributes:
        name: how errors call it.
        code: its exit code; negative where a signal ended it.
        output: the end of its standard output, secrets concealed.
        errors: the same of its standard error; empty where the two were merged.
    """

    name: str
    code: int
    output: str
    errors: str
    _raw: str | None = field(default=None, repr=False)

    def whole_output(self) -> str:
        """All of its standard output as it came, with its secrets: for parsing, not for showing.

        Raises:
            CommandError: a part is missing, because it printed more than the limit.
        """
        if self._raw is None:
            raise CommandError(f"{self.name} printed more than is kept of its output, so it cannot be read.")
        return self._raw

    def failure(self, advice: str = "", **details: Any) -> CommandError:
        """The error that says that it failed, with the end of its output.

        Args:
            advice: sentences that say what to do.
            details: see `StrataError`.
        """
        streams = (self.output, self.errors)
        if self.code < 0:
            came = f"{self.name} was ended by signal {-self.code}"
            return CommandError(_told(came, streams, advice), **details)
        came = f"{self.name} failed with exit code {self.code}"
        return ExitCodeError(_told(came, streams, advice), **details)


@dataclass(frozen=True)
class Command:
    """A program to run, and how.

    Args:
        words: the program and its arguments; no shell reads them.
        timeout: seconds after which the command and all that it started in its process group are ended.
        name: how errors call it; by default the program.
        folder: its working folder; this process's own where it is None.
        environment: added to this process's environment; None removes a variable.
        account: the user that it runs as; see `account`.
        inherited: descriptors that it keeps open, such as that of a lock.
        conceal: removes secrets from text.
        ends_with_parent: see `ChildProcess`.
        if_missing: advice for an error where the program does not exist.
        if_slow: advice for an error where it took too long.
    """

    words: Sequence[str]
    timeout: float | None
    name: str = ""
    folder: str | os.PathLike[str] | None = None
    environment: Mapping[str, str | None] = field(default_factory=dict)
    account: Account | None = None
    inherited: Sequence[int] = ()
    conceal: Callable[[str], str] = urls.masked
    ends_with_parent: bool = True
    if_missing: str = ""
    if_slow: str = ""

    def run(
        self, *, stdin: IO[bytes] | None = None, merge: bool = False, limit: int = OUTPUT_LIMIT
    ) -> Result:
        """Run it and wait for its end, whatever its exit code.

        Args:
            stdin: an open file that it reads; nothing where it is None.
            merge: whether its standard error goes into ``output``, in the order in which it was written.
            limit: bytes of each stream that are kept.

        Raises:
            CannotRunError: the program does not exist or cannot be executed.
            TimeLimitError: it took too long; the error has the end of its output.
        """
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            child = self.start(DEVNULL if stdin is None else stdin, output, output if merge else errors)
            try:
                code = child.wait(self.timeout)
            except BaseException:
                child.end()
                raise
            if code is None:
                raise self.out_of_time(child, self.timeout or 0, output, errors)
            raw, shown = self._read(output, limit)
            return Result(self._shown, code, shown, self._read(errors, limit)[1], raw)

    def start(self, stdin: int | IO[bytes], stdout: int | IO[bytes], stderr: int | IO[bytes]) -> ChildProcess:
        """Start it; for `run` and `pipe`, which also end it."""
        for stream in (stdout, stderr):
            if self.account and not isinstance(stream, int):
                # A script that opens /dev/stderr by name opens the file again, as its user.
                os.fchown(stream.fileno(), self.account.uid, self.account.gid)
        try:
            return ChildProcess(
                self.words,
                folder=self.folder,
                environment=self._environment(),
                account=self.account,
                inherited=self.inherited,
                ends_with_parent=self.ends_with_parent,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
            )
        except (OSError, ValueError) as error:
            where = f" in {self.folder}" if self.folder else ""
            reason, advice = self._why(error)
            raise CannotRunError(
                f"{self._shown} could not be run{where}: {reason}. {advice}".rstrip()
            ) from None

    def ended(self, code: int, errors: IO[bytes]) -> Result:
        """The result where its output was read from a pipe."""
        return Result(self._shown, code, "", self._read(errors, OUTPUT_LIMIT)[1])

    def out_of_time(self, child: ChildProcess, timeout: float, *streams: IO[bytes]) -> TimeLimitError:
        """End it; the error that says so."""
        ended = "was ended"
        if not child.end():
            ended = f"could not be ended: process group {child.group} still runs as another user"
        came = f"{self._shown} did not end within {timeout:g} s and {ended}"
        return TimeLimitError(
            _told(came, [self._read(each, OUTPUT_LIMIT)[1] for each in streams], self.if_slow)
        )

    @property
    def _shown(self) -> str:
        return self.conceal(self.name or f"`{self.words[0]}`")

    def _environment(self) -> dict[str, str]:
        inherited = dict(os.environ)
        if self.account:
            inherited = {
                name: value for name, value in inherited.items() if not name.startswith(("SUDO_", "XDG_"))
            }
            inherited.update(HOME=self.account.home, LOGNAME=self.account.name, USER=self.account.name)
        changed = {**inherited, **self.environment}
        return {name: value for name, value in changed.items() if value is not None}

    def _why(self, error: OSError | ValueError) -> tuple[str, str]:
        """Why it could not be started, and what to do."""
        if not isinstance(error, OSError):
            return str(error), ""
        if error.errno != errno.ENOENT:
            return error.strerror or str(error), _ADVICE.get(error.errno or 0, "")
        if self.folder and not os.path.isdir(self.folder):
            return "there is no such folder", ""
        program = self.words[0]
        if "/" not in program:
            return self.conceal(f"there is no {program} on the PATH of this host"), self.if_missing
        if Path(self.folder or "", program).exists():
            return "the interpreter in the first line of the script does not exist", ""
        return str(error.strerror), self.if_missing

    def _read(self, file: IO[bytes], limit: int) -> tuple[str | None, str]:
        """A stream as it came, None where that is more than the limit; and its end, secrets concealed."""
        size = file.seek(0, os.SEEK_END)
        excess = max(0, size - limit)
        file.seek(max(0, excess - LONGEST_SECRET))
        text = file.read().decode(errors="replace")
        return None if excess else text, self.conceal(text)[min(excess, LONGEST_SECRET) :]


def _told(came: str, streams: Sequence[str], advice: str) -> str:
    """The text of an error: what came back, the last lines of each stream, what to do."""
    lines: list[str] = []
    for stream in streams:
        last = [line.rstrip() for line in stream.splitlines() if line.strip()][-SHOWN_LINES:]
        lines += "\n".join(last)[-SHOWN_LENGTH:].splitlines()
    if not lines:
        return f"{came}. It printed nothing. {advice}".rstrip()
    if len(lines) == 1:
        stop = "" if lines[0].endswith((".", "!", "?")) else "."
        return f"{came}: {lines[0].strip()}{stop} {advice}".rstrip()
    return "\n  ".join([f"{came}. Its last output:", *lines]) + (f"\n{advice}" if advice else "")
