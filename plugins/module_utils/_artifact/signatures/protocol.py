# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a format of signatures does."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

TIMEOUT = 600.0


@dataclass(frozen=True)
class Demands:
    """See `Signature`; ``key`` is the key itself, its bytes as Latin-1 where it comes from a file."""

    key: str
    comment: str | None
    identity: str | None
    namespace: str


class Format(Protocol):
    """One format; errors are StrataErrors that begin in the middle of a sentence about the signature."""

    NAME: str
    SUFFIX: str

    def validate(self, demands: Demands) -> None:
        """Refuse what cannot be a key."""

    def verify(self, signature: bytes, signed: Path, demands: Demands) -> None:
        """Raise StrataError unless it is a signature of that file, by that key."""


@contextmanager
def private_files(**contents: bytes) -> Iterator[dict[str, Path]]:
    """Files for a tool, by name."""
    with tempfile.TemporaryDirectory(prefix="strata-signature-") as folder:
        paths = {name: Path(folder) / name for name in contents}
        for name, content in contents.items():
            paths[name].write_bytes(content)
        yield paths


def run(
    tool: str, package: str, arguments: list[str], source: IO[bytes] | None = None
) -> subprocess.CompletedProcess[str]:
    """What a tool of the host says.

    Args:
        package: what has it on Debian.
        source: its standard input.
    """
    program = shutil.which(tool)
    if program is None:
        raise StrataError(
            f"{tool} is not on this host. Install it (Debian, Ubuntu: apt-get install {package})."
        )
    try:
        return subprocess.run(  # noqa: S603 (a list, nothing secret in it)
            [program, *arguments],
            stdin=source or subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, "LC_ALL": "C"},
            timeout=TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StrataError(f"{tool} did not do its work: {error}.") from error


def said(completed: subprocess.CompletedProcess[str]) -> str:
    """The last of what a tool wrote for people."""
    lines = (completed.stderr.strip() or completed.stdout.strip()).splitlines()
    return lines[-1].rstrip(".") if lines else f"exit code {completed.returncode}"
