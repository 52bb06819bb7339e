# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources.checksums import (
    find_checksum,
)


@pytest.mark.parametrize("options", [[], ["--binary"], ["--tag"]], ids=["text", "binary", "BSD"])
@pytest.mark.parametrize("tool", ["sha256sum", "sha512sum"])
@pytest.mark.parametrize(
    "name", ["shop.tar.gz", "shop 2.0.tar.gz", "a) = b", "back\\slash", "two\nlines", "größe"]
)
def test_what_the_tools_write_is_read(tmp_path: Path, tool: str, options: list[str], name: str) -> None:
    (tmp_path / name).write_text("shop")
    (tmp_path / "other").write_text("other")
    text = subprocess.run(
        [tool, *options, "other", name], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout
    algorithm = tool[:6]
    assert find_checksum(text, name, "S") == (algorithm, hashlib.new(algorithm, b"shop").hexdigest())
