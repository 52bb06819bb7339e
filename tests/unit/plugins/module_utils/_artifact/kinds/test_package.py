# SPDX-License-Identifier: GPL-3.0-or-later
"""Packages as far as no host is needed; what apt makes of them is with Molecule's scenario `kinds`."""

from __future__ import annotations

import hashlib
import os
import signal
from pathlib import Path
from typing import Callable

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


def test_another_checksum_is_refused_with_both(host: Path, tmp_path: Path) -> None:
    program(host / "apt-cache", "echo 'shop | 2.0 | http://apt.example.com ./ Packages'")
    program(host / "apt-get", 'case "$*" in *download*) printf %s "another" > shop_2.0_all.deb;; esac')
    with pytest.raises(StrataError, match=rf"is sha256:[0-9a-f]{{64}}, not {CHECKSUM}"):
        ensure_staged(str(tmp_path / "app"), "2.0", Package("shop", "2.0", CHECKSUM))
    assert not list((tmp_path / "app/releases").iterdir())


REPOSITORY = """\
case $1:$2 in
madison:shop | madison:shop-*) for each in 2.0 1:1.0; do echo " $2 | $each | http://apt.example.com ./ Packages"; done ;;
madison:old) echo "old | 1.0 | http://apt.example.com stable/main Sources" ;;
show:shop=1:1.0) echo "Depends: shop-common:any (= 1:1.0), shop-lib (>= 1), shop-one (= 1:1.0) | shop-other, gone (= 1)" ;;
show:shop-common=1:1.0) echo "Pre-Depends: shop-data (= 1:1.0)"; echo "Depends: shop (= 1:1.0)" ;;
esac
"""
APT = """\
echo "$*" >> "$(dirname "$0")/calls"
case $* in
*simulate*) echo "Inst shop-lib:amd64 [0.9] (1:1.0 here:stable [amd64]) []"; exit ;;
*' download '*) ;;
*NoLocking=true*--download-only*) exit ;;
*--download-only*) echo "E: dpkg was interrupted, you must manually run 'dpkg --configure -a'"; exit 100 ;;
*) exit ;;
esac
for each; do
    case $each in *=1:1.0) : > "${each%%=*}_1%3a1.0_all.deb" ;; esac
done
"""


