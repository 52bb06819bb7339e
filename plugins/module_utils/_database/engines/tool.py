# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a migration tool's commands: as the application's user, with its environment, within a time limit."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.account import Account, account
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    PASSWORD_VARIABLE,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.secrecy import Secrets

_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_FOR_A_SHELL = re.compile(r"[$`;|&<>]|\A\s*\w+=")


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
        return account(self._user)

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
            CommandError: it could not be run, took too long, or was ended by a signal.
        """
        environment = {name: str(value) for name, value in self._environment.items()}
        done = Command(
            command,
            timeout=self._timeout,
            name=f"The {what} command `{shlex.join(command)}`",
            folder=folder,
            # The password variable is the module's own, not the tool's.
            environment={PASSWORD_VARIABLE: None, **environment, **facts},
            account=self.account(),
            inherited=inherited,
            conceal=self._secrets.conceal,
            if_missing="A program is found on the PATH, or by its path in the release.",
            if_slow="Check in the database what it did. The limit is the option timeout (role: db_migrate_timeout).",
        ).run()
        if done.code:
            raise done.failure()
        return done.whole_output()


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
