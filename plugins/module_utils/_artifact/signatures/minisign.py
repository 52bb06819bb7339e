# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""minisign (https://jedisct1.github.io/minisign/): its trusted comment is signed, too, and so can bind name and version."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import (
    SHARED,
    private_files,
    run,
    said,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Minisign:
    """See `Format`."""

    NAME: ClassVar[str] = "minisign"
    OPTIONS: ClassVar[Mapping[str, Any]] = {**SHARED, "comment": {"type": "str"}}
    SUFFIX: ClassVar[str] = ".minisig"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._comment: str | None = options["comment"]

    def validate(self) -> None:
        if self._comment is not None and not self._comment.split():
            raise StrataError("The signature's comment must have a word in it.")

    def check_key(self, key: str) -> None:
        _line(key)

    def verify(self, signature: bytes, signed: Path, key: str) -> None:
        lines = signature.decode("utf-8", errors="replace").splitlines()
        if not _decoded(lines[1] if len(lines) > 1 else "").startswith(b"ED"):
            raise StrataError(
                "it is not one that minisign makes of a file's hash. Sign with minisign 0.10 or newer, or with its option -H."
            )
        with private_files(signature=signature) as files:
            done = run(
                "minisign",
                "minisign",
                ["-V", "-Q", "-P", _line(key), "-x", str(files["signature"]), "-m", str(signed)],
            )
        if done.code:
            raise StrataError(f"it is not a good one by the key that is configured ({said(done)}).")
        comment = done.whole_output().strip()
        if self._comment is not None and not _has(comment.split(), self._comment.split()):
            raise StrataError(
                f"its trusted comment is {comment!r}, which does not have {self._comment!r} in it."
                " Is it the signature of another release?"
            )


def _line(key: str) -> str:
    """The key as minisign writes it into a file, below a comment, or that line alone."""
    line = key.strip().splitlines()[-1].strip()
    decoded = _decoded(line)
    if not decoded.startswith(b"Ed") or len(decoded) != 42:
        raise StrataError(
            "The signature's key is not a public key of minisign: the line that begins with RW."
        )
    return line


def _decoded(line: str) -> bytes:
    try:
        return base64.b64decode(line.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _has(words: list[str], wanted: list[str]) -> bool:
    return any(words[start : start + len(wanted)] == wanted for start in range(len(words)))
