# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rollback would lose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.losses import losses, opened

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Database
from ansible_collections.strata.deploy.plugins.module_utils._database.migrator.model import Applied
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.loss import check


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite://{tmp_path}/shop.db") as database:
        yield database


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
            "SELECT 'x; DROP TABLE full_table;",
            "has SQL that cannot be read, so whether it loses data is not known.",
        ),
        (
            "USE a; CREATE TABLE full_table (a int); USE b; DROP TABLE full_table",
            "after it has set where names",
        ),
        ("CREATE TABLE t (a int); SET ROLE a; DROP TABLE t", "after it has set where names are looked up"),
        (
            "SAVEPOINT s; CREATE TABLE full_table (a int); ROLLBACK TO s; DROP TABLE full_table",
            "what names stand for",
        ),
        ("ALTER TABLE full_table RENAME TO a; ATTACH 'x' AS y; DROP TABLE y.a", "what names stand for"),
    ],
)
def test_what_cannot_be_told_is_a_loss(sqlite: Database, down: str, lost: str) -> None:
    (found,) = [each for each in losses(sqlite, down) if "effect cannot be told" not in each]
    assert lost in found


def test_a_table_that_another_migration_has_made_elsewhere_is_not_taken_for_this_one(
    sqlite: Database,
) -> None:
    lost = losses(sqlite, "USE a; CREATE TABLE full_table (a int)", "DROP TABLE full_table")
    assert lost[-1] == "drops table full_table, which holds rows"


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
