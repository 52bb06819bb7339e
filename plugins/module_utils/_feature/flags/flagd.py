# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Provider ``flagd``: a flag definition file as flagd and the OpenFeature providers in file mode read it.

Format: https://flagd.dev/reference/flag-definitions/ and, for the percentage,
https://flagd.dev/reference/custom-operations/fractional-operation/ : the hash of flag key and
targeting key is mapped onto the sum of the weights, which are integers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._core import json_text
from ansible_collections.strata.deploy.plugins.module_utils._core.durable import write_text
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._core.exclusive import exclusive
from ansible_collections.strata.deploy.plugins.module_utils._feature.flags.protocol import (
    Definition,
    FlagState,
)

FINE_WEIGHTS = 100_000
"""The sum of the weights for a percentage that is not a whole number: thousandths of a percent."""

LARGEST_WEIGHT = 2**31 - 1
"""What flagd allows the sum of the weights to be."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class Flagd:
    """The flags of one JSON file, which is replaced in one rename; everything else in it stays."""

    NAME: ClassVar[str] = "flagd"
    OPTIONS: ClassVar[Mapping[str, Any]] = {"path": {"type": "str", "required": True}}

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._given: str = options["path"]
        self._path = Path(os.path.realpath(self._given))  # a link to the file stays a link

    def validate(self) -> None:
        if not os.path.isabs(self._given):
            raise StrataError(
                f"Provider flagd needs the absolute path of the flag file, not '{self._given}'."
            )

    def read(self) -> Mapping[str, Definition]:
        flags: Mapping[str, Definition] = self._load()["flags"]
        return flags

    def describe(self, definition: Definition | None) -> FlagState:
        if definition is None:
            return FlagState("absent", 0.0)
        if definition.get("state") == "DISABLED":
            return FlagState("off", 0.0)
        targeting = definition.get("targeting")
        if targeting:
            percentage = _percentage(targeting)
            return FlagState("custom", None) if percentage is None else _state(percentage)
        default = definition.get("defaultVariant")
        return (
            _state(100.0 if default == "on" else 0.0)
            if default in ("on", "off")
            else FlagState("custom", None)
        )

    def revise(self, name: str, definition: Definition | None, percentage: float) -> Definition:
        revised: dict[str, Any] = dict(definition or {"variants": {"on": True, "off": False}})
        variants = revised.get("variants")
        if not isinstance(variants, dict) or not {"on", "off"} <= set(variants):
            listed = ", ".join(variants) if isinstance(variants, dict) else "none"
            raise StrataError(
                f"Flag '{name}' in {self._path} has the variants {listed}; to be switched, it needs the variants on and off."
            )
        revised["state"] = "ENABLED"
        # A user without a targeting key gets the default variant, and so the old behaviour during a ramp.
        revised["defaultVariant"] = "on" if percentage == 100 else "off"
        revised.pop("targeting", None)
        if 0 < percentage < 100:
            revised["targeting"] = {"fractional": _fractional(percentage)}
        return revised

    def ensure_writable(self, names: Iterable[str]) -> None:
        for path in (self._path, self._path.parent):
            if not os.access(path, os.W_OK):
                raise StrataError(
                    f"Writing the flags {', '.join(names)}: {path} cannot be written by this user. "
                    "The file is replaced by rename, so its folder must be writable too."
                )

    @contextmanager
    def alone(self) -> Iterator[None]:
        try:
            with exclusive(self._path):
                yield
        except OSError as error:
            raise StrataError(f"Writing the flag file {self._path}: {error.strerror}.") from error

    def write(self, definitions: Mapping[str, Definition | None]) -> None:
        document = self._load()
        flags = {**document["flags"], **definitions}
        document["flags"] = {name: flag for name, flag in flags.items() if flag is not None}
        text = json.dumps(document, indent=2, ensure_ascii=False)
        if _SURROGATE.search(text):  # JSON can hold half of a pair, as an escape only
            text = json.dumps(document, indent=2)
        write_text(self._path, text + "\n")

    def _load(self) -> dict[str, Any]:
        try:
            document = json_text.parse(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise StrataError(
                f'Reading the flag file {self._path}: it does not exist. Correct the path, or create the file with {{"flags": {{}}}}.'
            ) from error
        except OSError as error:
            raise StrataError(f"Reading the flag file {self._path}: {error.strerror}.") from error
        except ValueError as error:
            raise StrataError(
                f"Reading the flag file {self._path}: it is not valid JSON ({error}). Correct the file."
            ) from error
        flags = document.get("flags") if isinstance(document, dict) else None
        if not isinstance(flags, dict) or not all(isinstance(flag, dict) for flag in flags.values()):
            raise StrataError(
                f"Reading the flag file {self._path}: it is not a flagd document, "
                "which is an object whose 'flags' is an object of flags by name."
            )
        valid: dict[str, Any] = document
        return valid


def _fractional(percentage: float) -> list[list[Any]]:
    total = 100 if percentage == int(percentage) else FINE_WEIGHTS
    weight = round(percentage * total / 100)
    return [["on", weight], ["off", total - weight]]


def _percentage(targeting: Any) -> float | None:
    """What share a rule turns on; None unless it only splits the users, by their targeting key, into on and off."""
    try:
        weights: dict[str, int] = dict(targeting["fractional"])
    except (TypeError, KeyError, ValueError):
        return None
    if set(targeting) != {"fractional"} or set(weights) != {"on", "off"}:
        return None
    if not all(json_text.is_number(weight) and 0 <= weight <= LARGEST_WEIGHT for weight in weights.values()):
        return None
    total = sum(weights.values())
    return round(100 * weights["on"] / total, 3) if total else None


def _state(percentage: float) -> FlagState:
    return FlagState("on" if percentage == 100 else "partial" if percentage else "off", percentage)
