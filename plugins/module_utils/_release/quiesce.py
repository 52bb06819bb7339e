# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hook that has a service finish what it has in hand."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile

from ansible_collections.strata.deploy.plugins.module_utils import _url


def quiesce(command: tuple[str, ...], timeout: float) -> str | None:
    """Run the quiesce hook; what went wrong, in words."""
    if not command:
        return None
    program = command[0]
    # A file, for a pipe would have us wait for whatever the hook leaves behind in the background.
    with tempfile.TemporaryFile() as output:
        try:
            process = subprocess.Popen(  # noqa: S603 (the operator's own command, as a list)
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"The quiesce hook {program} could not be run: {error.strerror}."
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"The quiesce hook {program} did not end within {timeout:g} s and was killed."
        output.seek(0)
        said = " ".join(_url.masked(output.read().decode(errors="replace")).split())[-300:]
    if code == 0:
        return None
    return f"The quiesce hook {program} failed with {code}" + (f": {said}." if said else ".")
