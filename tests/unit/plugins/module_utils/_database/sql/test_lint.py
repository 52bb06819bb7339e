# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter: what a migration must not do."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Migration
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import compatibility, lint, traffic
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.catalog import UnknownCatalog
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse

CONTRACT = "-- strata: phase=contract"
ALONE = "-- strata: no-transaction"
SYSTEMS = ("postgresql", "mysql", "sqlite")
DIALECTS = {"": UNKNOWN, "mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


@pytest.fixture(autouse=True)
def without_squawk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def migration(sql: str, directive: str = "", down: str = "", name: str = "1_x.sql") -> Migration:
    return parse(name, f"{directive}\n-- migrate:up\n{sql}\n-- migrate:down\n{down}\n".encode())


def findings(migrations: Sequence[Migration], system: str) -> list[lint.Finding]:
    return lint.findings(migrations, DIALECTS[system])


def check(migrations: Sequence[Migration], system: str) -> None:
    lint.check(migrations, DIALECTS[system])


def broken(sql: str, system: str = "", directive: str = "", down: str = "") -> list[str]:
    return [finding.rule for finding in findings([migration(sql, directive, down)], system)]


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
        ("WITH gone AS (DELETE FROM t RETURNING a) INSERT INTO u SELECT a FROM gone", "delete"),
        ("ALTER TABLE t DROP PARTITION p", "delete"),
        ("ALTER TABLE t DETACH PARTITION p", "delete"),
        ("ALTER TABLE t TRUNCATE PARTITION p", "truncate"),
        ("ALTER TABLE t ALTER c DROP IDENTITY", "drop-default"),
        ("ALTER TABLE t ENABLE ROW LEVEL SECURITY", "revoke"),
        ("ALTER TABLE t ADD CONSTRAINT n NOT NULL c NOT VALID", "set-not-null"),
        ("ALTER TABLE t ADD CONSTRAINT n CHECK (c IS NOT NULL) NOT VALID", "set-not-null"),
        ("ALTER TABLE t ADD CHECK (c > 0 AND c NOTNULL) NOT VALID", "set-not-null"),
        ("ALTER DOMAIN d SET NOT NULL", "set-not-null"),
        ("ALTER DOMAIN d ADD CONSTRAINT n CHECK (VALUE IS NOT NULL) NOT VALID", "set-not-null"),
        ("ALTER TABLE t ADD c int CHECK (c IS NOT NULL)", "add-not-null"),
        ("ALTER TABLE t ADD (c int NOT NULL, d int)", "add-not-null"),
        ("ALTER TABLE t MODIFY COLUMN c bigint", "change-type"),
        ("ALTER TABLE t CHANGE c C bigint", "change-type"),
        ("RENAME TABLE t TO u", "rename"),
        ("RENAME USER shop TO store", "rename"),
        ("ALTER TYPE a RENAME VALUE 'b' TO 'c'", "rename"),
        ("ALTER TYPE a DROP ATTRIBUTE b", "drop-column"),
        ("ALTER TYPE a ALTER ATTRIBUTE b TYPE text", "change-type"),
        ("CREATE OR REPLACE TABLE t (c int)", "drop-table"),
        ("DROP INDEX i", "drop-constraint"),
        ("ALTER TABLE t DROP CONSTRAINT k", "drop-constraint"),
        ("ALTER TABLE t DROP CONSTRAINT IF EXISTS k CASCADE", "drop-constraint"),
        ("ALTER TABLE t DROP INDEX i", "drop-constraint"),
        ("ALTER TABLE t DROP KEY i", "drop-constraint"),
        ("ALTER TABLE t DROP FOREIGN KEY f", "drop-constraint"),
        ("ALTER TABLE t DROP CHECK c", "drop-constraint"),
        ("ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (c)", "drop-constraint"),
        ("ALTER TABLE t ALTER CONSTRAINT k NOT ENFORCED", "drop-constraint"),
        ("ALTER TABLE t ALTER CHECK k NOT ENFORCED", "drop-constraint"),
        ("ALTER DOMAIN d DROP CONSTRAINT k", "drop-constraint"),
        ("ALTER TABLE t RENAME CONSTRAINT k TO l", "rename"),
        ("ALTER TABLE t RENAME INDEX i TO j", "rename"),
        ("ALTER INDEX i RENAME TO j", "rename"),
        ("ALTER TABLE t ALTER c SET DEFAULT NULL", "drop-default"),
        ("ALTER DOMAIN d SET DEFAULT 1", "drop-default"),
        ("ALTER VIEW v ALTER COLUMN c DROP DEFAULT", "drop-default"),
        ("ALTER TABLE t ALTER c SET GENERATED ALWAYS", "change-object"),
        ("ALTER TABLE t ALTER c ADD GENERATED ALWAYS AS IDENTITY", "change-object"),
        ("ALTER TABLE t ALTER c SET EXPRESSION AS (a + 1)", "change-object"),
        ("ALTER TABLE t ALTER c SET INVISIBLE", "change-object"),
        ("ALTER TABLE t ENGINE = MyISAM", "change-object"),
        ("ALTER TABLE ALL IN TABLESPACE a SET TABLESPACE b", "change-object"),
        ("ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", "change-type"),
        ("ALTER TABLE t OWNER TO shop", "revoke"),
        ("ALTER FUNCTION f(int) OWNER TO shop", "revoke"),
        ("REASSIGN OWNED BY shop TO store", "revoke"),
        ("ALTER TABLE t FORCE ROW LEVEL SECURITY", "revoke"),
        ("CREATE POLICY p ON t AS RESTRICTIVE USING (a > 0)", "revoke"),
        ("ALTER TABLE t DISABLE ROW LEVEL SECURITY", "change-object"),
        ("ALTER POLICY p ON t USING (a > 0)", "change-object"),
        ("DROP POLICY p ON t", "drop-object"),
        ("ALTER TABLE t DISABLE TRIGGER g", "drop-object"),
        ("ALTER TABLE t ENABLE REPLICA TRIGGER g", "change-object"),
        ("ALTER TABLE t NO INHERIT p", "delete"),
        ("ALTER TABLE t DISCARD TABLESPACE", "delete"),
        ("ALTER SEQUENCE s RESTART WITH 5", "change-object"),
        ("ALTER SEQUENCE s OWNED BY t.c RESTART", "change-object"),
        ("ALTER ROLE shop NOLOGIN", "change-object"),
        ("ALTER USER shop PASSWORD EXPIRE", "change-object"),
        ("SET PASSWORD = 'x'", "change-object"),
        ("ALTER DATABASE shop SET search_path = a", "change-object"),
        ("ALTER FUNCTION f(int) STRICT", "change-object"),
        ("ALTER FUNCTION f(int) SECURITY INVOKER", "change-object"),
        ("ALTER VIEW v SET (security_invoker = true)", "change-object"),
        ("ALTER PUBLICATION p DROP TABLE t", "change-object"),
        ("ALTER TABLE t ADD tape_serial text NOT NULL", "add-not-null"),
        ("ALTER TABLE t ADD generated int NOT NULL", "add-not-null"),
        ("ALTER TABLE t ADD c int NOT NULL DEFAULT NULL", "add-not-null"),
        ("ALTER TABLE t ADD c int PRIMARY KEY", "add-not-null"),
        (
            "CREATE TABLE n (c int); INSERT INTO n SELECT c FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t",
            "rebuild-table",
        ),
    ],
)
def test_what_breaks_the_running_release_is_refused(sql: str, rule: str) -> None:
    assert broken(sql) == [rule]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (id int NOT NULL)",
        "ALTER TABLE t ADD COLUMN c int",
        "ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 0",
        "ALTER TABLE t ADD COLUMN c bigserial NOT NULL",
        "ALTER TABLE t ADD COLUMN c int NOT NULL GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE t ADD COLUMN c int CHECK (c > 0 OR c IS NULL)",
        "ALTER TABLE t ADD COLUMN c int DEFAULT 0 CHECK (c IS NOT NULL)",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID",
        "ALTER TABLE t ADD CONSTRAINT k UNIQUE (c)",
        "ALTER DOMAIN d DROP NOT NULL",
        "CREATE DOMAIN d AS int; ALTER DOMAIN d SET NOT NULL",
        "ALTER TABLE t DROP CONSTRAINT k, ADD CONSTRAINT k CHECK (c > 0) NOT VALID",
        "ALTER TABLE t DROP CONSTRAINT k; ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID",
        "ALTER TABLE t ALTER COLUMN c DROP NOT NULL",
        "ALTER TABLE t ALTER c SET DEFAULT 1",
        "ALTER INDEX i SET (fillfactor = 70)",
        "DROP STATISTICS s",
        "ALTER TABLE t SET (fillfactor = 70)",
        "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u ON DELETE CASCADE",
        "WITH new AS (SELECT 1) INSERT INTO t SELECT * FROM new",
        "INSERT INTO t VALUES ('DROP TABLE t; COMMIT;')",
        "-- DROP TABLE t;\nSELECT 1",
        "SAVEPOINT s; ROLLBACK TO s",
        "ALTER TABLE t ENABLE TRIGGER g",
        "ALTER TABLE t ATTACH PARTITION p FOR VALUES IN (1)",
        "ALTER TABLE t REPLICA IDENTITY FULL",
        "ALTER TABLE t ALTER c SET STATISTICS 100, ALTER c SET STORAGE EXTERNAL",
        "ALTER TABLE t ALTER c ADD GENERATED BY DEFAULT AS IDENTITY",
        "ALTER TABLE t ALTER CONSTRAINT k DEFERRABLE",
        "ALTER TABLE t ENGINE=InnoDB, COMMENT 'x', AUTO_INCREMENT = 5",
        "ALTER TABLE t ADD c int, ALGORITHM=INPLACE, LOCK=NONE",
        "ALTER SEQUENCE s OWNED BY t.c",
        "ALTER SEQUENCE s MAXVALUE 5",
        "ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM shop",
        "ALTER FUNCTION f(int) IMMUTABLE",
        "ALTER DOMAIN d ADD CONSTRAINT k CHECK (VALUE > 0) NOT VALID",
        "ALTER PUBLICATION p ADD TABLE t",
        "CREATE POLICY p ON t USING (a > 0)",
        "DROP TRIGGER IF EXISTS g ON t; CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
        "DROP FUNCTION IF EXISTS f(int); CREATE FUNCTION f(a int) RETURNS text LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION f(int), g(); CREATE FUNCTION g() RETURNS int AS 'SELECT 1'; CREATE FUNCTION f(int) RETURNS int AS 'SELECT 1'",
        "ALTER TABLE t ADD COLUMN c bigint NOT NULL AUTO_INCREMENT",
        "ALTER TABLE t ADD COLUMN c int AS (a + b) NOT NULL",
        "ALTER TABLE t ALTER INDEX i INVISIBLE",
        "ALTER TYPE a ADD VALUE 'b'",
        "GRANT DELETE ON t TO shop",
        "DROP TEMPORARY TABLE t",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET a = 1; END;",
    ],
)
def test_a_harmless_statement_is_let_through(sql: str) -> None:
    assert broken(sql) == []


