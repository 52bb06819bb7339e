# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, through its command line."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.command import Command
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted

PULL_TIMEOUT = 1800.0
TIMEOUT = 60.0
REMEDIES = {
    "Cannot connect to the Docker daemon": "Start Docker on the host.",
    "failed to connect to the docker API": "Start Docker on the host.",
    "permission denied while trying to connect": "Docker's socket is root's: use become.",
    "port is already allocated": "Something else on the host has the port: end it, or give the container another.",
    "address already in use": "Something else on the host has the port: end it, or give the container another.",
}


def run(
    *words: str,
    timeout: float = TIMEOUT,
    config: Path | None = None,
    secrets: tuple[str, ...] = (),
    both: bool = False,
) -> str:
    """Run the host's ``docker``; what it printed, with ``both`` on its standard error as well.

    Raises:
        StrataError: it is not there, failed, or took too long.
    """
    done = Command(
        ("docker", *words),
        timeout,
        name=f"`docker {words[0]}`",
        environment={"LC_ALL": "C", **({"DOCKER_CONFIG": str(config)} if config else {})},
        conceal=partial(concealed, secrets=secrets),
        if_missing="Install Docker, or choose another kind.",
        if_slow="See what Docker is busy with.",
    ).run(merge=both)
    if done.code:
        printed = done.errors or done.output
        raise done.failure(next((hint for phrase, hint in REMEDIES.items() if phrase in printed), ""))
    return done.output if both else done.whole_output()


def inspect(what: str, name: str) -> dict[str, Any] | None:
    """What Docker knows of a container or an image; None if none has this name."""
    try:
        found: list[dict[str, Any]] = json.loads(run(what, "inspect", name))
    except StrataError as error:
        if re.search("no such (container|image)", str(error), re.IGNORECASE):
            return None
        raise
    return found[0]


def concealed(text: str, secrets: tuple[str, ...]) -> str:
    """Text that Docker or the app wrote, without secrets."""
    return urls.masked(blotted(text, secrets))
