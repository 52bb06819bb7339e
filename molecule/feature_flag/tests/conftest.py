# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flags as the host has them, and as an application gets them from them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from testinfra.host import Host

FLAGS = "/etc/flagd/shop.json"
OWNERS = Path(__file__).resolve().parents[1] / "files" / "shop.json"


@pytest.fixture
def owners() -> dict[str, Any]:
    """The file as its owners wrote it."""
    found: dict[str, Any] = json.loads(OWNERS.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def document(on: Callable[[str], Host]) -> dict[str, Any]:
    """The file as it is on the host, read by the user whom it is for."""
    read: dict[str, Any] = json.loads(on("bastion1").check_output(f"runuser -u flagd -- cat {FLAGS}"))
    return read


@pytest.fixture
def application(document: dict[str, Any], tmp_path: Path) -> Iterator[OpenFeatureClient]:
    """The SDK of an application that has that file."""
    path = tmp_path / "flags.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    provider = FlagdProvider(
        resolver_type=ResolverType.FILE, offline_flag_source_path=str(path), deadline_ms=60_000
    )
    api.set_provider_and_wait(provider)
    yield api.get_client()
    api.shutdown()