def test_a_column_of_another_name_is_a_rename_and_a_change_of_type() -> None:
    assert broken("ALTER TABLE t CHANGE COLUMN c d bigint", "mysql") == ["change-type", "rename"]


def test_names_that_are_words_of_another_system_are_columns() -> None:
    assert broken("ALTER TABLE t DROP index CASCADE", "postgresql") == ["drop-column"]
    assert broken("ALTER TABLE t RENAME key TO k", "postgresql") == ["rename"]


@pytest.mark.parametrize("phase", ["", CONTRACT])
@pytest.mark.parametrize(
    ("system", "sql", "rule"),
    [
        ("postgresql", "CREATE INDEX i ON t (c)", "add-index"),
        ("postgresql", "CREATE UNIQUE INDEX ON t (c)", "add-index"),
        ("postgresql", "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD CONSTRAINT k UNIQUE (c)", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD PRIMARY KEY (c)", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD EXCLUDE USING gist (c WITH &&)", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD COLUMN c int UNIQUE", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD c int CHECK (c > 0)", "add-constraint"),
        ("postgresql", "ALTER TABLE t ADD c int DEFAULT 1 REFERENCES u", "add-constraint"),
        ("postgresql", "ALTER TABLE t ALTER c TYPE bigint", "change-type"),
        ("postgresql", "ALTER TABLE t ALTER c SET NOT NULL", "set-not-null"),
        ("postgresql", "ALTER TABLE t ADD c bigserial", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c int GENERATED ALWAYS AS (a + 1) STORED", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c text DEFAULT md5(random()::text)", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c text NOT NULL DEFAULT nanoid()", "rewrite-table"),
        ("postgresql", 'ALTER TABLE t ADD c text DEFAULT (public."nanoid"())', "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD c text DEFAULT coalesce(NULL, nanoid())", "rewrite-table"),
        ("postgresql", "ALTER TABLE t ADD (c text DEFAULT nanoid())", "rewrite-table"),
        ("postgresql", "CREATE DOMAIN d AS int CHECK (VALUE > 0); ALTER TABLE t ADD c d", "rewrite-table"),
        ("postgresql", "ALTER INDEX i SET TABLESPACE fast", "rewrite-table"),
        ("postgresql", "ALTER MATERIALIZED VIEW v SET ACCESS METHOD heap", "rewrite-table"),
        ("postgresql", "ALTER DOMAIN d SET NOT NULL", "set-not-null"),
        ("postgresql", "ALTER TABLE t SET UNLOGGED", "rewrite-table"),
        ("postgresql", "ALTER TABLE t SET TABLESPACE fast", "rewrite-table"),
        ("postgresql", "CLUSTER t USING i", "rewrite-table"),
        ("postgresql", "REINDEX TABLE t", "lock-table"),
        ("postgresql", "REFRESH MATERIALIZED VIEW v", "lock-table"),
        ("postgresql", "LOCK TABLE t", "lock-table"),
        ("postgresql", "LOCK t IN SHARE MODE", "lock-table"),
        ("postgresql", "LOCK t IN SHARE ROW EXCLUSIVE MODE NOWAIT", "lock-table"),
        ("postgresql", "ALTER TABLE t ADD c int; UPDATE t SET c = 1", "long-lock"),
        ("postgresql", "ALTER TABLE t ADD c int; WITH u AS (SELECT 1) UPDATE ONLY t SET c = 1", "long-lock"),
        ("postgresql", "ALTER TABLE t ADD c int; INSERT INTO t SELECT * FROM u", "long-lock"),
        (
            "postgresql",
            "ALTER TABLE t ADD c int; MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET c = 1",
            "long-lock",
        ),
        (
            "postgresql",
            "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k",
            "long-lock",
        ),
        ("mysql", "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u (id)", "add-constraint"),
        ("mysql", "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0)", "add-constraint"),
        ("mysql", "ALTER TABLE t ADD c int REFERENCES u (id)", "add-constraint"),
        ("mysql", "CREATE FULLTEXT INDEX i ON t (c)", "add-index"),
        ("mysql", "ALTER TABLE t ADD SPATIAL INDEX (c)", "add-index"),
        ("mysql", "ALTER TABLE t MODIFY c bigint", "change-type"),
        ("mysql", "ALTER TABLE t CHANGE c c bigint", "change-type"),
        ("mysql", "ALTER TABLE t ORDER BY c", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c int DEFAULT (a + 1)", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c varchar(36) DEFAULT (sys_guid())", "rewrite-table"),
        ("mysql", "ALTER TABLE t PARTITION BY HASH (c)", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c int AS (a + 1) STORED", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c int AUTO_INCREMENT UNIQUE", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c varchar(36) DEFAULT (uuid())", "rewrite-table"),
        ("mysql", "ALTER TABLE t ADD c int, ALGORITHM=COPY", "lock-table"),
        ("mysql", "ALTER TABLE t ADD c int, LOCK = SHARED", "lock-table"),
        ("mysql", "CREATE INDEX i ON t (c) LOCK=EXCLUSIVE", "lock-table"),
        ("mysql", "LOCK TABLES t WRITE", "lock-table"),
        ("mysql", "FLUSH TABLES WITH READ LOCK", "lock-table"),
    ],
)
def test_what_holds_up_traffic_is_refused_in_both_phases(
    system: str, sql: str, rule: str, phase: str
) -> None:
    assert broken(sql, system, phase) == [rule]


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("postgresql", "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID"),
        ("postgresql", "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u NOT VALID"),
        ("postgresql", "ALTER TABLE t ADD CONSTRAINT k UNIQUE USING INDEX i"),
        ("postgresql", "ALTER TABLE t VALIDATE CONSTRAINT k"),
        (
            "postgresql",
            "ALTER TABLE t VALIDATE CONSTRAINT k; ALTER TABLE t ALTER c SET NOT NULL; ALTER TABLE t DROP CONSTRAINT k",
        ),
        ("postgresql", "CREATE INDEX i ON ONLY t (c)"),
        ("postgresql", "ALTER TABLE t ADD c timestamptz NOT NULL DEFAULT now()"),
        ("postgresql", "ALTER TABLE t ADD c int REFERENCES u"),
        ("postgresql", "ALTER TABLE t ADD c int; UPDATE u SET c = 1"),
        ("postgresql", "ALTER TABLE t ADD c int; INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET c = 1"),
        ("postgresql", "ALTER TABLE t ADD c int; SELECT * FROM t FOR UPDATE"),
        ("postgresql", "ALTER TABLE t ALTER c SET STATISTICS 100; UPDATE t SET c = 1"),
        ("postgresql", "UPDATE t SET c = 1"),
        ("postgresql", "LOCK TABLE t IN ROW EXCLUSIVE MODE NOWAIT"),
        ("postgresql", "REFRESH MATERIALIZED VIEW CONCURRENTLY v"),
        ("postgresql", "DROP INDEX i"),
        ("mysql", "CREATE INDEX i ON t (c)"),
        ("mysql", "FLUSH TABLES"),
        ("mysql", "UNLOCK TABLES"),
        ("mysql", "ALTER TABLE t ADD UNIQUE INDEX (c), ADD INDEX (d)"),
        ("mysql", "ALTER TABLE t ADD c int CHECK (c > 0)"),
        ("mysql", "ALTER TABLE t ADD c int AS (a + 1) VIRTUAL"),
        ("mysql", "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (c)"),
        ("mysql", "ALTER TABLE t MODIFY c bigint, LOCK=NONE"),
        ("mysql", "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u (id), LOCK NONE"),
        ("mysql", "SET foreign_key_checks = 0; ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u (id)"),
        ("sqlite", "CREATE INDEX i ON t (c)"),
        ("sqlite", "ALTER TABLE t ADD c int; UPDATE t SET c = 1"),
    ],
)
def test_what_runs_beside_traffic_is_let_through(system: str, sql: str) -> None:
    assert broken(sql, system, CONTRACT) == []


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t ADD c int; UPDATE t SET c = 1",
        "ALTER TABLE t ADD CONSTRAINT k CHECK (c > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k",
    ],
)
def test_no_lock_is_kept_outside_a_transaction(sql: str) -> None:
    assert broken(sql, "postgresql", ALONE) == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE INDEX i ON t (a)",
        "ALTER TABLE T ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u",
        'ALTER TABLE "t" ADD b int NOT NULL',
        "ALTER TABLE t DROP COLUMN a",
        "ALTER TABLE t ADD b int; UPDATE t SET b = 1",
        "ALTER TABLE t RENAME TO s; DROP TABLE s",
        "DROP TABLE t",
        "DELETE FROM t",
        "TRUNCATE t",
        "REVOKE ALL ON t FROM PUBLIC",
        "CREATE FUNCTION f() RETURNS int RETURN 1; REVOKE ALL ON FUNCTION f() FROM PUBLIC",
        "CREATE MATERIALIZED VIEW v AS SELECT 1 WITH NO DATA; REFRESH MATERIALIZED VIEW v",
    ],
)
def test_what_the_same_run_has_created_may_be_treated_in_any_way(sql: str) -> None:
    create = migration("CREATE TABLE t (a int)")
    assert broken(f"CREATE TABLE t (a int); {sql}", "postgresql") == []
    assert findings([create, migration(sql, name="2_y.sql")], "postgresql") == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE shop.t (a int); DROP TABLE t",
        'CREATE TABLE t (a int); DROP TABLE "T"',
        "CREATE TABLE t (a int); DROP TABLE t, u",
        "DROP TABLE t; CREATE TABLE t (a int)",
        "ALTER TABLE u RENAME TO t; DROP TABLE t",
        "CREATE FUNCTION t() RETURNS int RETURN 1; DROP TABLE t",
        "CREATE TABLE IF NOT EXISTS t (a int); DROP TABLE t",
        "CREATE TEMP TABLE IF NOT EXISTS t (a int); DROP TABLE t",
        "CREATE TEMP TABLE t (a int); DROP TABLE t; DROP TABLE t",
    ],
)
def test_what_was_there_before_is_not_taken_for_new(sql: str) -> None:
    assert "drop-table" in broken(sql, "postgresql")


