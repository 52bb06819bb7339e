# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a migration tool's commands: as the application's user, with its environment, and never for ever."""

from __future__ import annotations

import ctypes
import os
import pwd
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import Secrets

GRACE = 5.0
"""Seconds that a tool has to roll back what it is at, once it was told to end."""
OUTPUT_LIMIT = 64 * 1024 * 1024
TAIL_LINES = 10
TAIL_LENGTH = 750
"""Characters of each stream, so that one that talks a lot leaves the other's last words."""
_PR_SET_PDEATHSIG = 1
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_FOR_A_SHELL = re.compile(r"[$`;|&<>]|\A\s*\w+=")


class ExitCodeError(StrataError):
    """A command ended by itself and said by its exit code that it failed."""


@dataclass(frozen=True)
class Account:
    """Whom a command runs as."""

    name: str
    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


class Tool:
    """Runs commands in the folder of a release.

    Args:
        user: whom they run as; this process's own user where it is None or empty.
        environment: variables on top of this process's own.
        timeout: seconds that one command may take.
    """

    def __init__(self, user: str | None, environment: Mapping[str, Any] | None, timeout: float) -> None:
        self._user = user
        self._environment = environment or {}
        self._timeout = timeout
        self._secrets = Secrets(self._environment)

    def validate(self) -> None:
        """Raise StrataError where an option makes no sense on this host."""
        if self._timeout <= 0:
            raise StrataError(f"The timeout must be above 0; it is {self._timeout:g}.")
        for name, value in self._environment.items():
            if not name or "=" in name or "\0" in name:
                raise StrataError(f"The environment has the variable '{name}', which is no name for one.")
            if isinstance(value, bool) or not isinstance(value, (str, int, float)) or "\0" in str(value):
                raise StrataError(f"The value of {name} in the environment is not a string: quote it.")
        self.account()

    def account(self) -> Account | None:
        """The user to change to; None where there is nothing to change."""
        if not self._user:
            return None
        try:
            entry = pwd.getpwnam(self._user)
        except KeyError:
            raise StrataError(
                f"There is no user '{self._user}' on this host to run the migration commands as."
            ) from None
        if os.geteuid() not in (0, entry.pw_uid):
            raise StrataError(
                f"Running the migration commands as {self._user} needs root on this host. Set ansible_become for it."
            )
        if os.geteuid() != 0:
            return None
        groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, groups, entry.pw_dir)

    def run(
        self,
        what: str,
        command: tuple[str, ...],
        folder: Path,
        facts: Mapping[str, str],
        inherited: Sequence[int] = (),
    ) -> str:
        """Run a command; what it printed on its standard output.

        Args:
            what: how an error calls it.
            facts: further variables for it, which are no secrets.
            inherited: descriptors that it keeps open, a lock's for instance.

        Raises:
            ExitCodeError: it ended by itself, and failed.
            StrataError: it could not be run, or was ended, by this for having taken too long or by another.
                Either has its last words, secrets blotted out.
        """
        shown = f"The {what} command `{self._secrets.conceal(shlex.join(command))}`"
        # Files, for a pipe would have us wait for whatever the command leaves behind in the background.
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            code = self._wait(
                shown, self._start(shown, command, folder, facts, output, errors, inherited), output, errors
            )
            if code < 0:
                raise StrataError(f"{shown} was ended by signal {-code}.{self._last_words(errors, output)}")
            if code:
                raise ExitCodeError(
                    f"{shown} failed with exit code {code}.{self._last_words(errors, output)}"
                )
            if output.seek(0, os.SEEK_END) > OUTPUT_LIMIT:
                raise StrataError(f"{shown} printed more than {OUTPUT_LIMIT} bytes.")
            output.seek(0)
            return output.read().decode(errors="replace")

    def _start(
        self,
        shown: str,
        command: tuple[str, ...],
        folder: Path,
        facts: Mapping[str, str],
        output: IO[bytes],
        errors: IO[bytes],
        inherited: Sequence[int],
    ) -> subprocess.Popen[bytes]:
        account = self.account()
        identity: dict[str, Any] = {}
        environment = dict(os.environ)
        environment.pop(PASSWORD_VARIABLE, None)  # the module's own
        if account:
            identity = {"user": account.uid, "group": account.gid, "extra_groups": account.groups}
            own = {"HOME": account.home, "LOGNAME": account.name, "USER": account.name}
            kept = {
                name: value for name, value in environment.items() if not name.startswith(("SUDO_", "XDG_"))
            }
            environment = {**kept, **own}
            for stream in (output, errors):
                # A script that opens /dev/stderr by its name opens the file anew, as the user.
                os.fchown(stream.fileno(), account.uid, account.gid)
        environment.update({name: str(value) for name, value in self._environment.items()})
        try:
            return subprocess.Popen(  # noqa: S603 (the operator's own command, as a list)
                command,
                cwd=folder,
                env={**environment, **facts},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                pass_fds=inherited,
                preexec_fn=end_with_parent(),
                **identity,
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise StrataError(
                f"{shown} could not be run in {folder}: {reason}. A program is found on the PATH, or by its path in the release."
            ) from None

    def _wait(
        self, shown: str, process: subprocess.Popen[bytes], output: IO[bytes], errors: IO[bytes]
    ) -> int:
        try:
            return process.wait(self._timeout)
        except subprocess.TimeoutExpired:
            ended = (
                "was ended. What it had done by then is for the tool to tell."
                if end(process)
                else f"could not be ended: process group {process.pid} still runs as another user."
            )
            raise StrataError(
                f"{shown} did not end within {self._timeout:g} s and {ended}{self._last_words(errors, output)}"
            ) from None
        except BaseException:
            end(process)
            raise

    def _last_words(self, errors: IO[bytes], output: IO[bytes]) -> str:
        lines = []
        for stream in (output, errors):
            stream.seek(max(0, stream.seek(0, os.SEEK_END) - OUTPUT_LIMIT))
            # First blotted out, then cut: half a secret would not be found.
            text = self._secrets.conceal(stream.read().decode(errors="replace"))
            last = [line.rstrip() for line in text.splitlines() if line.strip()][-TAIL_LINES:]
            lines += ["\n  ".join(last)[-TAIL_LENGTH:]] if last else []
        words = "\n  ".join(lines)
        return f" Its last words:\n  {words}" if lines else " It printed nothing."


def argv(name: str, command: Any) -> tuple[str, ...]:
    """A command as a list of words: given so, or as a string that is split as a shell would, without running one.

    Raises:
        StrataError: it is neither, empty, or meant for a shell.
    """
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise StrataError(f"The {name} command cannot be split into words: {error}.") from error
        meant = _FOR_A_SHELL.search(_QUOTED.sub(_expanded, command))
        if meant:
            raise StrataError(
                f"The {name} command has '{meant[0].strip()}' in it, and no shell reads it: quote it, make it a script in the "
                "release, or a list that begins with sh, -c."
            )
    elif isinstance(command, (list, tuple)) and all(isinstance(each, (str, int)) for each in command):
        words = [str(each) for each in command]
    else:
        raise StrataError(f"The {name} command is neither a string nor a list of strings.")
    if not words or not words[0]:
        raise StrataError(f"The {name} command is empty.")
    return tuple(words)


def _expanded(quoted: re.Match[str]) -> str:
    """What a shell would still see of a quoted part: between double quotes it looks for variables and commands."""
    return re.sub(r"\\.|[^$`]", "", quoted[0], flags=re.DOTALL) if quoted[0][0] == '"' else "x"


def end(process: subprocess.Popen[bytes]) -> bool:
    """End a command and what it has started, all of which may first put right what it is at; whether one may end it."""
    deadline = time.monotonic() + GRACE
    try:
        os.killpg(process.pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            process.poll()  # a shell may be gone long before the tool that it has started
            os.killpg(process.pid, 0)
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    with suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    return True


def end_with_parent() -> Callable[[], None] | None:
    """What has the kernel end the command when this process is killed; None where the system cannot.

    It reaches the command itself, not what that has started.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is None:
        return None
    parent = os.getpid()

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it was killed before that
            os._exit(1)

    return ask
