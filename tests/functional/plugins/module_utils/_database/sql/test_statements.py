# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SQL that is cut into statements, carried out by real servers."""

from __future__ import annotations

import textwrap

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_sql import MYSQL
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_sql import (
    POSTGRESQL,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.sqlite import SQLITE
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.statements import statements

DIALECTS = {"": UNKNOWN, "mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


ON_POSTGRESQL = r"""
    CREATE TABLE t (id int, "a;b" text); /* one; /* two; */ */
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $body$
    BEGIN NEW.id := 1; RETURN NEW; END; $body$;
    CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
    CREATE FUNCTION h(x int) RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT 1; SELECT CASE WHEN x > 0 THEN 2 ELSE 3 END; END;
    CREATE RULE r AS ON DELETE TO t DO ALSO (SELECT 1; SELECT 2);
    INSERT INTO t ("a;b") VALUES (E'it\'s; so'), ('c:\'), ($$;$$);
    DO $$ BEGIN PERFORM h(1); END; $$;
"""
ON_MYSQL = r"""
    CREATE TABLE t (id int, `a;b` text); # one; two
    CREATE PROCEDURE p(x int) BEGIN
      IF x THEN INSERT INTO t VALUES (x, 'it\'s; so'); END IF;
      WHILE x > 0 DO SET x = x - 1; END WHILE;
      CASE x WHEN 0 THEN SELECT 1; ELSE SELECT 2; END CASE;
    END;
    CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW IF NEW.id > 9 THEN SET NEW.id = 9; END IF;
    CREATE FUNCTION h(x int) RETURNS int DETERMINISTIC RETURN CASE WHEN x THEN 2 ELSE 3 END;
    /*!40101 SET NAMES utf8mb4 */;
    INSERT INTO t VALUES (5--3, "d\";"), (10, 'x');
"""


def run_one_by_one(url: str, sql: str, system: str) -> list[tuple[object, ...]]:
    with drivers.opened(resolve(url, None, {}), read_only=False) as database:
        assert database.DIALECT is DIALECTS[system]
        for statement in statements(textwrap.dedent(sql), DIALECTS[system]):
            database.script(statement.text)
        return database.query("SELECT id FROM t ORDER BY id")


def test_a_postgresql_server_takes_the_statements_one_by_one(url: str) -> None:
    assert run_one_by_one(url, ON_POSTGRESQL, "postgresql") == [(1,)] * 3


def test_a_mysql_server_takes_the_statements_one_by_one(mysql_url: str) -> None:
    assert run_one_by_one(mysql_url, ON_MYSQL, "mysql") == [(8,), (9,)]
