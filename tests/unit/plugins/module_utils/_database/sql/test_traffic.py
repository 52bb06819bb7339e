# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds up queries while a table is large; each rule of this kind once, the forms in test_lint.py."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.lint import findings

HOLDS_UP = [
    ("postgresql", "add-constraint", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"),
    ("postgresql", "add-index", "CREATE INDEX i ON t (a)"),
    ("postgresql", "lock-table", "LOCK TABLE t"),
    ("postgresql", "long-lock", "ALTER TABLE t ADD COLUMN b int; UPDATE t SET b = 1"),
    ("postgresql", "rewrite-table", "ALTER TABLE t ADD COLUMN b bigserial"),
    ("mysql", "add-constraint", "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u (id)"),
    ("mysql", "add-index", "CREATE FULLTEXT INDEX i ON t (a)"),
    ("mysql", "rewrite-table", "ALTER TABLE t ORDER BY a"),
]

DIALECTS = {"mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


@pytest.fixture(autouse=True)
def without_squawk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def broken(system: str, sql: str, phase: str = "expand") -> list[str]:
    migration = parse("1_x.sql", f"-- strata: phase={phase}\n-- migrate:up\n{sql};\n".encode())
    return [finding.rule for finding in findings([migration], DIALECTS[system])]


@pytest.mark.parametrize("phase", ["expand", "contract"])
@pytest.mark.parametrize(("system", "rule", "sql"), HOLDS_UP)
def test_what_holds_up_traffic_is_refused_in_both_phases(
    system: str, rule: str, sql: str, phase: str
) -> None:
    assert broken(system, sql, phase) == [rule]


@pytest.mark.parametrize(("_system", "_rule", "sql"), HOLDS_UP)
def test_sqlite_has_one_writer_at_a_time_in_any_case(_system: str, _rule: str, sql: str) -> None:
    assert broken("sqlite", sql) == []


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("postgresql", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID"),
        ("postgresql", "ALTER TABLE t ADD COLUMN b int DEFAULT 1"),
        ("mysql", "ALTER TABLE t ADD COLUMN b int, LOCK=NONE"),
        ("mysql", "CREATE INDEX i ON t (a)"),
    ],
)
def test_what_runs_beside_traffic_is_let_through(system: str, sql: str) -> None:
    assert broken(system, sql) == []
