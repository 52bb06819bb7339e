# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures made and verified by the real minisign."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fixtures.signatures import NOT_GOOD

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


def test_a_minisign_signature(minisign: Any, verify: Any) -> None:
    options = minisign()
    verify(**options)
    text = Path(options["key"]).read_text()
    verify(**{**options, "key": text})
    verify(**{**options, "key": text.splitlines()[1]})


@pytest.mark.parametrize("comment", ["shop 2.0", "the shop 2.0 of today", "shop\t2.0"])
def test_a_trusted_comment_binds_name_and_version(minisign: Any, verify: Any, comment: str) -> None:
    verify(**minisign(comment=comment), comment="shop 2.0")


@pytest.mark.parametrize("comment", ["shop 2.0.1", "workshop 2.0", "2.0 shop", "shop 1.0 not 2.0", "shop"])
def test_a_signature_of_another_release_is_refused(minisign: Any, verify: Any, comment: str) -> None:
    with pytest.raises(
        StrataError, match=f"its trusted comment is '{comment}', which does not have 'shop 2.0'"
    ):
        verify(**minisign(comment=comment), comment="shop 2.0")


def test_a_wrong_minisign_key_is_refused(minisign: Any, verify: Any) -> None:
    first = minisign()
    minisign()
    with pytest.raises(StrataError, match=NOT_GOOD):
        verify(**first)


@pytest.mark.parametrize("line", [0, 1, 2, 3])
def test_a_tampered_minisign_signature_is_refused(
    minisign: Any, verify: Any, artifact: Path, line: int
) -> None:
    options = minisign()
    path = Path(f"{artifact}.minisig")
    lines = path.read_text().splitlines()
    lines[line] = (
        lines[line].replace("2.0", "3.0") if line == 2 else lines[line][:40] + "AAAA" + lines[line][44:]
    )
    path.write_text("\n".join(lines) + "\n")
    if line == 0:
        verify(**options)  # the untrusted comment is anybody's
        return
    with pytest.raises(StrataError, match=NOT_GOOD):
        verify(**options, comment=None if line != 2 else "shop 3.0")


def test_a_minisign_signature_that_needs_the_file_in_memory_is_refused(minisign: Any, verify: Any) -> None:
    with pytest.raises(StrataError, match=r"Sign with minisign 0\.10 or newer"):
        verify(**minisign("-l"))
