# SPDX-License-Identifier: GPL-3.0-or-later
"""Images as far as no Docker is needed; test_container has real ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_image import Container

DIGEST = "sha256:" + "0" * 64


STAND_IN = """\
#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
case $* in
info*) echo '{"registry.example.com:5000": {"Secure": false}, "docker.io": {"Secure": true}}' ;;
image*) echo "Error: No such image: $3" >&2; exit 1 ;;
*) eval "$STAND_IN_SAYS" ;;
esac
"""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An executable in docker's place, which has no image; what it was told is in the file."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    (folder / "docker").write_text(STAND_IN, encoding="utf-8")
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder / "calls"


@pytest.mark.parametrize(
    ("registry", "words"),
    [
        ("registry.example.com:5000", "inspect --insecure"),
        ("localhost:5000", "inspect --insecure"),
        ("127.0.0.1:5000", "inspect --insecure"),
        ("registry.example.com", "inspect"),
        ("localhost.example.com", "inspect"),
    ],
)
def test_a_dry_run_asks_a_registry_without_tls_where_docker_does(
    stand_in: Path, registry: str, words: str
) -> None:
    image = f"{registry}/shop@{DIGEST}"
    Container(image=image).look_up()
    assert stand_in.read_text().splitlines()[-1] == f"manifest {words} {image}"