@pytest.mark.parametrize(
    ("system", "sql", "rule"),
    [
        ("postgresql", "SET search_path TO sales; {create}; SET search_path TO public; {drop}", "drop-table"),
        ("postgresql", "{create}; SET LOCAL search_path = sales; {drop}", "drop-table"),
        ("postgresql", '{create}; SET "search_path" = sales; {drop}', "drop-table"),
        ("postgresql", "{create}; SET SCHEMA 'sales'; {drop}", "drop-table"),
        ("postgresql", "{create}; SELECT set_config('search_path', 'sales', true); {drop}", "drop-table"),
        ("postgresql", "{create}; SELECT pg_catalog.set_config(a, b, true) FROM c; {drop}", "drop-table"),
        (
            "postgresql",
            "{create}; UPDATE pg_settings SET setting = 'sales' WHERE name = 'search_path'; {drop}",
            "drop-table",
        ),
        ("postgresql", "{create}; DO $$ BEGIN SET LOCAL search_path = sales; END $$; {drop}", "drop-table"),
        ("postgresql", "{create}; SET ROLE sales; {drop}", "drop-table"),
        ("postgresql", "{create}; SET SESSION AUTHORIZATION sales; {drop}", "drop-table"),
        ("postgresql", "{create}; CALL go_elsewhere(); {drop}", "drop-table"),
        ("postgresql", "SET search_path TO sales; {create}; RESET search_path; {drop}", "drop-table"),
        ("postgresql", "SET search_path TO sales; {create}; RESET ALL; {drop}", "drop-table"),
        ("postgresql", "SET ROLE sales; {create}; RESET ROLE; {drop}", "drop-table"),
        ("postgresql", "SAVEPOINT s; {create}; ROLLBACK TO s; {drop}", "drop-table"),
        ("postgresql", "{create}; {drop}; {drop}", "drop-table"),
        ("postgresql", "{create}; ALTER TABLE orders RENAME TO old; {drop}", "drop-table"),
        ("postgresql", "{create}; ALTER TABLE orders SET SCHEMA old; {drop}", "drop-table"),
        ("postgresql", 'CREATE TABLE "sales.orders" (a int); DROP TABLE sales.orders', "drop-table"),
        ("postgresql", 'CREATE TABLE "É" (a int); DROP TABLE é', "drop-table"),
        ("postgresql", 'CREATE TABLE u (a int); DROP TABLE U&"orders"', "drop-table"),
        ("postgresql", "CREATE SCHEMA sales CREATE TABLE orders (a int); {drop}", "drop-table"),
        ("postgresql", "CREATE TYPE orders AS (a int); {drop}", "drop-table"),
        ("postgresql", "{create}; DROP SCHEMA orders CASCADE", "drop-object"),
        ("postgresql", "{create}; DROP TRIGGER orders ON customers", "drop-object"),
        ("postgresql", "CREATE VIEW v AS SELECT * FROM orders; DELETE FROM v", "delete"),
        ("postgresql", "CREATE FUNCTION f(int) RETURNS int RETURN 1; DROP FUNCTION f(text)", "drop-object"),
        ("postgresql", "CREATE FUNCTION f() RETURNS int RETURN 1; DROP FUNCTION f(), g()", "drop-object"),
        (
            "postgresql",
            "CREATE FUNCTION f() RETURNS int RETURN 1; DROP FUNCTION f(); DROP FUNCTION f",
            "drop-object",
        ),
        ("mysql", "{create}; USE sales; {drop}", "drop-table"),
        ("mysql", "IF @a THEN {create}; END IF; {drop}", "drop-table"),
        ("mysql", "CREATE TABLE `` (a int); DROP TABLE ``; DROP TABLE ``", "drop-table"),
        ("mysql", "USE sales; {create}; USE shop; {drop}", "drop-table"),
        ("mysql", "CREATE TABLE Orders (a int); {drop}", "drop-table"),
        ("mysql", "{create}; RENAME TABLE orders TO a, customers TO b", "rename"),
        (
            "mysql",
            "CREATE TEMPORARY TABLE orders (a int); ALTER TABLE b ADD c int; DELETE FROM orders",
            "delete",
        ),
        ("sqlite", "{create}; ATTACH 'x' AS sales; {drop}", "drop-table"),
        (
            "sqlite",
            "CREATE TABLE sales.orders (a int); DETACH sales; ATTACH 'x' AS sales; DROP TABLE sales.orders",
            "drop-table",
        ),
        ("sqlite", "CREATE TABLE temp.orders (a int); {drop}", "drop-table"),
        ("sqlite", "CREATE TEMP TABLE orders (a int); {drop}; {drop}", "drop-table"),
    ],
)
def test_a_name_that_may_be_another_tables_is_not_taken_for_the_new_one(
    system: str, sql: str, rule: str
) -> None:
    sql = sql.format(create="CREATE TABLE orders (a int)", drop="DROP TABLE orders")
    assert rule in broken(sql, system)


