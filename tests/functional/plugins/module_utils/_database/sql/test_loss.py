# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback would lose, on real servers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fixtures.losses import TABLES, losses, opened

from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database


@pytest.fixture
def postgresql(url: str) -> Iterator[Database]:
    more = """
        CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); INSERT INTO shop.orders VALUES (1);
        CREATE TABLE "Full_Table" (id int);
    """
    with opened(url, TABLES + more) as database:
        yield database


@pytest.fixture
def mysql(mysql_url: str) -> Iterator[Database]:
    with opened(mysql_url) as database:
        yield database


@pytest.mark.parametrize(
    ("down", "lost"),
    [
        (
            "DROP TABLE empty_table, full_table, shop.orders CASCADE",
            ["drops table full_table, which holds rows", "drops table shop.orders, which holds rows"],
        ),
        ('DROP TABLE "Full_Table"', []),
        (
            "ALTER TABLE ONLY full_table DROP COLUMN blank, DROP COLUMN IF EXISTS note CASCADE, DROP CONSTRAINT k",
            ["drops column full_table.note, which holds values"],
        ),
        ("TRUNCATE TABLE ONLY empty_table, shop.orders", ["empties table shop.orders, which holds rows"]),
        ("TRUNCATE empty_table CASCADE", ["empties tables with CASCADE, which are not told"]),
        (
            "ALTER TABLE full_table ALTER note TYPE varchar(9) USING note::varchar(9)",
            ["changes the type of column full_table.note, which holds values"],
        ),
        ("ALTER TABLE full_table ALTER COLUMN blank SET DATA TYPE int USING NULL", []),
        (
            "WITH gone AS (DELETE FROM full_table RETURNING id) INSERT INTO empty_table SELECT id FROM gone",
            ["deletes from table full_table, which holds rows"],
        ),
        ("DROP SCHEMA shop", []),
        ("DROP MATERIALIZED VIEW IF EXISTS v; DROP TYPE IF EXISTS t; DROP FUNCTION IF EXISTS f(int)", []),
        ("SELECT setval('s', 1), count(*) FROM shop.orders", []),
        (
            "SET search_path TO shop; DROP TABLE orders",
            [
                "drops table orders, after it has set where names are looked up, so whether that holds rows is not known"
            ],
        ),
        ("SELECT set_config('search_path', '', false); DROP TABLE public.empty_table", []),
        (
            "ALTER TABLE full_table SET SCHEMA shop; DROP TABLE shop.full_table",
            ["drops table shop.full_table, which holds rows"],
        ),
        (
            "ALTER TABLE shop.orders SET SCHEMA public; ALTER TABLE orders RENAME TO o; DROP TABLE public.o",
            ["drops table public.o, which holds rows"],
        ),
        (
            "ALTER TABLE public.full_table RENAME note TO n; ALTER TABLE full_table DROP n",
            ["drops column full_table.n, which holds values"],
        ),
        ("ALTER TABLE empty_table SET SCHEMA shop; DROP TABLE shop.empty_table", []),
        ("CREATE TABLE new_one (a int); DROP TABLE public.new_one", []),
        ("CREATE TEMP TABLE k AS SELECT * FROM empty_table; DROP TABLE k", []),
        (
            "CREATE TEMP TABLE full_table AS SELECT * FROM public.full_table; DROP TABLE public.full_table",
            ["drops table public.full_table, which holds rows"],
        ),
        (
            "SELECT * INTO TEMP full_table FROM full_table; DROP TABLE full_table; DROP TABLE full_table",
            ["drops table full_table, which holds rows"],
        ),
        (
            "ALTER SCHEMA shop RENAME TO old; DROP TABLE old.orders",
            [
                "drops table old.orders, after it has changed what names stand for, so whether that holds rows is not known"
            ],
        ),
        ("ALTER SCHEMA shop RENAME TO old; CREATE TABLE old.new (a int); DROP TABLE old.new", []),
    ],
)
def test_what_is_lost_on_postgresql(postgresql: Database, down: str, lost: list[str]) -> None:
    assert losses(postgresql, down) == lost


