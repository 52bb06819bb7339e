# SPDX-License-Identifier: GPL-3.0-or-later
"""An executable in docker's place."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


@pytest.fixture
def docker_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a script in docker's place."""

    def put(script: str) -> None:
        (tmp_path / "docker").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (tmp_path / "docker").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return put


def test_its_words_and_its_configuration_reach_it(docker_that: Callable[[str], None], tmp_path: Path) -> None:
    docker_that('echo "$* $LC_ALL $DOCKER_CONFIG"; echo more >&2')
    assert docker.run("ps", "--all", config=tmp_path) == f"ps --all C {tmp_path}\n"
    assert docker.run("logs", both=True).splitlines() == ["logs C ", "more"]


@pytest.mark.parametrize(
    ("printed", "remedy"),
    [
        ("permission denied while trying to connect to the Docker daemon socket", "use become"),
        ("failed to connect to the docker API at unix:///run/docker.sock", "Start Docker"),
        ("Bind for 0.0.0.0:80 failed: port is already allocated", "has the port"),
        ('exec: "/app": permission denied: unknown', None),
    ],
)
def test_a_remedy_is_that_of_the_fault(
    docker_that: Callable[[str], None], printed: str, remedy: str | None
) -> None:
    docker_that(f"echo '{printed}' >&2; exit 1")
    with pytest.raises(StrataError) as raised:
        docker.run("start", "shop-2.0")
    text = str(raised.value)
    assert text.startswith(f"`docker start` failed with exit code 1: {printed}.")
    assert remedy in text if remedy else text.endswith(f"{printed}.")


def test_no_secret_is_in_an_error_or_in_a_log(docker_that: Callable[[str], None]) -> None:
    docker_that("echo longer-s3cret, s3cret, pg://me:pw@db; exit $1")
    concealed = "********, ********, pg://***@db"
    secrets = ("s3cret", "longer-s3cret")
    assert docker.run("0", both=True, secrets=secrets) == f"{concealed}\n"
    with pytest.raises(StrataError, match="failed with exit code 1") as raised:
        docker.run("1", secrets=secrets)
    assert concealed.replace("*", "") in str(raised.value).replace("*", "")


def test_without_docker_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StrataError, match=r"there is no docker on the PATH of this host\. Install Docker"):
        docker.run("version")


def test_a_docker_that_hangs_is_ended(docker_that: Callable[[str], None]) -> None:
    docker_that("exec sleep 60")
    with pytest.raises(StrataError, match=r"did not end within 0\.2 s .* See what Docker is busy with"):
        docker.run("ps", timeout=0.2)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("echo '[{\"Id\": 1}]'", {"Id": 1}),
        ("echo '[]'; echo 'Error: No such container: x' >&2; exit 1", None),
        ("echo 'Error response from daemon: No such image: x' >&2; exit 1", None),
    ],
)
def test_what_it_does_not_know_is_not_there(
    docker_that: Callable[[str], None], script: str, expected: dict[str, int] | None
) -> None:
    docker_that(script)
    assert docker.inspect("container", "x") == expected


def test_another_failure_is_not_taken_for_that(docker_that: Callable[[str], None]) -> None:
    docker_that("echo 'Cannot connect to the Docker daemon' >&2; exit 1")
    with pytest.raises(StrataError, match="Start Docker"):
        docker.inspect("container", "x")
