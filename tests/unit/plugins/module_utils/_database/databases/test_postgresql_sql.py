# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds up the traffic of a table of PostgreSQL."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


def rules(sql: str, transactional: bool = True) -> list[str]:
    """The rules that the last of these statements breaks."""
    *earlier, last = statements(sql, POSTGRESQL)
    return list(POSTGRESQL.traffic_rules(last, earlier, transactional))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER TABLE t ADD c int", []),
        ("CREATE INDEX i ON t (a)", ["add-index"]),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", []),
        ("ALTER TABLE t ADD CHECK (a > 0)", ["add-constraint"]),
        ("ALTER TABLE t ADD CHECK (a > 0) NOT VALID", []),
        ("ALTER TABLE t ALTER a SET NOT NULL", ["set-not-null"]),
        ("ALTER TABLE t VALIDATE CONSTRAINT k; ALTER TABLE t ALTER a SET NOT NULL", []),
        ("ALTER TABLE t ALTER a TYPE bigint", ["change-type"]),
        ("ALTER TABLE t SET UNLOGGED", ["rewrite-table"]),
        ("ALTER TABLE t ADD c serial", ["rewrite-table"]),
        ("LOCK TABLE t IN ROW SHARE MODE", []),
        ("LOCK TABLE t", ["lock-table"]),
        ("VACUUM FULL t", ["rewrite-table"]),
    ],
)
def test_what_holds_up_traffic_breaks_a_rule(sql: str, expected: list[str]) -> None:
    assert rules(sql) == expected


@pytest.mark.parametrize(
    ("transactional", "table", "expected"),
    [(True, "t", ["long-lock"]), (True, "u", []), (False, "t", [])],
)
def test_a_lock_is_kept_for_the_transaction(transactional: bool, table: str, expected: list[str]) -> None:
    sql = f"ALTER TABLE t ADD c int; UPDATE {table} SET c = 1"
    assert rules(sql, transactional) == expected
