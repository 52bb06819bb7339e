# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A release whose migrations are in two phases."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_the_contract_phase_waits_for_its_expansion_and_ends_the_way_back(
    play: Callable[..., Any], columns: Callable[..., list[str]], another_database: str
) -> None:
    def migrate(phase: str) -> Any:
        options = {
            "shop_database": another_database,
            "db_migrate_archive": "",
            "db_migrate_folder": "/srv/next",
            "db_migrate_phase": phase,
        }
        return play("converge.yml", "--extra-vars", json.dumps(options))

    early = migrate("contract")
    assert early.code == 2
    assert "Deploy the release first, with the phase expand." in early.said
    assert columns("notes", another_database) == []

    assert migrate("expand").code == 0
    assert columns("notes", another_database) == ["id", "body", "author", "pinned"]

    assert migrate("contract").code == 0
    assert columns("notes", another_database) == ["id", "author", "pinned"]

    back = play("rollback.yml", "--extra-vars", f"shop_database={another_database}")
    assert back.code == 2
    assert "contract migration 20260401130000_drop_note_body.sql was applied after it" in back.said
    assert columns("notes", another_database) == ["id", "author", "pinned"]