@pytest.mark.parametrize(
    "down",
    [
        "DO $$ BEGIN DELETE FROM full_table; END $$",
        "CALL tidy('all')",
        "SELECT drop_partitions('full_table')",
        "DROP SCHEMA shop CASCADE",
        "DROP DATABASE shop",
        "DROP OWNED BY shop",
        "DROP TYPE mood CASCADE",
        "ALTER TYPE address DROP ATTRIBUTE street",
        "DELETE a FROM a JOIN b ON a.id = b.id",
    ],
)
def test_what_cannot_be_told_counts_as_lost(postgresql: Database, down: str) -> None:
    assert losses(postgresql, down) == [f"has a statement whose effect cannot be told: {down}"]


@pytest.mark.parametrize(
    ("down", "lost"),
    [
        ("DROP TABLE `Odd, Name`", ["drops table `Odd, Name`, which holds rows"]),
        (
            "ALTER TABLE full_table DROP `Odd, Name`, DROP KEY k, DROP PRIMARY KEY",
            ["drops column full_table.`Odd, Name`, which holds values"],
        ),
        (
            "ALTER TABLE full_table MODIFY COLUMN note varchar(9), MODIFY blank int",
            ["changes the type of column full_table.note, which holds values"],
        ),
        (
            "ALTER TABLE full_table CHANGE note remark varchar(9)",
            ["changes the type of column full_table.note, which holds values"],
        ),
        ("ALTER TABLE full_table DROP PARTITION p", ["drops a part of table full_table, which holds rows"]),
        (
            "ALTER TABLE full_table CONVERT TO CHARACTER SET ascii",
            ["changes the characters of table full_table, which holds rows"],
        ),
        ("RENAME TABLE full_table TO t; TRUNCATE t", ["empties table t, which holds rows"]),
        ("CREATE OR REPLACE TABLE full_table (a int)", ["drops table full_table, which holds rows"]),
        ("DROP SCHEMA shop", ["has a statement whose effect cannot be told: DROP SCHEMA shop"]),
        (
            "REPLACE LOW_PRIORITY INTO full_table (id) VALUES (1)",
            ["replaces rows of table full_table, which holds rows"],
        ),
        ("REPLACE INTO empty_table VALUES (1, 'x')", []),
        (
            "ALTER TABLE full_table COMMENT = 'x' ENGINE = MEMORY",
            ["changes to MEMORY, which may not keep rows, the engine of table full_table, which holds rows"],
        ),
        ("ALTER TABLE full_table ENGINE InnoDB, ADD COLUMN engine text", []),
        (
            "ALTER TABLE full_table EXCHANGE PARTITION p WITH TABLE empty_table; DROP TABLE empty_table",
            ["moves a part of table full_table, which holds rows"],
        ),
        ("ALTER TABLE full_table DISCARD TABLESPACE", ["discards table full_table, which holds rows"]),
        (
            "ALTER IGNORE TABLE full_table ADD UNIQUE (note)",
            ["may drop duplicates from table full_table, which holds rows"],
        ),
        (
            "ALTER TABLE full_table DROP SYSTEM VERSIONING",
            ["drops the history of table full_table, which holds rows"],
        ),
        (
            "CREATE TEMPORARY TABLE full_table (a int); DROP TABLE full_table; DROP TABLE full_table",
            ["drops table full_table, which holds rows"],
        ),
        ("CREATE TEMPORARY TABLE k (a int); DROP TABLE k", []),
        ("DROP TEMPORARY TABLE full_table", []),
        ("# DROP TABLE full_table\nDROP TABLE empty_table", []),
    ],
)
def test_what_is_lost_on_mysql(mysql: Database, down: str, lost: list[str]) -> None:
    assert losses(mysql, down) == lost
