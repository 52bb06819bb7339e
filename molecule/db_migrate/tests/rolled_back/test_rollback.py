# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""After the rollback: the schema before the last expand migration, and every row."""

from __future__ import annotations

from collections.abc import Callable


def test_the_last_migration_alone_is_taken_back(
    columns: Callable[..., list[str]], psql: Callable[..., list[str]]
) -> None:
    assert columns("notes") == ["id", "body"]
    for table in ("schema_migrations", "strata_migrations"):
        assert psql(f"SELECT version FROM {table}") == ["20260105090000"]


def test_the_rows_are_there(psql: Callable[..., list[str]]) -> None:
    assert psql("SELECT * FROM notes") == ["1|written before the rollback"]


def test_the_lock_is_gone(psql: Callable[..., list[str]]) -> None:
    assert psql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == ["0"]
