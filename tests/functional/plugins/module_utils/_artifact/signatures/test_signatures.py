# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for each format of signatures, with the real tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fixtures.signatures import Keyring

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"untrusted comment: x\nRUQ\n", b"-----BEGIN PGP SIGNATURE-----"]
)
@pytest.mark.parametrize("format", ["minisign", "gpg", "ssh"])
def test_what_is_no_signature_is_refused(
    verify: Any, artifact: Path, ssh: Any, minisign: Any, keyring: Keyring, format: str, content: bytes
) -> None:
    keyring.make()
    keys = {"minisign": minisign()["key"], "gpg": keyring.key(), "ssh": ssh()}
    Path(f"{artifact}{PROVIDERS[format].SUFFIX}").write_bytes(content)
    with pytest.raises(StrataError, match=r"Verifying the signature of .*: it is not "):
        verify(format=format, key=keys[format])


@pytest.mark.parametrize("format", ["minisign", "gpg", "ssh"])
def test_a_missing_tool_is_named_with_its_package(
    verify: Any,
    artifact: Path,
    ssh: Any,
    minisign: Any,
    keyring: Keyring,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
) -> None:
    keyring.make()
    keyring.sign()
    keys = {"minisign": minisign()["key"], "gpg": keyring.key(), "ssh": ssh()}
    monkeypatch.setenv("PATH", "/nowhere")
    package = {"minisign": "minisign", "gpg": "gpgv", "ssh": "openssh-client"}[format]
    with pytest.raises(
        StrataError, match=f"on the PATH of this host. Install it .*apt-get install {package}"
    ):
        verify(format=format, key=keys[format])


def test_a_key_that_is_not_there_is_an_error(ssh: Any, verify: Any) -> None:
    ssh()
    with pytest.raises(StrataError, match=r"the key /nowhere\.pub on the host cannot be read: No such file"):
        verify(format="ssh", key="/nowhere.pub")
