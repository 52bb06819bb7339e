# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a command of the operator's own: a hook."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

OUTPUT_LIMIT = 65536
"""The last bytes of what a hook wrote that are kept."""


@dataclass(frozen=True)
class Ended:
    """A hook that ended by itself, and the end of what it wrote."""

    code: int
    output: str

    @property
    def said(self) -> str:
        """Its last words, to be added to ``failed with 1``."""
        words = " ".join(self.output.split())[-300:]
        return f": {words}" if words else ""


def run(
    command: Sequence[str],
    timeout: float,
    *,
    name: str,
    folder: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command and wait for its own end, not for what it leaves behind in the background.

    Args:
        name: what the command is called in errors.
        environment: added to that of this process.

    Raises:
        StrataError: it could not be run; or it took too long, and it and its children were killed.
    """
    # A file, for a pipe would have us wait for whatever the hook leaves behind.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 (the operator's own command, as a list)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        except OSError as error:
            raise StrataError(f"The {name} {command[0]} could not be run: {error.strerror}.") from None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise StrataError(
                f"The {name} {command[0]} did not end within {timeout:g} s and was killed."
            ) from None
        output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT_LIMIT))
        return Ended(code, urls.masked(output.read().decode(errors="replace")))
