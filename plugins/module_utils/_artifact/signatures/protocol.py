# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a format of signatures does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command, Result

TIMEOUT = 600.0


SHARED: Mapping[str, Any] = {
    "key": {"type": "str", "required": True, "no_log": False},
    # A password in it is hidden by the modules; the rest belongs into error messages.
    "url": {"type": "str"},
}
"""The options that every format has: the public key, or the path of its file; and where the signature is."""


class Format(Protocol):
    """A format of signatures. The messages of ``verify`` continue the sentence "Verifying the signature of FILE: ".

    Args:
        NAME: what users write as ``format``.
        OPTIONS: its options, declared as in an AnsibleModule's ``argument_spec``; `SHARED` is among them.
        SUFFIX: the end of the name of a signature that is beside its file.
        options: these options, validated and converted as ``OPTIONS`` declares them.
    """

    NAME: ClassVar[str]
    OPTIONS: ClassVar[Mapping[str, Any]]
    SUFFIX: ClassVar[str]

    def __init__(self, options: Mapping[str, Any]) -> None: ...

    def validate(self) -> None:
        """Raise StrataError for options that cannot work; reads no file and runs no program."""

    def check_key(self, key: str) -> None:
        """Raise StrataError for what cannot be a public key, or does not go with the options.

        Args:
            key: the key itself; its bytes as Latin-1 where it is in a file.
        """

    def verify(self, signature: bytes, signed: Path, key: str) -> None:
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
