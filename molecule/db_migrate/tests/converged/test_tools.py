# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Releases that bring Alembic, Django or dbmate, migrated from one version to the next, in phases, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ARTIFACTS = Path(__file__).resolve().parents[4] / ".cache" / "molecule" / "artifacts"
URL = "postgresql://shop:{{ postgresql_password | urlencode | replace('/', '%2F') }}@db1:5432/{{ shop_database }}"


@dataclass(frozen=True)
class Tool:
    """A tool as an operator sets it up, and its history.

    Attributes:
        contract: what it brings for the contract phase.
        shown: SQL that a diff shows.
        back: the version to go back to, which is refused.
    """

    name: str
    options: dict[str, Any]
    contract: str
    shown: str
    back: str


TOOLS = [
    Tool(
        "alembic",
        {
            "db_migrate_alembic": {"python": "bin/python"},
            "db_migrate_environment": {"DATABASE_URL": URL},
        },
        "70d1f9b6e48c_drop_order_note",
        "ALTER TABLE orders ADD COLUMN currency VARCHAR(3)",
        "1d95c7a2b864",
    ),
    Tool(
        "django",
        {
            "db_migrate_django": {"python": "bin/python"},
            "db_migrate_environment": {
                "DB_ENGINE": "postgresql",
                "DB_NAME": "{{ shop_database }}",
                "DB_HOST": "db1",
                "DB_PORT": "5432",
                "DB_USER": "shop",
                "DB_PASSWORD": "{{ postgresql_password }}",
            },
        },
        "shop.0005_remove_order_note",
        'CREATE INDEX "orders_currency" ON "orders" ("currency")',
        "shop.0002_order_currency",
    ),
    Tool(
        "dbmate",
        {
            "db_migrate_dbmate": {"program": "bin/dbmate"},
            "db_migrate_folder": "db/migrations",
        },
        "20260401090000_drop_order_note.sql",
        "ALTER TABLE orders ADD COLUMN currency",
        "20260106090000",
    ),
]


@pytest.fixture(params=TOOLS, ids=lambda tool: tool.name)
def tool(request: pytest.FixtureRequest) -> Tool:
    chosen: Tool = request.param
    return chosen


@pytest.fixture
def migrate(play: Callable[..., Any], tool: Tool, another_database: str) -> Callable[..., Any]:
    """``migrate("2.0", "--check", db_migrate_phase="contract")`` runs the role for that release."""

    def run(release: str, *arguments: str, playbook: str = "converge.yml", **options: Any) -> Any:
        artifact = f"{tool.name}-{release}.tar.gz"
        given = {
            "db_migrate_engine": tool.name,
            "db_migrate_archive": f"http://bastion1:8000/{artifact}",
            "db_migrate_checksum": (ARTIFACTS / f"{artifact}.sha256").read_text().strip(),
            "db_migrate_release": release,
            "db_migrate_user": "shop",
            "shop_database": another_database,
            **tool.options,
            **options,
        }
        if tool.name == "django" and release == "2.0":
            given["db_migrate_contract"] = [tool.contract]
        return play(playbook, *arguments, "--extra-vars", json.dumps(given))

    return run


def test_a_team_keeps_its_tool(
    migrate: Callable[..., Any],
    columns: Callable[..., list[str]],
    psql: Callable[..., list[str]],
    everything: Callable[..., str],
    tool: Tool,
    another_database: str,
) -> None:
    first = migrate("1.0")
    assert (first.code, first.changed) == (0, 1), first.said
    assert {"customer_id", "total", "note"} < set(columns("orders", another_database))
    before = everything(another_database)

    checked = migrate("2.0", "--check", "--diff")
    assert (checked.code, checked.changed) == (0, 1), checked.said
    assert tool.shown in checked.said
    assert everything(another_database) == before

    run = migrate("2.0")
    assert (run.code, run.changed) == (0, 1), run.said
    assert {"note", "currency"} < set(columns("orders", another_database))

    again = migrate("2.0")
    assert (again.code, again.changed) == (0, 0), again.said

    email = ", 'ada@example.org'" if tool.name == "alembic" else ""
    psql(f"INSERT INTO customers VALUES (1, 'Ada'{email})", another_database)
    psql("INSERT INTO orders (id, customer_id, total, currency) VALUES (1, 1, 5, 'EUR')", another_database)
    before = everything(another_database)
    refused = migrate("2.0", playbook="rollback.yml", db_migrate_rollback_to=tool.back)
    assert refused.code == 2
    assert everything(another_database) == before

    contracted = migrate("2.0", db_migrate_phase="contract")
    assert (contracted.code, contracted.changed) == (0, 1), contracted.said
    assert "note" not in columns("orders", another_database)
    assert "an+odd@password/" not in first.said + checked.said + run.said + refused.said + contracted.said
