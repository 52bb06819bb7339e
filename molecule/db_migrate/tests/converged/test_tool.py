# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release that brings a migration tool of its team's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ARTIFACT = Path(__file__).resolve().parents[4] / ".cache" / "molecule" / "artifacts" / "orders-1.0.tar.gz"


@pytest.fixture
def options(another_database: str) -> dict[str, Any]:
    return {
        "db_migrate_engine": "command",
        "db_migrate_archive": f"http://bastion1:8000/{ARTIFACT.name}",
        "db_migrate_checksum": f"sha256:{hashlib.sha256(ARTIFACT.read_bytes()).hexdigest()}",
        "db_migrate_release": "1.0",
        "db_migrate_user": "shop",
        "db_migrate_commands": {
            "plan": "bin/migrate plan",
            "apply": "bin/migrate apply",
            "rollback": "bin/migrate rollback",
        },
        "db_migrate_environment": {"DATABASE_URL": "{{ db_migrate_url }}"},
        "shop_database": another_database,
    }


def test_the_releases_own_tool_migrates_as_the_applications_user(
    play: Callable[..., Any],
    psql: Callable[..., list[str]],
    columns: Callable[..., list[str]],
    another_database: str,
    options: dict[str, Any],
) -> None:
    checked = play("converge.yml", "--check", "--diff", "--extra-vars", json.dumps(options))
    assert (checked.code, checked.changed) == (0, 1)
    assert "-pending migrations: 1-orders, 2-currency +pending migrations: none" in checked.said
    assert columns("orders", another_database) == []

    run = play("converge.yml", "--extra-vars", json.dumps(options))
    assert (run.code, run.changed) == (0, 1)
    assert columns("orders", another_database) == ["id", "currency"]
    assert psql("SELECT * FROM tool_history", another_database) == ["1-orders|shop", "2-currency|shop"]

    again = play("converge.yml", "--extra-vars", json.dumps(options))
    assert (again.code, again.changed) == (0, 0)

    options["db_migrate_rollback_to"] = "1-orders"
    refused = play("rollback.yml", "--extra-vars", json.dumps(options))
    assert refused.code == 2
    assert "db_migrate_allow_data_loss" in refused.said

    options["db_migrate_allow_data_loss"] = True
    back = play("rollback.yml", "--extra-vars", json.dumps(options))
    assert (back.code, back.changed) == (0, 1)
    assert columns("orders", another_database) == ["id"]
    assert psql("SELECT name FROM tool_history", another_database) == ["1-orders"]
