# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a format of signatures does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command, Result

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


def run(tool: str, package: str, arguments: list[str], source: IO[bytes] | None = None) -> Result:
    """Run a tool of the host.

    Args:
        package: what has it on Debian.
        source: its standard input.
    """
    return Command(
        (tool, *arguments),
        TIMEOUT,
        environment={"LC_ALL": "C"},
        if_missing=f"Install it (Debian, Ubuntu: apt-get install {package}).",
    ).run(stdin=source)


def said(done: Result) -> str:
    """The last line that a tool wrote for people."""
    lines = (done.errors.strip() or done.output.strip()).splitlines()
    return lines[-1].rstrip(".") if lines else f"exit code {done.code}"
