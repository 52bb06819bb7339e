# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up format of signatures: the signature is the key, and the size of the file plus a salt."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ansible_collections.strata.deploy.plugins.module_utils._artifact.signatures.protocol import SHARED
from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError


class MadeUp:
    NAME: ClassVar[str] = "made_up"
    OPTIONS: ClassVar[Mapping[str, Any]] = {
        **SHARED,
        "salt": {"type": "int", "default": 0},
        "token": {"type": "str", "required": True, "no_log": True},
    }
    SUFFIX: ClassVar[str] = ".made-up"

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._salt: int = options["salt"]

    def validate(self) -> None:
        pass

    def check_key(self, key: str) -> None:
        pass

    def verify(self, signature: bytes, signed: Path, key: str) -> None:
        if signature.decode() != f"{key} {signed.stat().st_size + self._salt}":
            raise StrataError("it is not the key and the size of the file.")
