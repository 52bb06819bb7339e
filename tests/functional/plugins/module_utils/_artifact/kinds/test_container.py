# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of a real Docker engine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._analysis.health import HealthCheck
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container import (
    ContainerInstaller,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_image import Container
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_specification import (
    Specification,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.activation import ensure_active
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.bring_up import Activation
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.description import describe
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.pruning import ensure_pruned
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.rollback import (
    ensure_rolled_back,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.release.staging import ensure_staged
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.watch import Watch
from ansible_collections.strata.deploy.plugins.module_utils._artifact.sources import Source
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

DIGEST = "sha256:" + "0" * 64
HOW = Activation(ServiceOptions(timeout=5.0, min_uptime=0.3))
SECRET = "b1rd-in-the-hand"


@pytest.fixture
def saved(image: str, tmp_path: Path, engine: Callable[..., str]) -> Container:
    """The image as a file of ``docker save``."""
    path = tmp_path / "shop.tar"
    engine("save", "--output", str(path), image)
    checksum = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return Container(
        source=Source(str(path), checksum), specification=Specification(environment={"SHOP_SECRET": SECRET})
    )


@pytest.fixture
def deploy(app: Path, saved: Container) -> Callable[..., Any]:
    def run(version: str, **changes: Any) -> Any:
        artifact = replace(saved, specification=replace(saved.specification, **changes))
        ensure_staged(str(app), version, artifact)
        return ensure_active(str(app), version, HOW)

    return run


@pytest.fixture
def runs(app: Path, engine: Callable[..., str]) -> Callable[[], dict[str, str]]:
    """The app's containers by version: whether each runs, and how it is started again."""

    def look() -> dict[str, str]:
        names = engine(
            "ps", "-a", "--filter", f"label=strata.deploy.root={app}", "--format", "{{.Names}}"
        ).split()
        shown = "{{.State.Status}} {{.HostConfig.RestartPolicy.Name}}"
        return {
            name.rpartition("-")[2]: engine("container", "inspect", "--format", shown, name) for name in names
        }

    return look


def test_without_docker_staging_says_so(app_without_docker: Path) -> None:
    with pytest.raises(StrataError, match=r"there is no docker on the PATH of this host\. Install Docker"):
        ensure_staged(str(app_without_docker), "2.0", Container(image=f"shop@{DIGEST}"))


@pytest.fixture
def app_without_docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "app"


def test_where_its_daemon_does_not_answer_the_error_says_what_to_do(
    engine: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(StrataError, match="Start Docker on the host"):
        Container(image=f"shop@{DIGEST}").look_up()


def test_a_release_takes_the_place_of_the_former_one_which_stays_for_a_rollback(
    app: Path, deploy: Callable[..., Any], runs: Callable[[], dict[str, str]], engine: Callable[..., str]
) -> None:
    assert deploy("1.0").service["manager"] == "docker"
    given = ContainerInstaller().service(app / "releases/1.0", HOW.service).options
    assert (given.timeout, given.min_uptime) == (5.0, 0.3)
    first = engine("container", "inspect", "--format", "{{.Id}}", f"{app.name}-1.0")
    done = deploy("2.0", labels={"team": "shop"}, restart="always")
    assert done.service == {
        "name": f"{app.name}-2.0",
        "manager": "docker",
        "state": "running",
        "pid": int(engine("container", "inspect", "--format", "{{.State.Pid}}", f"{app.name}-2.0")),
    }
    assert runs() == {"1.0": "exited no", "2.0": "running always"}
    assert not ensure_active(str(app), "2.0", HOW).changed
    assert ensure_rolled_back(str(app), None, HOW).version == "1.0"
    assert runs() == {"1.0": "running unless-stopped", "2.0": "exited no"}
    assert engine("container", "inspect", "--format", "{{.Id}}", f"{app.name}-1.0") == first
    report = describe(str(app))
    assert {each["kind"] for each in report.releases} == {"container"}
    assert report.service_state == "running"


def test_a_rollback_makes_a_container_anew_that_was_cleaned_away(
    app: Path, deploy: Callable[..., Any], runs: Callable[[], dict[str, str]], engine: Callable[..., str]
) -> None:
    for version in ("1.0", "2.0"):
        deploy(version)
    engine("rm", f"{app.name}-1.0")
    assert ensure_rolled_back(str(app), None, HOW).version == "1.0"
    assert runs() == {"1.0": "running unless-stopped", "2.0": "exited no"}


def test_secrets_are_in_the_environment_and_a_private_file_alone(
    app: Path, deploy: Callable[..., Any], engine: Callable[..., str]
) -> None:
    deploy("1.0")
    environment = app / "releases/1.0/container.env"
    assert environment.read_text() == f"SHOP_SECRET={SECRET}\n"
    assert environment.stat().st_mode & 0o7777 == 0o600
    others = [each for each in app.rglob("*") if each.is_file() and each != environment]
    assert not [each for each in others if SECRET in each.read_text()]
    shown = json.loads(engine("container", "inspect", f"{app.name}-1.0"))[0]
    assert f"SHOP_SECRET={SECRET}" in shown["Config"]["Env"]


def test_a_crash_loop_is_told_with_the_last_words_but_no_secret_and_can_be_left(
    app: Path,
    saved: Container,
    deploy: Callable[..., Any],
    runs: Callable[[], dict[str, str]],
    free_port: int,
) -> None:
    deploy("1.0")
    crash = replace(
        saved, specification=Specification(environment={"SHOP_MODE": "crash", "SHOP_SECRET": SECRET})
    )
    ensure_staged(str(app), "2.0", crash)
    unanswered = HealthCheck(f"http://127.0.0.1:{free_port}/", timeout=10, interval=0.05)
    with pytest.raises(StrataError, match=r"Service '.*-2.0' ended") as raised:
        ensure_active(str(app), "2.0", replace(HOW, health=unanswered))
    assert "no database at ********" in raised.value.details["log"]
    assert SECRET not in str(raised.value)
    assert ensure_rolled_back(str(app), None, HOW).version == "1.0"
    assert runs()["1.0"] == "running unless-stopped"
    assert describe(str(app)).releases[-1]["state"] == "bad"


def test_where_docker_does_not_start_the_new_one_the_former_one_serves_on(
    app: Path, saved: Container, deploy: Callable[..., Any], runs: Callable[[], dict[str, str]]
) -> None:
    deploy("1.0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ensure_staged(
            str(app), "2.0", replace(saved, specification=Specification(ports=(f"127.0.0.1:{port}:80",)))
        )
        with pytest.raises(StrataError, match="Something else on the host has the port") as raised:
            ensure_active(str(app), "2.0", HOW)
    assert f"What ran before runs again: {app.name}-1.0." in str(raised.value)
    assert raised.value.details["state"] == "bad"
    assert runs() == {"1.0": "running unless-stopped", "2.0": "created no"}
    assert ensure_rolled_back(str(app), None, HOW).version == "1.0"


def test_what_crashes_once_and_is_started_again_by_docker_is_seen(
    app: Path, deploy: Callable[..., Any], engine: Callable[..., str]
) -> None:
    deploy("1.0")
    service = ContainerInstaller().service(app / "releases/1.0", ServiceOptions(timeout=5.0, min_uptime=7))
    assert service
    assert service.options.min_uptime == 7
    pid = service.status().pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while service.status().restarts != 1 or service.status().phase != "running":
        assert time.monotonic() < deadline
    with pytest.raises(StrataError, match=r"was started again \(restarts so far: 1\)"):
        Watch(service, Status("stopped", "")).alive()
    service.restart(lambda: None)
    assert service.status().restarts == 0


def test_a_kill_at_the_swap_is_finished_by_the_next_run(
    app: Path,
    deploy: Callable[..., Any],
    runs: Callable[[], dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy("1.0")
    real = docker.run
    for verb in ("create", "stop", "start", "update"):

        def deadly(*words: str, verb: str = verb, **options: Any) -> str:
            said = real(*words, **options)
            if words[0] == verb:
                raise KeyboardInterrupt
            return said

        monkeypatch.setattr(docker, "run", deadly)
        with pytest.raises(KeyboardInterrupt):
            deploy("2.0")
        monkeypatch.setattr(docker, "run", real)
        deploy("2.0")
        assert runs() == {"1.0": "exited no", "2.0": "running unless-stopped"}
        ensure_rolled_back(str(app), "1.0", HOW)
        subprocess.run(["docker", "rm", "--force", f"{app.name}-2.0"], check=True, capture_output=True)


def test_a_container_of_somebody_else_is_not_touched(
    app: Path, saved: Container, image: str, engine: Callable[..., str]
) -> None:
    name = f"{app.name}-1.0"
    engine("create", "--name", name, image)
    try:
        ensure_staged(str(app), "1.0", saved)
        with pytest.raises(StrataError, match="which is not of this release"):
            ensure_active(str(app), "1.0", HOW)
        ContainerInstaller().remove(app / "releases/1.0")
        assert engine("container", "inspect", "--format", "{{.State.Status}}", name) == "created"
    finally:
        engine("rm", "--force", name)


def test_another_build_of_a_staged_version_has_another_container(
    app: Path, saved: Container, runs: Callable[[], dict[str, str]], engine: Callable[..., str]
) -> None:
    ensure_staged(str(app), "1.0", saved)
    ContainerInstaller().install(app / "releases/1.0")
    ContainerInstaller().install(app / "releases/1.0")
    assert runs() == {"1.0": "created no"}
    other = replace(saved, specification=Specification(labels={"team": "shop"}))
    assert ensure_staged(str(app), "1.0", other).changed
    assert runs() == {}
    ensure_active(str(app), "1.0", HOW)
    assert engine("container", "inspect", "--format", "{{.Config.Labels.team}}", f"{app.name}-1.0") == "shop"
    with pytest.raises(
        StrataError, match=r"another build .*as before, but its content or its options are others"
    ):
        ensure_staged(str(app), "1.0", saved)


def test_a_pruned_release_takes_its_container_along_and_leaves_an_image_that_another_has(
    app: Path,
    saved: Container,
    deploy: Callable[..., Any],
    runs: Callable[[], dict[str, str]],
    image: str,
    engine: Any,
) -> None:
    for version in ("1.0", "2.0"):
        deploy(version)
    ensure_staged(str(app), "3.0", saved)
    assert ensure_active(str(app), "3.0", HOW, keep=1).pruned == ("1.0",)
    assert set(runs()) == {each["version"] for each in describe(str(app)).releases}
    assert engine("image", "inspect", "--format", "{{.Id}}", image) == image


def test_the_image_of_a_pruned_release_goes_though_its_name_went_to_a_later_one(
    app: Path, saved: Container, image: str, tmp_path: Path, engine: Callable[..., str]
) -> None:
    name = f"strata-unit-{tmp_path.name}:latest"
    ids = []
    try:
        for version in ("1.0", "2.0"):
            # As a build server saves every build under the same name.
            made = engine("create", image)
            ids.append(engine("commit", "--change", f"LABEL version={version}", made, name))
            engine("rm", made)
            path = tmp_path / f"{version}.tar"
            engine("save", "--output", str(path), name)
            engine("rmi", name)
            ensure_staged(str(app), version, replace(saved, source=Source(str(path), "unverified")))
            ensure_active(str(app), version, HOW)
        ensure_staged(str(app), "3.0", saved)
        assert ensure_active(str(app), "3.0", HOW, keep=1).pruned == ("1.0",)
        assert ids[0] not in engine("images", "--all", "--no-trunc", "--quiet").split()
        assert ids[1] in engine("images", "--all", "--no-trunc", "--quiet").split()
    finally:
        subprocess.run(["docker", "rm", "--force", f"{app.name}-2.0"], capture_output=True, check=False)
        subprocess.run(["docker", "rmi", *ids], capture_output=True, check=False)


def test_what_docker_does_not_let_go_of_fails_no_release_that_serves(
    app: Path, deploy: Callable[..., Any], saved: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("1.0", "2.0"):
        deploy(version)
    ensure_staged(str(app), "3.0", saved)
    real = docker.run

    def busy(*words: str, **options: Any) -> str:
        if words[0] in ("rm", "rmi"):
            raise StrataError("device or resource busy")
        return real(*words, **options)

    monkeypatch.setattr(docker, "run", busy)
    done = ensure_active(str(app), "3.0", HOW, keep=1)
    assert (done.state, done.pruned) == ("good", ("1.0",))
    monkeypatch.setenv("PATH", "/nowhere")
    assert ensure_pruned(str(app), keep=1).pruned == ()


def test_a_release_whose_folder_is_gone_is_reported_and_not_an_error(
    app: Path, deploy: Callable[..., Any]
) -> None:
    deploy("1.0")
    shutil.rmtree(app / "releases/1.0")
    assert describe(str(app)).current["version"] == "1.0"


def test_an_image_is_pulled_by_its_digest_with_a_login_that_is_not_kept(
    app: Path, registry: str, runs: Callable[[], dict[str, str]], image: str, engine: Callable[..., str]
) -> None:
    artifact = Container(image=registry)
    with pytest.raises(StrataError, match="`docker pull` failed"):
        ensure_staged(str(app), "1.0", artifact)
    with pytest.raises(StrataError, match="`docker manifest` failed"):
        ensure_staged(str(app), "1.0", artifact, check_mode=True)
    artifact = replace(artifact, login=("anna", "s3cret-word"))
    assert ensure_staged(str(app), "1.0", artifact, check_mode=True).changed
    wrong = replace(artifact, image=registry.partition("@")[0] + "@" + DIGEST, given="")
    with pytest.raises(StrataError, match=r"failed with exit code 1"):
        ensure_staged(str(app), "1.0", wrong)
    ensure_staged(str(app), "1.0", artifact)
    assert not ensure_staged(str(app), "1.0", artifact).changed
    assert not [each for each in app.rglob("*") if each.is_file() and "s3cret" in each.read_text()]
    ensure_active(str(app), "1.0", HOW)
    assert runs() == {"1.0": "running unless-stopped"}
    report = describe(str(app)).releases[0]
    assert (report["origin"], report["checksum"]) == (registry, registry.partition("@")[2])
    engine("rm", "--force", f"{app.name}-1.0")
    ContainerInstaller().remove(app / "releases/1.0")
    assert registry not in engine("images", "--digests", "--format", "{{.Repository}}@{{.Digest}}")


def test_a_file_that_is_no_saved_image_is_refused(app: Path, saved: Container, tmp_path: Path) -> None:
    (tmp_path / "no.tar").write_bytes(b"no image at all")
    with pytest.raises(StrataError, match="`docker load` failed"):
        ensure_staged(str(app), "1.0", replace(saved, source=Source(str(tmp_path / "no.tar"), "unverified")))
    with pytest.raises(StrataError, match="its checksum is"):
        ensure_staged(
            str(app), "1.0", replace(saved, source=replace(saved.source, url=str(tmp_path / "no.tar")))
        )
