# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provider ``journeys``: synthetic users walk declared journeys, which must not fail or be slow too often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._analysis.analyses.protocol import Finding
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.declaration import (
    parse_journeys,
)
from ansible_collections.strata.deploy.plugins.module_utils._analysis.journeys.run import (
    Load,
    Thresholds,
    judge,
    run_journeys,
    validate,
)
from ansible_collections.strata.deploy.plugins.module_utils._core import urls
from ansible_collections.strata.deploy.plugins.module_utils._core.providers import secrets
from ansible_collections.strata.deploy.plugins.module_utils._core.secrecy import blotted

EXPECT = {
    "status": {"type": "list", "elements": "int"},
    "json": {"type": "dict"},
    "contains": {"type": "str"},
    "headers": {"type": "dict"},
}
STEP = {
    "name": {"type": "str", "required": True},
    "method": {"type": "str", "default": "GET"},
    "path": {"type": "str", "required": True},
    "headers": {"type": "dict", "no_log": True},
    "json": {"type": "raw", "no_log": True},
    "body": {"type": "str", "no_log": True},
    "expect": {"type": "dict", "options": EXPECT},
    "save": {"type": "dict"},
}
JOURNEY = {
    "name": {"type": "str", "required": True},
    "steps": {"type": "list", "elements": "dict", "required": True, "options": STEP},
}


class Journeys:
    """Synthetic users; the module ``http_journey`` documents the options."""

    NAME: ClassVar[str] = "journeys"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        "base_url": {"type": "str", "required": True, "no_log": True},
        "journeys": {"type": "list", "elements": "dict", "required": True, "options": JOURNEY},
        "users": {"type": "int", "default": 5},
        "iterations": {"type": "int", "default": 1},
        "timeout": {"type": "float", "default": 10},
        "error_rate": {"type": "float", "default": 0},
        "percentile": {"type": "float", "default": 95},
        "latency": {"type": "float"},
        "validate_certs": {"type": "bool", "default": True},
    }

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        self._thresholds = Thresholds(options["error_rate"], options["percentile"], options["latency"])

    def validate(self, duration: float) -> None:
        parse_journeys(self._options["journeys"])
        validate(self._load(duration), self._thresholds)

    def analyse(self, duration: float) -> Finding:
        journeys = parse_journeys(self._options["journeys"])
        result = run_journeys(journeys, self._load(duration), self._thresholds)
        reasons = judge(result, self._thresholds)
        return Finding("fail" if reasons else "pass", reasons, asdict(result))

    def _load(self, duration: float) -> Load:
        names = ("base_url", "users", "iterations", "timeout", "validate_certs")
        base_url = self._options["base_url"]
        # A server may repeat what it was sent.
        found = secrets({self.NAME: Journeys}, self._options) - {base_url} | urls.secrets_in(base_url)
        return Load(
            duration=duration,
            conceal=partial(blotted, secrets=found),
            **{name: self._options[name] for name in names},
        )
