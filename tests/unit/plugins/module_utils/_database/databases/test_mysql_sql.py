# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds up the traffic of a table of MySQL."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements


def rules(sql: str) -> list[str]:
    """The rules that the last of these statements breaks."""
    *earlier, last = statements(sql, MYSQL)
    return list(MYSQL.traffic_rules(last, earlier, False))


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("LOCK TABLES t WRITE", ["lock-table"]),
        ("LOCK TABLE t WRITE", ["lock-table"]),
        ("ALTER TABLE t ADD c int", []),
        ("ALTER TABLE t MODIFY c bigint", ["change-type"]),
        ("ALTER TABLE t MODIFY c bigint, LOCK=NONE", []),
        ("ALTER TABLE t MODIFY c bigint, ALGORITHM=INSTANT", []),
        ("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)", ["add-constraint"]),
        ("SET foreign_key_checks = 0; ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)", []),
        ("ALTER TABLE t DROP PRIMARY KEY", ["rewrite-table"]),
        ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a)", []),
        ("CREATE FULLTEXT INDEX i ON t (b)", ["add-index"]),
        ("CREATE INDEX i ON t (a)", []),
        ("ALTER TABLE t ADD c int AS (a + 1) STORED", ["rewrite-table"]),
    ],
)
def test_what_holds_up_traffic_breaks_a_rule(sql: str, expected: list[str]) -> None:
    assert rules(sql) == expected
