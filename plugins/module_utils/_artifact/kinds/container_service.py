# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of an app as a service: one release's container takes the place of the others."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds import docker
from ansible_collections.strata.deploy.plugins.module_utils._artifact.kinds.release_container import (
    LABEL,
    ReleaseContainer,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    ServiceOptions,
    Status,
)
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

PHASES = {"running": "running", "restarting": "failed", "dead": "failed"}


class ContainerService:
    """The container of one release, which takes the place of the app's other ones."""

    NAME = "docker"

    def __init__(self, container: ReleaseContainer, options: ServiceOptions) -> None:
        self.options = replace(options, manager=self.NAME, name=container.name)
        self._container = container
        self._restarted_at = time.time()

    def validate(self) -> None:
        """Nothing to refuse: what it is made of was validated when it was staged."""

    def status(self) -> Status:
        found = docker.inspect("container", self._container.name)
        if found is None:
            return Status("stopped", "there is no container")
        state = found["State"]
        detail = str(state["Status"])
        if detail in ("exited", "restarting", "dead"):
            detail += f", exit code {state['ExitCode']}" + (", out of memory" if state["OOMKilled"] else "")
            if state.get("Error"):
                detail += f", {docker.concealed(state['Error'], self._container.secrets)}"
        return Status(
            PHASES.get(state["Status"], "stopped"),
            detail,
            state["Pid"] or None,
            str(state["StartedAt"]),
            # Docker resets the count to 0 when it starts a container.
            found["RestartCount"],
        )

    def restart(self, stopped: Callable[[], None]) -> None:
        running, names = self._names(), self._names("--all")
        seconds = str(max(1, int(self.options.timeout)))
        if names:
            docker.run("stop", "-t", seconds, *names, timeout=self.options.timeout + docker.TIMEOUT)
        stopped()
        self._restarted_at = time.time()
        try:
            docker.run("start", self._container.name, secrets=self._container.secrets)
        except StrataError as error:
            raise self._resumed(running, error) from error
        docker.run("update", "--restart", self._container.facts["restart"], self._container.name)
        # So that after a reboot none comes back that was left, not even one that is to be started `always`.
        left = [name for name in names if name != self._container.name]
        if left:
            docker.run("update", "--restart", "no", *left)

    def _resumed(self, former: list[str], error: StrataError) -> StrataError:
        """The error once those that ran before do so again, as nothing of the new one has served."""
        others = [name for name in former if name != self._container.name]
        if not others:
            return error
        # Where Docker took too long it may be up after all, and two releases must not be.
        with contextlib.suppress(StrataError):
            docker.run("stop", "-t", "1", self._container.name)
        try:
            docker.run("start", *others)
        except StrataError as problem:
            return StrataError(f"{error} What ran before does not start either: {problem}")
        return StrataError(f"{error} What ran before runs again: {', '.join(others)}.")

    def _names(self, *words: str) -> list[str]:
        """The app's containers that run, with ``--all`` all of them."""
        label = f"label={LABEL}.root={self._container.root}"
        return docker.run("ps", *words, "--filter", label, "--format", "{{.Names}}").split()

    def log_tail(self) -> list[str]:
        since = f"{self._restarted_at:.6f}"
        said = docker.run(
            "logs",
            "--tail",
            "20",
            "--since",
            since,
            self._container.name,
            both=True,
            secrets=self._container.secrets,
        )
        return said.splitlines()[-20:]

    def doubt(self, status: Status | None, probed: bool) -> str:
        del status, probed
        return ""
