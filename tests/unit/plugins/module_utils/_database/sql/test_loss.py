# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback would lose."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases import drivers
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.connection import resolve
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Applied
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.loss import check

TABLES = """
    CREATE TABLE full_table (id integer, note text, blank text, {quoted} text);
    INSERT INTO full_table (id, note, {quoted}) VALUES (1, 'x', 'y');
    CREATE TABLE empty_table (id integer, note text);
    CREATE TABLE {quoted} (id integer);
    INSERT INTO {quoted} VALUES (1);
    CREATE VIEW a_view AS SELECT id FROM full_table;
"""


@contextmanager
def opened(url: str, sql: str = TABLES) -> Iterator[Database]:
    quoted = "`Odd, Name`" if url.startswith("mysql") else '"Odd, Name"'
    with drivers.opened(resolve(url, None, {}), read_only=False) as database:
        database.script(sql.format(quoted=quoted))
    with drivers.opened(resolve(url, None, {}), read_only=True) as database:
        yield database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite://{tmp_path}/shop.db") as database:
        yield database


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


def losses(database: Database | None, *downs: str) -> list[str]:
    """What is lost when migrations with these ways back are taken back, in this order."""
    targets = [Applied(str(number), f"{number}_x", down=down) for number, down in enumerate(downs)]
    try:
        check(targets, database, allow=False)
    except StrataError as error:
        return [item["loss"] for item in error.details["data_loss"]]
    return []


@pytest.mark.parametrize(
    ("down", "lost"),
    [
        ("DROP TABLE full_table", "drops table full_table, which holds rows"),
        ("drop table if exists FULL_TABLE", "drops table FULL_TABLE, which holds rows"),
        ('DROP TABLE "Odd, Name"', 'drops table "Odd, Name", which holds rows'),
        ("DELETE FROM full_table WHERE id = 9", "deletes from table full_table, which holds rows"),
        ("ALTER TABLE full_table DROP COLUMN note", "drops column full_table.note, which holds values"),
        ("ALTER TABLE full_table DROP note", "drops column full_table.note, which holds values"),
        (
            'ALTER TABLE "full_table" DROP COLUMN "Odd, Name"',
            'drops column "full_table"."Odd, Name", which holds values',
        ),
    ],
)
def test_what_holds_rows_is_lost(sqlite: Database, down: str, lost: str) -> None:
    assert losses(sqlite, down) == [lost]


@pytest.mark.parametrize(
    "down",
    [
        "DROP TABLE empty_table",
        "DROP TABLE IF EXISTS no_table",
        "DROP VIEW a_view",
        "DROP INDEX i",
        "ALTER TABLE full_table DROP COLUMN blank",
        "ALTER TABLE full_table DROP COLUMN no_column",
        "ALTER TABLE full_table ADD COLUMN c integer",
        "ALTER TABLE full_table RENAME TO t",
        "UPDATE full_table SET note = NULL",
        "DELETE FROM empty_table",
        "CREATE TABLE t (a integer); INSERT INTO t VALUES (1); DROP TABLE t",
        "CREATE TRIGGER g AFTER INSERT ON full_table BEGIN DELETE FROM full_table; END",
        "-- nothing to do",
        "PRAGMA foreign_keys = OFF; VACUUM",
    ],
)
def test_what_holds_none_is_no_loss(sqlite: Database, down: str) -> None:
    assert losses(sqlite, down) == []


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
        (
            "ALTER SCHEMA shop RENAME TO old; DROP TABLE old.orders",
            [
                "drops table old.orders, after it has renamed a schema, so whether that holds rows is not known"
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
        ("DROP TEMPORARY TABLE full_table", []),
        ("# DROP TABLE full_table\nDROP TABLE empty_table", []),
    ],
)
def test_what_is_lost_on_mysql(mysql: Database, down: str, lost: list[str]) -> None:
    assert losses(mysql, down) == lost


def test_a_table_that_a_later_migration_has_renamed_is_found(sqlite: Database) -> None:
    lost = losses(sqlite, "ALTER TABLE full_table RENAME TO old", "DROP TABLE old")
    assert lost == ["drops table old, which holds rows"]


