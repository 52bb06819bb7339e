# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up flag service: a JSON file with the percentage of each flag."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import (
    Definition,
    FlagState,
)


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "table": {"type": "path", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._table = Path(options["table"])

    def validate(self) -> None:
        pass

    def read(self) -> Mapping[str, Definition]:
        return {name: {"share": share} for name, share in json.loads(self._table.read_text()).items()}

    def describe(self, definition: Definition | None) -> FlagState:
        if definition is None:
            return FlagState("absent", 0.0)
        share = float(definition["share"])
        return FlagState("on" if share == 100 else "partial" if share else "off", share)

    def revise(self, name: str, definition: Definition | None, percentage: float) -> Definition:
        return {"share": percentage}

    def ensure_writable(self, names: Iterable[str]) -> None:
        pass

    def alone(self) -> AbstractContextManager[None]:
        return nullcontext()

    def write(self, definitions: Mapping[str, Definition | None]) -> None:
        flags = {**self.read(), **definitions}
        shares = {name: flag["share"] for name, flag in flags.items() if flag is not None}
        self._table.write_text(json.dumps(shares))
