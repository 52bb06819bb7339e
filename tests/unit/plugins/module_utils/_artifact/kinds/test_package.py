# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of a package, and what is refused before apt is asked."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.package import (
    Package,
    PackageInstaller,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import service_options
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

CHECKSUM = "sha256:" + hashlib.sha256(b"a package").hexdigest()


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that has all programs of a host."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}")
    return programs


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("artifact", "why"),
    [
        (Package("--shop", "2.0"), "not the name"),
        (Package("Shop", "2.0"), "not the name"),
        (Package("shop/testing", "2.0"), "not the name"),
        (Package("shop", "-2.0"), "not the version"),
        (Package("shop", ""), "not the version"),
        (Package("shop", "2.0", "md5:12"), "neither sha256:HEX"),
    ],
)
def test_what_cannot_work_is_refused_without_asking_apt(artifact: Package, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        artifact.validate()


def test_a_staged_package_is_the_one_of_its_name_version_and_checksum() -> None:
    digests = {"package": "shop=1:2.0~rc1-1", "sha256": CHECKSUM.partition(":")[2]}
    signed = Package("shop", "1:2.0~rc1-1")
    signed.validate()
    summed = Package("shop", "1:2.0~rc1-1", CHECKSUM)
    summed.validate()
    assert (signed.checksum, signed.origin) == ("signed", "apt:shop=1:2.0~rc1-1")
    assert signed.matches(digests)
    assert summed.matches(digests)
    assert not Package("shop", "2.0-1").matches(digests)
    assert not Package("shop", "1:2.0~rc1-1", "sha256:" + "0" * 64).matches(digests)


@pytest.mark.parametrize(
    ("there", "said"), [("dnf", "this host has dnf, which is not"), ("", "has no apt-get")]
)
def test_a_host_without_apt_says_so(host: Path, tmp_path: Path, there: str, said: str) -> None:
    if there:
        program(host / there, "exit 0")
    for check_mode in (True, False):
        with pytest.raises(StrataError, match=said):
            ensure_staged(str(tmp_path / "app"), "2.0", Package("shop", "2.0"), check_mode=check_mode)


def test_a_package_has_no_instances_side_by_side(tmp_path: Path) -> None:
    asked = {"manager": "systemd", "name": "shop@.service", "mode": "instances"}
    with pytest.raises(StrataError, match="no two releases of it run side by side"):
        PackageInstaller().service(tmp_path, service_options(asked))
    reloaded = service_options({"manager": "systemd", "name": "shop", "mode": "reload"})
    assert PackageInstaller().service(tmp_path, reloaded)
