# SPDX-License-Identifier: GPL-3.0-or-later
"""A service of containers, without Docker; test_container has it with a real one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.container_service import (
    ContainerService,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.release_container import (
    ReleaseContainer,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Docker:
    """Answers of Docker's, and what it was asked."""

    def __init__(self) -> None:
        self.state: dict[str, Any] | None = None
        self.running = ["shop-1.0"]
        self.refused: tuple[str, ...] = ()
        self.calls: list[tuple[str, ...]] = []

    def run(self, *words: str, **_options: Any) -> str:
        if words[0] == "ps":
            return "\n".join([*self.running, *(["shop-2.0"] * ("--all" in words))])
        self.calls.append(words)
        if words[0] == "start" and words[1] in self.refused:
            raise StrataError(f"{words[1]} does not start.")
        return "".join(f"line {number}\n" for number in range(30)) if words[0] == "logs" else ""

    def inspect(self, _what: str, _name: str) -> dict[str, Any] | None:
        return self.state and {"State": self.state, "RestartCount": 1}


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Docker:
    engine = Docker()
    monkeypatch.setattr(docker, "run", engine.run)
    monkeypatch.setattr(docker, "inspect", engine.inspect)
    return engine


@pytest.fixture
def service(tmp_path: Path) -> ContainerService:
    folder = tmp_path / "shop/releases/2.0"
    folder.mkdir(parents=True)
    (folder / "container.json").write_text(json.dumps({"name": "", "restart": "always"}))
    (folder / "container.env").write_text("TOKEN=s3cret\n")
    return ContainerService(ReleaseContainer(folder), ServiceOptions(timeout=5.0))


def state(status: str, **changes: Any) -> dict[str, Any]:
    return {"Status": status, "Pid": 7, "ExitCode": 3, "OOMKilled": False, "StartedAt": "noon", **changes}


@pytest.mark.parametrize(
    ("found", "phase", "detail"),
    [
        (state("running"), "running", "running"),
        (state("created"), "stopped", "created"),
        (state("exited"), "stopped", "exited, exit code 3"),
        (state("restarting", OOMKilled=True), "failed", "restarting, exit code 3, out of memory"),
        (state("dead", Error="no s3cret"), "failed", "dead, exit code 3, no ********"),
    ],
)
def test_the_state_of_the_container_is_that_of_the_service(
    engine: Docker, service: ContainerService, found: dict[str, Any], phase: str, detail: str
) -> None:
    engine.state = found
    assert service.status() == Status(phase, detail, 7, "noon", 1)


def test_without_a_container_it_is_stopped(engine: Docker, service: ContainerService) -> None:
    assert service.status() == Status("stopped", "there is no container")


def test_a_restart_puts_it_in_the_place_of_the_others(engine: Docker, service: ContainerService) -> None:
    service.restart(lambda: engine.calls.append(("stopped",)))
    assert engine.calls == [
        ("stop", "-t", "5", "shop-1.0", "shop-2.0"),
        ("stopped",),
        ("start", "shop-2.0"),
        ("update", "--restart", "always", "shop-2.0"),
        ("update", "--restart", "no", "shop-1.0"),
    ]


@pytest.mark.parametrize(
    ("refused", "text"),
    [
        (("shop-2.0",), "shop-2.0 does not start. What ran before runs again: shop-1.0."),
        (
            ("shop-2.0", "shop-1.0"),
            "shop-2.0 does not start. What ran before does not start either: shop-1.0 does not start.",
        ),
    ],
)
def test_where_it_does_not_start_what_ran_before_is_started_again(
    engine: Docker, service: ContainerService, refused: tuple[str, ...], text: str
) -> None:
    engine.refused = refused
    with pytest.raises(StrataError) as raised:
        service.restart(lambda: None)
    assert str(raised.value) == text
    assert engine.calls[-2:] == [("stop", "-t", "1", "shop-2.0"), ("start", "shop-1.0")]


def test_its_log_is_what_it_printed_last(engine: Docker, service: ContainerService) -> None:
    assert service.log_tail() == [f"line {number}" for number in range(10, 30)]
