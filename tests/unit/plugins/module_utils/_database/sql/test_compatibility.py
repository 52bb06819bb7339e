# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks a release that is still running; each rule of this kind once, the forms in test_lint.py."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.sql.compatibility import ADVICE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.lint import findings

BREAKS = {
    "change-object": "ALTER SEQUENCE s RESTART",
    "add-not-null": "ALTER TABLE t ADD COLUMN c int NOT NULL",
    "change-type": "ALTER TABLE t ALTER COLUMN c TYPE text",
    "delete": "DELETE FROM t",
    "drop-column": "ALTER TABLE t DROP COLUMN c",
    "drop-constraint": "ALTER TABLE t DROP CONSTRAINT k",
    "drop-default": "ALTER TABLE t ALTER COLUMN c DROP DEFAULT",
    "drop-object": "DROP VIEW v",
    "drop-table": "DROP TABLE t",
    "rename": "ALTER TABLE t RENAME TO u",
    "revoke": "REVOKE SELECT ON t FROM shop",
    "set-not-null": "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
    "truncate": "TRUNCATE t",
}


@pytest.fixture(autouse=True)
def without_squawk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def broken(sql: str, phase: str = "expand") -> list[str]:
    migration = parse("1_x.sql", f"-- strata: phase={phase}\n-- migrate:up\n{sql};\n".encode())
    return [finding.rule for finding in findings([migration], UNKNOWN)]


@pytest.mark.parametrize("rule", BREAKS)
def test_it_is_for_the_contract_phase(rule: str) -> None:
    assert broken(BREAKS[rule]) == [rule]
    assert broken(BREAKS[rule], "contract") == []


def test_every_rule_is_shown_and_says_what_to_do_instead() -> None:
    # Building a table anew takes several statements: test_lint.py.
    assert set(ADVICE) == {*BREAKS, "rebuild-table"}
    assert [rule for rule, advice in ADVICE.items() if not advice.endswith(".")] == []


@pytest.mark.parametrize(
    "sql", ["CREATE TABLE t (id int)", "ALTER TABLE t ADD COLUMN c int", "INSERT INTO t VALUES (1)"]
)
def test_what_adds_is_let_through(sql: str) -> None:
    assert broken(sql) == []