def test_what_another_migration_has_created_elsewhere_is_not_taken_for_new() -> None:
    create, drop = "CREATE TABLE orders (a int)", "DROP TABLE orders"
    for moved in (
        "SET search_path TO sales; {}",
        "SET ROLE sales; {}",
        "{}; ALTER ROLE shop SET search_path TO sales",
    ):
        both = [migration(moved.format(create)), migration(drop, name="2_y.sql")]
        found = findings(both, "postgresql")
        assert [each.rule for each in found if each.name == "2_y.sql"] == ["drop-table"]


FUNCTION = "CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'"


@pytest.mark.parametrize(
    "sql",
    [
        f"DROP FUNCTION f(int); {FUNCTION}; DROP FUNCTION f(int)",
        f"DROP FUNCTION f(int); {FUNCTION}; ALTER FUNCTION f RENAME TO g",
        f"DROP FUNCTION f(int); SET search_path TO sales; {FUNCTION}",
        f"DROP FUNCTION f(int); SELECT set_config('search_path', 'sales', true); {FUNCTION}",
        f"SAVEPOINT s; DROP FUNCTION f(int); SAVEPOINT t; {FUNCTION}; ROLLBACK TO t",
    ],
)
def test_what_is_dropped_and_created_again_is_neither_new_nor_elsewhere(sql: str) -> None:
    assert [rule for rule in broken(sql, "postgresql") if rule in ("drop-object", "rename")]


