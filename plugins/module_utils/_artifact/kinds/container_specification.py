# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the container of a release is to be made, as the module's options say it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError

OWN_WORDS = ("--name", "--restart", "--rm", "--env-file")


@dataclass(frozen=True)
class Specification:
    """How the container of a release is made.

    Args:
        name: what containers are named by, followed by the version; empty for the name of the app's folder.
        environment: may be secret, so it lies in a file of its own.
        options: further words for ``docker create``.
    """

    name: str = ""
    ports: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    command: tuple[str, ...] = ()
    user: str = ""
    restart: str = "unless-stopped"
    labels: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()

    def validate(self) -> None:
        if self.name and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", self.name):
            raise StrataError(f"The container's name {self.name!r} is not one that Docker takes.")
        if not re.fullmatch(r"no|always|unless-stopped|on-failure(:\d+)?", self.restart):
            raise StrataError(
                f"The restart policy {self.restart!r} is not one of no, always, unless-stopped and on-failure[:COUNT]."
            )
        for name, value in self.environment.items():
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
                raise StrataError(f"{name!r} is not the name of an environment variable.")
            if re.search(r"[\r\n\0]", value):
                raise StrataError(
                    f"The environment variable {name} has a line break, which Docker cannot take."
                )
        for word in self.options:
            if word.partition("=")[0] in OWN_WORDS:
                raise StrataError(
                    f"{word.partition('=')[0]} is not for the container's options: Strata sets it."
                )

    def digest(self) -> str:
        """Tells one specification from another; the state file, which has it, is its owner's alone, as the environment is."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def specification(options: Mapping[str, Any]) -> Specification:
    """A specification from a module's options."""
    given: dict[str, Any] = {
        each.name: options[each.name] for each in fields(Specification) if each.name in options
    }
    for name, value in given.get("environment", {}).items():
        if value is None or isinstance(value, (bool, dict, list)):
            raise StrataError(f"The environment variable {name} is neither a text nor a number: quote it.")
    for name in ("environment", "labels"):
        given[name] = {str(key): str(value) for key, value in given.get(name, {}).items()}
    for name, value in given.items():
        given[name] = tuple(value) if isinstance(value, list) else value
    return Specification(**given)
