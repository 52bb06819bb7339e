# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances of a systemd template unit, one a release, side by side on a socket that systemd holds.

The options of such units: https://www.freedesktop.org/software/systemd/man/systemd.socket.html
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import replace
from typing import Callable

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services import (
    systemd_dependents as dependents,
)
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import ServiceOptions
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_dependents import Facts
from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.systemd_unit import NAME, Unit
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class Instances(Unit):
    """The template unit NAME@.service, whose instance is the version that is to run."""

    def __init__(self, options: ServiceOptions) -> None:
        self._template = options.name
        prefix, at, suffix = options.name.partition("@")
        instance = re.sub(r"[^A-Za-z0-9:_.]", lambda each: f"\\x{ord(each[0]):02x}", options.version)
        # Without its type, a version that ends like one (2.socket) would make it a unit of that type.
        super().__init__(replace(options, name=f"{prefix}{at}{instance}{suffix or '.service'}"))

    def validate(self) -> None:
        if not re.fullmatch(rf"{NAME}@(\.service)?", self._template):
            raise StrataError(
                f"The mode instances needs a template unit like shop@.service; '{self._template}' is not one."
            )

    def restart(self, stopped: Callable[[], None]) -> None:
        # Meanwhile its siblings serve, or callers wait at the socket; and who answers is one of them.
        super().restart(lambda: None)

    def take_over(self) -> None:
        known = self._instances()
        others = {unit: facts for unit, facts in known.items() if unit != self.options.name}
        was_enabled = [unit for unit, facts in others.items() if facts["UnitFileState"] == "enabled"]
        if was_enabled or not any(map(dependents.is_up, others.values())):
            # The new one first: were it to end here, the next boot would start both.
            self._run("systemctl", "enable", "--", self.options.name)
        if others:
            self._run("systemctl", "stop", "--", *others)
            with contextlib.suppress(StrataError):
                self._run("systemctl", "reset-failed", "--", *others)
        if was_enabled:
            self._run("systemctl", "disable", "--", *was_enabled)

    def give_way(self) -> None:
        known = self._instances()
        if any(dependents.is_up(facts) for unit, facts in known.items() if unit != self.options.name):
            self._run("systemctl", "stop", "--", self.options.name)

    def _instances(self) -> dict[str, Facts]:
        """All instances that systemd has in mind, which are those that run, failed or are enabled."""
        prefix = self._template.partition("@")[0].replace("\\", "\\\\")
        shown = self._run(
            "systemctl",
            "show",
            "--all",
            "--property=Id,ActiveState,UnitFileState",
            "--",
            f"{prefix}@*.service",
        )
        return {unit["Id"]: unit for unit in dependents.units(shown)}