def test_what_one_migration_has_replaced_the_next_one_may_not_drop() -> None:
    both = [
        migration(f"DROP FUNCTION f(int); {FUNCTION}"),
        migration("DROP FUNCTION f(int)", name="2_y.sql"),
    ]
    assert [(each.rule, each.name) for each in findings(both, "postgresql")] == [("drop-object", "2_y.sql")]


class Plain(UnknownCatalog):
    """A database in which no index is unique."""

    def is_unique(self, index: Sequence[str], table: Sequence[str]) -> bool:
        return False


def test_a_database_is_not_asked_about_the_names_of_another() -> None:
    sql = "DROP INDEX i ON t"
    for system, moved, rules in (
        ("mysql", "", []),
        ("mysql", "USE store; ", ["drop-constraint"]),
        ("postgresql", "SET search_path TO store; ", []),
    ):
        found = lint.findings([migration(moved + sql)], DIALECTS[system], Plain())
        assert [each.rule for each in found] == rules


@pytest.mark.parametrize(
    ("system", "sql", "rules"),
    [
        ("mysql", "DROP TABLE t", []),
        ("mysql", "DROP VIEW v", []),
        ("mysql", "DROP TABLE `st.ore`", []),
        ("mysql", "DROP TABLE store.t", ["drop-table"]),
        ("mysql", "DROP VIEW `store`.v", ["drop-object"]),
        ("mysql", "USE store; DROP TABLE t", ["drop-table"]),
        ("mysql", "CALL p(); SET ROLE admin; DROP TABLE t", []),
        ("postgresql", "SET search_path TO store; DROP TABLE t", []),
        ("postgresql", "DROP FUNCTION store.f(a.b)", []),
    ],
)
def test_what_nobody_uses_ends_at_the_database(system: str, sql: str, rules: list[str]) -> None:
    found = lint.findings([migration(sql)], DIALECTS[system], new=True)
    assert [each.rule for each in found] == rules


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("postgresql", "SET search_path TO sales; {create}; {drop}"),
        ("postgresql", "SET ROLE sales; {create}; {drop}"),
        ("postgresql", "SET search_path TO sales; SET work_mem TO '1GB'; {create}; {drop}"),
        ("postgresql", "{create}; SET search_path TO sales; RESET search_path; {drop}"),
        ("postgresql", "SELECT set_config('search_path', '', false); {create}; {drop}"),
        ("postgresql", "{create}; SELECT set_config('shop.user', 'x', true); {drop}"),
        ("postgresql", "CREATE TABLE sales.orders (a int); SET search_path TO a; DROP TABLE sales.orders"),
        ("postgresql", "CREATE FUNCTION f(x int) RETURNS int RETURN 1; DROP FUNCTION f(int)"),
        ("postgresql", "CREATE FUNCTION f(x int) RETURNS int RETURN 1; DROP FUNCTION f"),
        ("postgresql", "CREATE VIEW v AS SELECT 1; DROP VIEW v"),
        ("postgresql", "{create}; ALTER TABLE orders RENAME COLUMN a TO b; {drop}"),
        ("postgresql", "{create}; ALTER TABLE orders SET (fillfactor = 70); {drop}"),
        ("mysql", "USE sales; {create}; {drop}"),
        ("mysql", "CREATE FUNCTION f(x int) RETURNS int RETURN 1; DROP FUNCTION f"),
    ],
)
def test_a_name_that_is_looked_up_in_the_same_place_is_the_new_tables(system: str, sql: str) -> None:
    sql = sql.format(create="CREATE TABLE orders (a int)", drop="DROP TABLE orders")
    assert broken(sql, system) == []
    assert broken("SET search_path TO sales; CREATE TABLE orders (a int)", "postgresql") == []