def test_a_column_that_a_later_migration_has_renamed_is_found(sqlite: Database) -> None:
    lost = losses(
        sqlite,
        "ALTER TABLE full_table RENAME COLUMN note TO remark",
        "ALTER TABLE full_table RENAME TO old",
        "ALTER TABLE old DROP COLUMN remark; ALTER TABLE old DROP COLUMN note",
    )
    assert lost == ["drops column old.remark, which holds values"]


def test_a_table_that_one_of_the_migrations_has_created_is_lost_with_its_rows(sqlite: Database) -> None:
    lost = losses(sqlite, "ALTER TABLE full_table DROP COLUMN note", "DROP TABLE full_table")
    assert lost == [
        "drops column full_table.note, which holds values",
        "drops table full_table, which holds rows",
    ]


def rebuilt(columns: str, condition: str = "") -> str:
    return f"""
        CREATE TABLE "new__t" (id integer, note text);
        INSERT INTO "new__t" ({columns}) SELECT {columns} FROM "full_table" {condition};
        DROP TABLE "full_table";
        ALTER TABLE "new__t" RENAME TO "full_table";
    """


def test_a_table_that_is_built_anew_loses_the_columns_that_are_not_copied(sqlite: Database) -> None:
    lost = losses(sqlite, rebuilt('"id", full_table.note'))
    assert lost == ['does without column "full_table"."Odd, Name", which holds values']
    assert losses(sqlite, rebuilt('id, note, "Odd, Name"')) == []


def test_a_table_that_is_built_anew_from_some_of_its_rows_loses_rows(sqlite: Database) -> None:
    assert losses(sqlite, rebuilt("id, note", "WHERE id > 1")) == [
        'drops table "full_table", which holds rows'
    ]


def test_a_table_that_is_built_anew_and_then_dropped_is_lost(sqlite: Database) -> None:
    lost = losses(sqlite, rebuilt('id, note, "Odd, Name"'), "DROP TABLE full_table")
    assert lost == ["drops table full_table, which holds rows"]


@pytest.mark.parametrize(
    "down",
    [
        "",
        "DROP TABLE empty_table;\n--\n-- Raw Python operation\n--\n-- THIS OPERATION CANNOT BE WRITTEN AS SQL",
        "-- its way back cannot be printed (no database)",
    ],
)
def test_what_no_sql_tells_counts_as_lost(sqlite: Database, down: str) -> None:
    assert losses(sqlite, down) == ["does what no SQL tells, so whether it loses data is not known"]


def test_what_is_not_taken_back_at_all_is_left_to_that_error(sqlite: Database) -> None:
    check([Applied("1", "1_x", irreversible="it has no way back.")], sqlite, allow=False)


def test_without_a_database_what_would_hold_rows_counts_as_lost() -> None:
    assert losses(None, "ALTER TABLE t DROP COLUMN c; DROP INDEX i") == [
        "drops column t.c, and no database is given to see whether that holds rows"
    ]


def test_what_the_database_does_not_say_counts_as_lost(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(table: str, column: str | None) -> bool:
        raise StrataError("SQLite database shop.db: disk I/O error")

    monkeypatch.setattr(sqlite, "has_rows", refused)
    assert losses(sqlite, "DROP TABLE empty_table") == [
        "drops table empty_table, and whether that holds rows is not known: SQLite database shop.db: disk I/O error"
    ]


def test_what_is_allowed_is_not_asked_after() -> None:
    check([Applied("1", "1_x", down="DROP TABLE full_table")], None, allow=True)


def test_the_error_names_each_migration_what_it_loses_and_the_option(sqlite: Database) -> None:
    targets = [
        Applied("2", "2_y.sql", down="DROP TABLE full_table"),
        Applied("1", "1_x.sql", down="DELETE FROM full_table"),
    ]
    with pytest.raises(StrataError) as caught:
        check(targets[:1], sqlite, allow=False)
    assert str(caught.value).splitlines() == [
        "Rolling the database back is refused: data would be lost.",
        "- 2_y.sql drops table full_table, which holds rows",
        "Where that is meant, allow it: allow_data_loss, in the role db_migrate_allow_data_loss.",
    ]
    assert caught.value.details == {
        "migration": "2_y.sql",
        "data_loss": [{"name": "2_y.sql", "loss": "drops table full_table, which holds rows"}],
    }
    assert losses(sqlite, targets[1].down, targets[0].down) == [
        "deletes from table full_table, which holds rows",
        "drops table full_table, which holds rows",
    ]
