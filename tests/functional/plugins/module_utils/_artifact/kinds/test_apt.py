# SPDX-License-Identifier: GPL-3.0-or-later
"""Executables in the place of apt's."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import apt
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

RELEASE = "releases/2.0"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose programs come first."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return programs


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    "printed",
    [
        "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 7",
        "dpkg: error: dpkg frontend lock was locked by another process with pid 7",
        "dpkg: error: dpkg database lock was locked by another process with pid 7",
    ],
)
def test_a_lock_of_another_one_is_waited_for_and_not_for_ever(
    host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str
) -> None:
    count = tmp_path / "count"
    program(
        host / "apt-get",
        f"echo x >> {count}; [ $(grep -c x {count}) -ge 3 ] && exit 0; echo '{printed}'; exit 100",
    )
    monkeypatch.setattr(apt, "POLL", 0.01)
    apt.get("update")
    assert len(count.read_text().splitlines()) == 3
    count.write_text("")
    monkeypatch.setattr(apt, "LOCK_WAIT", 0)
    with pytest.raises(StrataError, match=r"(process|pid) 7"):
        apt.get("update")


def test_it_is_asked_in_one_language_and_asks_nobody(host: Path, tmp_path: Path) -> None:
    program(host / "apt-get", 'echo "$* $LC_ALL $DEBIAN_FRONTEND $PWD"')
    words = apt.get("update", settings=("A=1",), folder=tmp_path)
    assert "-o Dpkg::Options::=--force-confold" in words
    assert words.endswith(f"-o A=1 --quiet update C noninteractive {tmp_path}\n")


@pytest.mark.parametrize(
    ("printed", "remedy"),
    [
        ("E: Held packages were changed", "apt-mark unhold"),
        ("E: Packages need to be removed but remove is disabled.", "does not remove"),
        (" shop : Depends: x\\nE: unmet dependencies", "see the lines above"),
        ("WARNING: x cannot be authenticated!", "Sign the repository"),
    ],
)
def test_a_failure_has_its_last_lines_and_what_to_do(host: Path, printed: str, remedy: str) -> None:
    program(host / "apt-get", f"printf '{printed}\\n'; exit 100")
    with pytest.raises(StrataError, match=r"`apt-get install` failed with exit code 100") as raised:
        apt.get("install", "shop")
    assert remedy in str(raised.value)
    assert raised.value.details["log"] == printed.replace("\\n", "\n").splitlines()


@pytest.mark.parametrize(("removes", "done"), [("", True), ("shop-old", True), ("postgresql", False)])
def test_only_what_the_apps_releases_have_brought_is_removed(
    host: Path, tmp_path: Path, removes: str, done: bool
) -> None:
    for name in (f"{RELEASE}/shop_2.0_all.deb", "releases/1.0/shop-old_1.0_all.deb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    refusal = "echo 'E: Packages need to be removed but remove is disabled.'; exit 100"
    program(
        host / "apt-get",
        f"""case $* in
*--no-remove*) {refusal if removes else "echo installed"} ;;
*--simulate*) echo 'Remv {removes}:amd64 [1.0]' ;;
*) echo installed ;;
esac""",
    )
    if done:
        assert apt.install(tmp_path / RELEASE, "--no-download") == "installed\n"
    else:
        with pytest.raises(StrataError, match="a deployment does not remove"):
            apt.install(tmp_path / RELEASE, "--no-download")