def test_a_temporary_table_may_be_gone_in_another_step() -> None:
    sql = "CREATE TEMP TABLE t (a int) ON COMMIT DROP; DROP TABLE t"
    assert broken(sql, "postgresql") == []
    assert broken(sql, "postgresql", ALONE) == ["drop-table"]


@pytest.mark.parametrize("kind", ["TEMP", "LOCAL TEMPORARY"])
def test_a_temporary_table_hides_one_that_is_used_in_its_own_migration_alone(kind: str) -> None:
    create = f"CREATE {kind} TABLE t (a int)"
    assert broken(f"{create}; ALTER TABLE t RENAME TO s; DROP TABLE s", "postgresql") == []
    both = [migration(create), migration("DROP TABLE t", name="2_y.sql")]
    assert [(each.rule, each.name) for each in findings(both, "postgresql")] == [("drop-table", "2_y.sql")]


@pytest.mark.parametrize(
    ("system", "sql", "rule"),
    [
        ("", "COMMIT", "transaction-control"),
        ("", "BEGIN; SELECT 1", "transaction-control"),
        ("", "ROLLBACK", "transaction-control"),
        ("", "START TRANSACTION", "transaction-control"),
        ("postgresql", "PREPARE TRANSACTION 'x'", "transaction-control"),
        ("mysql", "DELIMITER //", "delimiter"),
        ("postgresql", "CREATE INDEX CONCURRENTLY i ON t (c)", "needs-no-transaction"),
        ("postgresql", "VACUUM (ANALYZE) t", "needs-no-transaction"),
        ("postgresql", "REINDEX (CONCURRENTLY) TABLE t", "needs-no-transaction"),
        ("postgresql", "VACUUM t", "needs-no-transaction"),
        ("postgresql", "ALTER SYSTEM SET work_mem = '1MB'", "needs-no-transaction"),
        ("sqlite", "VACUUM", "needs-no-transaction"),
        ("sqlite", "PRAGMA foreign_keys = OFF", "needs-no-transaction"),
        ("sqlite", "PRAGMA foreign_keys(0)", "needs-no-transaction"),
        ("sqlite", "PRAGMA main.journal_mode = WAL", "needs-no-transaction"),
        ("sqlite", "PRAGMA synchronous = OFF", "needs-no-transaction"),
        ("postgresql", "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "needs-no-transaction"),
    ],
)
def test_what_cannot_work_is_refused_in_both_phases_and_on_the_way_back(
    system: str, sql: str, rule: str
) -> None:
    assert broken(sql, system) == broken(sql, system, CONTRACT) == broken("", system, down=sql) == [rule]


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("postgresql", "CREATE INDEX CONCURRENTLY i ON t (c); DROP INDEX CONCURRENTLY j"),
        ("sqlite", "PRAGMA foreign_keys = OFF; VACUUM"),
    ],
)
def test_without_a_transaction_what_needs_none_is_let_through(system: str, sql: str) -> None:
    assert broken(sql, system, f"{CONTRACT} no-transaction", down=sql) == []


