# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lists of checksums that ``sha256sum`` and ``sha512sum`` write, BSD's form (``--tag``) included."""

from __future__ import annotations

import re

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

LENGTHS = {"sha256": 64, "sha512": 128}
_BY_LENGTH = {length: algorithm for algorithm, length in LENGTHS.items()}
_GNU = re.compile(r"(\\?)([0-9a-fA-F]+) [ *](.+)")
_BSD = re.compile(r"(\\?)SHA(?:256|512) \((.+)\) = ([0-9a-fA-F]+)")
_ESCAPE = re.compile(r"\\([nr\\])")


def parse_checksum(text: str) -> tuple[str, str] | None:
    """``ALGORITHM:HEX`` taken apart; None where it is anything else."""
    algorithm, _colon, digest = text.partition(":")
    if algorithm in LENGTHS and re.fullmatch(f"[0-9a-f]{{{LENGTHS[algorithm]}}}", digest.lower()):
        return algorithm, digest.lower()
    return None


def find_checksum(text: str, name: str, where: str) -> tuple[str, str]:
    """The algorithm and digest that a list has for the file ``name``, in whichever folder.

    Raises:
        StrataError: it has none, or several that differ.
    """
    found = {
        (_BY_LENGTH[len(digest)], digest.lower())
        for listed, digest in map(_entry, text.splitlines())
        if listed.rpartition("/")[2] == name and len(digest) in _BY_LENGTH
    }
    # Of two algorithms the longer is as good as both.
    strongest = max((algorithm for algorithm, _digest in found), default="")
    best = [each for each in found if each[0] == strongest]
    if len(best) != 1:
        what = (
            f"several checksums for the file {name!r}"
            if best
            else f"no SHA-256 or SHA-512 for a file {name!r}"
        )
        raise StrataError(f"The list of checksums {where} has {what}. Mend it, or give the checksum itself.")
    return best[0]


def _entry(line: str) -> tuple[str, str]:
    """A line's name and digest; empty ones where it has none."""
    gnu, bsd = _GNU.fullmatch(line), _BSD.fullmatch(line)
    if gnu:
        escaped, digest, name = gnu.groups()
    elif bsd:
        escaped, name, digest = bsd.groups()
    else:
        return "", ""
    if escaped:
        name = _ESCAPE.sub(lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), name)
    return name, digest
