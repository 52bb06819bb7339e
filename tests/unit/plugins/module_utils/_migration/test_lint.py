# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter: which statements an expand migration must not have."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._migration.files import Migration, parse
from ansible_collections.strata.deploy.plugins.module_utils._migration.lint import check, findings


def migration(sql: str, directive: str = "", down: str = "") -> Migration:
    return parse("1_x.sql", f"{directive}\n-- migrate:up\n{sql}\n-- migrate:down\n{down}\n".encode())


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DROP TABLE t", "drop-table"),
        ("drop table if exists shop.t cascade", "drop-table"),
        ("DROP VIEW v", "drop-object"),
        ("DROP MATERIALIZED VIEW v", "drop-object"),
        ("ALTER TABLE t DROP COLUMN c", "drop-column"),
        ("ALTER TABLE t DROP c", "drop-column"),
        ("ALTER TABLE IF EXISTS ONLY shop.t ADD a int, DROP COLUMN IF EXISTS c", "drop-column"),
        ('ALTER TABLE "a;b" DROP COLUMN c', "drop-column"),
        ("ALTER TABLE t RENAME TO u", "rename"),
        ("ALTER TABLE t RENAME COLUMN a TO b", "rename"),
        ("ALTER TABLE t RENAME a TO b", "rename"),
        ("ALTER VIEW v RENAME TO w", "rename"),
        ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", "set-not-null"),
        ("ALTER TABLE t ALTER c SET NOT NULL", "set-not-null"),
        ("ALTER TABLE t ALTER c TYPE text", "change-type"),
        ("ALTER TABLE t ALTER COLUMN c SET DATA TYPE text", "change-type"),
        ("ALTER TABLE t ADD COLUMN c int NOT NULL", "add-not-null"),
        ("ALTER TABLE t ADD c numeric(8, 2) NOT NULL CHECK (c > 0)", "add-not-null"),
        ("DROP EXTENSION e CASCADE", "drop-object"),
        ("DROP OWNED BY shop", "drop-object"),
        ("DROP FUNCTION IF EXISTS f(int)", "drop-object"),
        ("DROP PROCEDURE p", "drop-object"),
        ("DROP ROUTINE r", "drop-object"),
        ("DROP AGGREGATE a(int)", "drop-object"),
        ("DROP TRIGGER g ON t", "drop-object"),
        ("ALTER TABLE t SET SCHEMA s", "rename"),
        ("ALTER FUNCTION f(int) SET SCHEMA s", "rename"),
        ("ALTER FUNCTION f(int) RENAME TO g", "rename"),
        ("ALTER TABLE t ALTER COLUMN c DROP DEFAULT", "drop-default"),
        ("ALTER TABLE t ALTER c DROP DEFAULT", "drop-default"),
        ("DELETE FROM t", "delete"),
        ("WITH old AS (SELECT 1) DELETE FROM t USING old", "delete"),
        ("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN DELETE", "delete"),
        ("REVOKE SELECT ON t FROM shop", "revoke"),
        ("TRUNCATE t", "truncate"),
        ("COMMIT", "transaction-control"),
        ("BEGIN; SELECT 1", "transaction-control"),
        ("ROLLBACK", "transaction-control"),
        ("START TRANSACTION", "transaction-control"),
    ],
)
def test_a_destructive_statement_is_found(sql: str, rule: str) -> None:
    assert [finding.rule for finding in findings(migration(sql))] == [rule]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (id int NOT NULL)",
        "ALTER TABLE t ADD COLUMN c int",
        "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0",
        "ALTER TABLE t ADD COLUMN c bigserial NOT NULL",
        "ALTER TABLE t ADD COLUMN c int NOT NULL GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE t ADD COLUMN c int CHECK (c IS NOT NULL)",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (c IS NOT NULL) NOT VALID",
        "ALTER TABLE t DROP CONSTRAINT k",
        "ALTER TABLE t ALTER COLUMN c DROP NOT NULL",
        "ALTER TABLE t ALTER c SET DEFAULT 1",
        "ALTER INDEX i RENAME TO j",
        "DROP INDEX i",
        "DROP STATISTICS s",
        "ALTER TABLE t SET (fillfactor = 70)",
        "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u ON DELETE CASCADE",
        "WITH new AS (SELECT 1) INSERT INTO t SELECT * FROM new",
        "INSERT INTO t VALUES ('DROP TABLE t; COMMIT;')",
        "-- DROP TABLE t;\nSELECT 1",
        "SAVEPOINT s; ROLLBACK TO s",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 1; END;",
    ],
)
def test_a_harmless_statement_is_let_through(sql: str) -> None:
    assert findings(migration(sql)) == []


def test_the_contract_phase_may_destroy() -> None:
    check([migration("DROP TABLE t; ALTER TABLE u DROP COLUMN c", "-- strata: phase=contract")])


def test_the_contract_phase_may_not_commit() -> None:
    with pytest.raises(StrataError, match="transaction-control"):
        check([migration("DROP TABLE t; COMMIT", "-- strata: phase=contract")])


def test_the_way_back_may_destroy_and_not_commit() -> None:
    assert findings(migration("SELECT 1", down="DROP TABLE t")) == []
    assert [item.rule for item in findings(migration("SELECT 1", down="COMMIT"))] == ["transaction-control"]


def test_a_rule_is_waived_by_its_name_alone() -> None:
    found = findings(
        migration("DROP TABLE t; TRUNCATE u; COMMIT", "-- strata: allow=drop-table,transaction-control")
    )
    assert [finding.rule for finding in found] == ["truncate", "transaction-control"]


def test_waiving_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(StrataError, match="'drop-tables', which is no rule"):
        check([migration("SELECT 1", "-- strata: allow=drop-tables")])


def test_the_error_names_rule_file_line_and_what_to_do() -> None:
    with pytest.raises(StrataError) as caught:
        check([migration("SELECT 1;\n\nDROP TABLE t;")])
    message = str(caught.value)
    assert "1_x.sql line 5: drop-table: the running release may still use it" in message
    assert "-- strata: allow=RULE" in message
    assert caught.value.details == {"findings": [{"rule": "drop-table", "name": "1_x.sql", "line": 5}]}
