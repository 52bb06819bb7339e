# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up service manager: the service is a file that has the version in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Callable, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.services.protocol import (
    SHARED,
    Service,
    ServiceOptions,
    Status,
)


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "file": {"type": "path", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
    }

    def __init__(self, options: ServiceOptions) -> None:
        self.options = options
        self._file = Path(options.own["file"])

    @classmethod
    def service(cls, options: ServiceOptions) -> Service | None:
        return cls(options)

    def validate(self) -> None:
        pass

    def status(self) -> Status:
        if not self._file.exists():
            return Status("stopped", "no file")
        return Status("running", "there is a file", 1, self._file.read_text())

    def restart(self, stopped: Callable[[], None]) -> None:
        stopped()
        self._file.write_text(self.options.version)

    def log_tail(self) -> list[str]:
        return []

    def doubt(self, status: Status | None, probed: bool) -> str:
        return "" if probed else f"Nobody asked '{self.options.name}' for its health."
