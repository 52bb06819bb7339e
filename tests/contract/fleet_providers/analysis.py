# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up analysis: holds the number in a file against a limit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import Finding
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "gauge": {"type": "path", "required": True},
        "limit": {"type": "int", "default": 10},
        "token": {"type": "str", "required": True, "no_log": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def validate(self, duration: float) -> None:
        pass

    def analyse(self, duration: float) -> Finding:
        try:
            value = int(Path(self._options["gauge"]).read_text())
        except OSError as error:
            raise StrataError(f"The gauge cannot be read: {error.strerror}.") from error
        figures = {"value": value, "duration": duration}
        if value > self._options["limit"]:
            return Finding("fail", (f"{value} is above {self._options['limit']}.",), figures)
        return Finding("pass", (), figures)