@pytest.fixture
def repository(host: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """One that has each package in 2.0 and 1.0; returns what apt-get was told since."""
    program(host / "apt-cache", REPOSITORY)
    program(host / "apt-get", APT)
    program(host / "dpkg", "exit 0")
    monkeypatch.setenv("PATH", f"{host}:/usr/bin:/bin")

    def told() -> list[str]:
        calls = (host / "calls").read_text().splitlines()
        (host / "calls").unlink()
        return [call.partition("--quiet ")[2] for call in calls]

    return told


def test_what_is_needed_in_one_version_alone_is_named_to_apt_at_staging_and_later(
    repository: Callable[[], list[str]], tmp_path: Path
) -> None:
    root = tmp_path / "app"
    ensure_staged(str(root), "1.0", Package("shop", "1:1.0"))
    folder = root / "releases/1.0"
    names = [f"{name}_1%3a1.0_all.deb" for name in ("shop-common", "shop-data", "shop")]
    assert sorted(each.name for each in folder.glob("*.deb")) == names
    told = repository()
    assert told[:2] == ["download shop=1:1.0", "download shop-common=1:1.0 shop-data=1:1.0"]
    # What apt has not put there, for its repository is a folder here, is put there.
    assert told[-1] == "download shop-lib:amd64=1:1.0"
    PackageInstaller().install(folder)
    words = ["install", "--yes", "--reinstall", "--allow-downgrades", "--no-remove", "--no-download"]
    assert repository() == [" ".join([*words, *(str(folder / name) for name in names)])]


@pytest.mark.parametrize(("removed", "whose"), [("shop-extra:amd64", "ours"), ("postgresql", "another's")])
def test_at_most_what_the_apps_own_releases_have_brought_is_removed_for_a_release(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, removed: str, whose: str
) -> None:
    monkeypatch.setenv("PATH", f"{host}:/usr/bin:/bin")
    done = tmp_path / "done"
    program(
        host / "apt-get",
        f"""case $* in
*--no-remove*) echo 'E: Packages need to be removed but remove is disabled.'; exit 100 ;;
*--simulate*) echo 'Remv {removed} [2.0]' ;;
*) echo "$*" > {done} ;;
esac""",
    )
    program(host / "dpkg", "exit 0")
    for name in ("1.0/shop_1.0_all.deb", "2.0/shop_2.0_all.deb", "2.0/shop-extra_2.0_amd64.deb"):
        (tmp_path / "releases" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "releases" / name).touch()
    if whose == "ours":
        PackageInstaller().install(tmp_path / "releases/1.0")
        assert "--remove --no-download" in done.read_text()
        return
    with pytest.raises(StrataError, match="which a deployment does not remove"):
        PackageInstaller().install(tmp_path / "releases/1.0")
    assert not done.exists()


def test_a_version_that_is_installed_or_a_source_alone_is_not_taken_for_one_to_be_had(
    repository: Callable[[], list[str]], tmp_path: Path
) -> None:
    with pytest.raises(StrataError, match="of this host has a package old"):
        ensure_staged(str(tmp_path / "app"), "1.0", Package("old", "1.0"))
    with pytest.raises(StrataError, match=r"has shop in the version 0\.9; there are 2\.0, 1:1\.0\."):
        ensure_staged(str(tmp_path / "app"), "1.0", Package("shop", "0.9"))


@pytest.mark.parametrize(
    ("there", "phase"),
    [
        ("2.0 installed", "running"),
        ("2.1 installed", "stopped"),
        ("2.0 half-configured", "stopped"),
        ("2.0 config-files", "stopped"),
    ],
)
def test_a_service_runs_the_release_while_its_package_is_installed(
    host: Path, tmp_path: Path, there: str, phase: str
) -> None:
    (tmp_path / "shop_2.0_all.deb").touch()
    program(host / "dpkg-deb", "echo -n shop 2.0")
    program(host / "dpkg-query", f"echo -n shop {there}")
    service = PackageInstaller().service(
        tmp_path,
        service_options(
            {
                "manager": "command",
                "name": "shop",
                "commands": {"restart": ["/bin/true"], "status": ["/bin/true"]},
            }
        ),
    )
    assert service
    assert service.status().phase == phase


def test_a_service_that_its_package_brings_along_is_not_asked_for_before(host: Path, tmp_path: Path) -> None:
    (tmp_path / "shop_2.0_all.deb").touch()
    program(host / "dpkg-deb", "echo -n shop 2.0")
    program(host / "dpkg-query", "echo no packages found matching shop; exit 1")
    program(host / "systemctl", "echo LoadState=not-found")
    options = service_options({"manager": "systemd", "name": "shop.service"})
    service = PackageInstaller().service(tmp_path, options)
    assert service
    assert service.status().phase == "stopped"
    program(host / "dpkg-query", "echo -n shop 2.0 installed")
    with pytest.raises(StrataError, match="it is not-found"):
        service.status()


def test_a_package_has_no_instances_side_by_side(tmp_path: Path) -> None:
    asked = {"manager": "systemd", "name": "shop@.service", "mode": "instances"}
    with pytest.raises(StrataError, match="no two releases of it run side by side"):
        PackageInstaller().service(tmp_path, service_options(asked))
    reloaded = service_options({"manager": "systemd", "name": "shop", "mode": "reload"})
    assert PackageInstaller().service(tmp_path, reloaded)


def test_what_hangs_about_after_an_install_is_not_waited_for(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{host}:/usr/bin:/bin")
    folder = tmp_path / "2.0"
    (folder / "needed").mkdir(parents=True)
    (folder / "shop_2.0_all.deb").touch()
    pid = tmp_path / "pid"
    # A service that a package's script has started, with the script's own output.
    program(host / "apt-get", f"sleep 60 & echo $! > {pid}")
    program(host / "dpkg", "exit 1")
    PackageInstaller().install(folder)
    os.kill(int(pid.read_text()), signal.SIGTERM)
