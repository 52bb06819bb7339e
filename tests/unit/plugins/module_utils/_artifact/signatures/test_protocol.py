# SPDX-License-Identifier: GPL-3.0-or-later
"""What the formats of signatures share."""

from __future__ import annotations

from pathlib import Path

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import private_files


def test_files_for_a_tool_are_private_and_gone_afterwards() -> None:
    with private_files(keyring=b"key", signature=b"signed") as files:
        assert {name: path.read_bytes() for name, path in files.items()} == {
            "keyring": b"key",
            "signature": b"signed",
        }
        (folder,) = {path.parent for path in files.values()}
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    assert isinstance(folder, Path)
