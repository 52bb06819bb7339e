# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up load balancer: a JSON file with the state of each member."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._fleet.balancers.protocol import (
    Definition,
    Member,
)


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "table": {"type": "path", "required": True},
        "token": {"type": "str", "required": True, "no_log": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._table = Path(options["table"])

    @property
    def pool(self) -> str:
        return self._table.name

    def validate(self) -> None:
        pass

    def read(self, owned: Mapping[str, Definition]) -> dict[str, Member]:
        return {name: Member(state) for name, state in json.loads(self._table.read_text()).items()}

    def sessions(self, names: Collection[str]) -> dict[str, int]:
        return dict.fromkeys(names, 0)

    def drain(self, names: Collection[str]) -> None:
        self._set(names, "drained")

    def seconds_until_noticed(self, names: Collection[str]) -> float:
        return 0.0

    def restore(self, definitions: Mapping[str, Definition]) -> None:
        self._set(definitions, "ready")

    def _set(self, names: Collection[str], state: str) -> None:
        states = json.loads(self._table.read_text())
        self._table.write_text(json.dumps({**states, **dict.fromkeys(names, state)}))