@pytest.mark.parametrize(
    "sql", ["DROP INDEX CONCURRENTLY i", "REINDEX SCHEMA CONCURRENTLY s", "ALTER DATABASE d SET TABLESPACE s"]
)
def test_what_is_for_the_contract_phase_may_need_no_transaction(sql: str) -> None:
    assert "needs-no-transaction" in broken(sql, "postgresql", CONTRACT)
    assert "needs-no-transaction" not in broken(sql, "postgresql", f"{CONTRACT} no-transaction")


def test_an_index_that_may_have_to_be_cleared_away_has_a_name() -> None:
    assert broken("CREATE INDEX CONCURRENTLY ON t (c)", "postgresql", ALONE) == ["unnamed-index"]


@pytest.mark.parametrize(
    ("system", "sql"),
    [
        ("sqlite", "PRAGMA table_info(t)"),
        ("sqlite", "PRAGMA user_version = 3"),
        ("sqlite", "PRAGMA foreign_keys"),
        ("mysql", "BEGIN NOT ATOMIC SELECT 1; END"),
        ("mysql", "START REPLICA"),
        ("mysql", "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.a = 1; END"),
    ],
)
def test_what_only_looks_like_a_wrong_form_is_let_through(system: str, sql: str) -> None:
    assert broken(sql, system) == []


@pytest.mark.parametrize(
    ("system", "sql", "rule"),
    [
        ("postgresql", "SELECT 1;\nSELECT 'x;\nDROP TABLE t;", "unreadable"),
        ("postgresql", "SELECT 1;\n\\copy t FROM 'x'", "client-command"),
        ("postgresql", "SELECT 1;\nCOPY t FROM stdin;\n1\tit's\n\\.\n", "client-command"),
        ("mysql", "SELECT 1;\nsource x.sql", "client-command"),
        ("mysql", "SELECT 1;\nDELIMITER //", "delimiter"),
        ("sqlite", "SELECT 1;\n.read x.sql", "client-command"),
    ],
)
def test_what_cannot_be_read_is_found_with_its_place_both_ways(system: str, sql: str, rule: str) -> None:
    (finding,) = findings([migration(sql)], system)
    assert (finding.rule, finding.place) == (rule, "1_x.sql line 4")
    (finding,) = findings([migration("", down=sql)], system)
    assert (finding.rule, finding.place) == (rule, "1_x.sql line 6")


def test_what_cannot_be_read_is_let_through_by_its_waiver_alone() -> None:
    sql = "SET standard_conforming_strings = off; SELECT '\\'"
    waiver = "-- strata: allow=unreadable because I have read it"
    assert broken(sql, "postgresql") == ["unreadable"]
    assert broken(sql, "postgresql", waiver) == broken("", "postgresql", waiver, down=sql) == []
    assert broken("\\i x.sql", "postgresql", waiver) == ["client-command"]


def test_after_sql_that_was_not_read_nothing_is_taken_for_new() -> None:
    unread = migration("SELECT 'x", "-- strata: allow=unreadable because I have read it", name="2_y.sql")
    run = [migration("CREATE TABLE t (a int)"), unread, migration("DROP TABLE t", name="3_z.sql")]
    assert [each.rule for each in findings(run, "postgresql")] == ["drop-table"]


def test_what_a_tool_prints_for_a_client_program_cannot_be_read() -> None:
    printed = Migration("0002_x", up="SELECT 1;\n\\i other.sql\nDROP TABLE t;")
    assert [(each.rule, each.place) for each in findings([printed], "postgresql")] == [
        ("unreadable", "0002_x line 2 of its SQL")
    ]
    waived = Migration("0002_x", up=printed.up, allowed={"unreadable": "I have read it"})
    assert findings([waived], "postgresql") == []


@pytest.mark.parametrize(
    "sql",
    [
        "BEGIN NOT ATOMIC\nDROP TABLE customers; END",
        "IF (SELECT COUNT(*) FROM t) = 0 THEN\nDROP TABLE customers; END IF",
        "a: LOOP CASE WHEN @a THEN SET @b = 1; ELSE\nDROP TABLE customers; END CASE; END LOOP a",
        "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR NOT FOUND BEGIN\nDROP TABLE customers; END; SET @a = 1; END",
    ],
)
def test_what_is_in_a_compound_statement_outside_a_routine_is_judged(sql: str) -> None:
    (finding,) = findings([migration(f"SELECT 1;\n{sql}")], "mysql")
    assert (finding.rule, finding.line) == ("drop-table", 5)
    assert broken(f"CREATE PROCEDURE p() {sql}", "mysql") == []


def test_a_body_hides_nothing_that_comes_after_it() -> None:
    function = (
        "CREATE FUNCTION busy(begin timestamptz, \"end\" timestamptz) RETURNS int AS 'SELECT 1' LANGUAGE sql"
    )
    assert broken(f"{function}; DROP TABLE customers; COMMIT;", "postgresql") == [
        "drop-table",
        "transaction-control",
    ]


def test_what_a_tool_prints_is_in_a_transaction_or_not_as_the_tool_has_it() -> None:
    printed = Migration(
        "0002_index", up="SELECT 1;\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON t (c);\nDROP TABLE t;"
    )
    (finding,) = findings([printed], "postgresql")
    assert finding.rule == "drop-table"
    assert finding.place == "0002_index line 4 of its SQL"


def test_many_statements_take_little_time() -> None:
    started = time.monotonic()
    sql = "ALTER TABLE t ADD c int;" + "UPDATE t SET c = 1 WHERE id = 'some; text';\n" * 3000
    waiver = "-- strata: allow=long-lock because the table is small"
    assert broken(sql, "postgresql", waiver) == []
    assert time.monotonic() - started < 10


def test_the_contract_phase_may_destroy() -> None:
    sql = "DROP TABLE t; ALTER TABLE u DROP COLUMN c, RENAME TO v; TRUNCATE w; DELETE FROM x; REVOKE ALL ON y FROM z"
    for system in SYSTEMS:
        check([migration(sql, CONTRACT)], system)


def test_the_way_back_may_destroy() -> None:
    assert broken("SELECT 1", down="DROP TABLE t") == []


def test_a_rule_is_waived_by_its_name_alone() -> None:
    waiver = "-- strata: allow=drop-table,add-index because nobody uses t"
    assert broken("DROP TABLE t; CREATE INDEX i ON u (c); TRUNCATE u", "postgresql", waiver) == ["truncate"]


@pytest.mark.parametrize(
    "rule", ["drop-tables", "transaction-control", "squawk/no-such-rule", "squawk/prefer-text-field"]
)
def test_waiving_what_is_no_rule_is_an_error(rule: str) -> None:
    with pytest.raises(
        StrataError, match=f"1_x.sql allows '{rule}', which is no rule that can be waived"
    ) as caught:
        check([migration("SELECT 1", f"-- strata: allow={rule} because I say so")], "sqlite")
    assert "drop-table" in str(caught.value)


def test_the_error_names_rule_file_line_and_the_way_to_do_it() -> None:
    with pytest.raises(StrataError) as caught:
        check(
            [
                migration("SELECT 1;\n\nDROP TABLE t;\nDROP TABLE u"),
                migration("\nTRUNCATE t", name="2_y.sql"),
            ],
            "sqlite",
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == "Migrations refused before anything was changed:"
    assert lines[1].startswith(
        "- drop-table (1_x.sql line 5, 1_x.sql line 6): the running release may still use it. Let "
    )
    assert lines[2].startswith("- truncate (2_y.sql line 4): ")
    assert lines[3] == "A contract migration has the line '-- strata: phase=contract'."
    assert "-- strata: allow=drop-table,truncate because REASON" in lines[4]
    assert caught.value.details == {
        "findings": [
            {"rule": "drop-table", "name": "1_x.sql", "line": 5},
            {"rule": "drop-table", "name": "1_x.sql", "line": 6},
            {"rule": "truncate", "name": "2_y.sql", "line": 4},
        ]
    }


@pytest.mark.parametrize("directive", ["", ALONE, "-- strata: lock_timeout=1s"])
def test_lines_of_the_way_back_are_the_files(directive: str) -> None:
    (finding,) = findings([migration("SELECT 1;\nSELECT 2", directive, down="-- first\nCOMMIT")], "sqlite")
    assert finding.line == 7


def test_the_way_to_do_it_is_the_systems() -> None:
    sql = "ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u (id)"
    advice = {system: findings([migration(sql)], system)[0].advice for system in ("postgresql", "mysql")}
    assert "NOT VALID" in advice["postgresql"]
    assert "foreign_key_checks" in advice["mysql"]


def test_every_rule_is_shown_by_a_test() -> None:
    shown = Path(__file__).read_text()
    assert [
        rule for rule in sorted(lint.RULES) if f'"{rule}")' not in shown and f'"{rule}",\n' not in shown
    ] == []
    assert not compatibility.ADVICE.keys() & traffic.ADVICE.keys()


@pytest.mark.parametrize("folder", ["demo/shop", "molecule"])
@pytest.mark.parametrize("system", SYSTEMS)
def test_the_migrations_that_come_with_the_collection_are_let_through(folder: str, system: str) -> None:
    root = Path(__file__).parents[6]
    found = sorted((root / folder).rglob("migrations/**/*.sql"))
    assert found
    for path in found:
        on_mysql = path.parent.name.startswith("mariadb")
        check([parse(path.name, path.read_bytes())], "mysql" if on_mysql else system)
