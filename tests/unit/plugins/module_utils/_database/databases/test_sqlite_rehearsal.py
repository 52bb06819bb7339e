# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts lose of a SQLite database, as tried on a copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.losses import losses, opened

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import (
    Database,
    Rehearsal,
)

TABLES = """
    CREATE TABLE parent (id integer PRIMARY KEY, name text);
    CREATE TABLE child (id integer PRIMARY KEY, p integer REFERENCES parent ON DELETE CASCADE, v real);
    INSERT INTO parent VALUES (1, 'a'), (2, 'b');
    INSERT INTO child VALUES (1, 1, 1.5), (2, 2, 2);
    CREATE TABLE t (id integer PRIMARY KEY, note text, n integer UNIQUE);
    INSERT INTO t VALUES (1, 'x', 5), (2, 'y', 6);
    CREATE TABLE bare (note text);
    INSERT INTO bare VALUES ('d'), ('d'), ('e');
    CREATE TABLE measured (id integer, v real);
    INSERT INTO measured VALUES (1, 1.5), (2, 2);
    CREATE TABLE empty_one (id integer PRIMARY KEY);
    CREATE TRIGGER wipe AFTER INSERT ON empty_one BEGIN DELETE FROM child WHERE id = NEW.id; END;
"""
OUTSIDE = "-- strata: no-transaction\n"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with opened(f"sqlite://{tmp_path}/shop.db", TABLES) as database:
        yield database


def rebuilt(select: str, *, table: str = "parent", columns: str = "id integer, name text") -> str:
    return f"CREATE TABLE fresh ({columns}); INSERT INTO fresh {select}; DROP TABLE {table}; ALTER TABLE fresh RENAME TO {table};"


@pytest.mark.parametrize(
    ("down", "lost"),
    [
        ("CREATE TEMP TABLE keep AS SELECT * FROM t; DROP TABLE t;", "drops table t, which holds rows"),
        (
            "CREATE TEMP TABLE keep (id, note, n); INSERT INTO keep SELECT * FROM t; DROP TABLE t;",
            "drops table t, which holds rows",
        ),
        (
            "CREATE TEMP TABLE t AS SELECT * FROM main.t; DROP TABLE t; DROP TABLE t;",
            "drops table t, which holds rows",
        ),
        (
            "ATTACH ':memory:' AS m; CREATE TABLE m.k (id, note, n); INSERT INTO m.k SELECT * FROM t; DROP TABLE t;",
            "loses rows of table t",
        ),
        ("INSERT INTO empty_one VALUES (1)", "loses rows of table child"),
        ("REPLACE INTO t VALUES (1, 'z', 5)", "loses rows of table t"),
        ("INSERT OR REPLACE INTO t VALUES (3, 'y', 6)", "loses rows of table t"),
        ("UPDATE OR REPLACE t SET n = 6 WHERE id = 1", "loses rows of table t"),
        (
            "CREATE VIEW v AS SELECT * FROM t; CREATE TRIGGER g INSTEAD OF INSERT ON v BEGIN DELETE FROM t; END; "
            "INSERT INTO v VALUES (1, 2, 3)",
            "loses rows of table t",
        ),
        (
            f"{OUTSIDE}PRAGMA foreign_keys = ON; {rebuilt('SELECT id, name FROM parent')}",
            "loses rows of table child",
        ),
        (rebuilt("SELECT id, name FROM parent WHERE id > 1"), "drops table parent, which holds rows"),
        (
            rebuilt("SELECT * FROM (SELECT * FROM parent LIMIT 1)"),
            "drops table parent, which holds rows",
        ),
        (
            rebuilt("SELECT 7, name FROM parent"),
            'does without column parent."id", which holds values',
        ),
        (
            rebuilt("SELECT DISTINCT note FROM bare", table="bare", columns="note text"),
            "drops table bare, which holds rows",
        ),
        (
            rebuilt("SELECT note FROM bare", table="bare", columns="note text UNIQUE ON CONFLICT REPLACE"),
            "loses rows of table bare",
        ),
        (
            rebuilt(
                "SELECT id, CAST(v AS integer) FROM measured",
                table="measured",
                columns="id integer, v integer",
            ),
            "loses rows of table measured",
        ),
        (
            f"{OUTSIDE}PRAGMA writable_schema = ON; UPDATE sqlite_master SET name = 'bare2', tbl_name = 'bare2', "
            "sql = 'CREATE TABLE bare2 (x)' WHERE name = 'bare'; DELETE FROM bare;",
            "deletes from table bare, which holds rows",
        ),
    ],
)
def test_rows_that_are_gone_afterwards_are_lost(database: Database, down: str, lost: str) -> None:
    assert losses(database, down) == [lost]


@pytest.mark.parametrize(
    "down",
    [
        "CREATE TEMP TABLE keep AS SELECT * FROM bare; DROP TABLE bare; CREATE TABLE bare (note text); "
        "INSERT INTO bare SELECT * FROM keep; DROP TABLE keep",
        rebuilt("SELECT id, name FROM parent"),
        f"PRAGMA foreign_keys = ON; {rebuilt('SELECT id, name FROM parent')}",  # passed over in a transaction
        f"{OUTSIDE}PRAGMA foreign_keys = OFF; BEGIN; {rebuilt('SELECT id, name FROM parent')} COMMIT;",
        rebuilt("SELECT * FROM bare", table="bare", columns="remark text"),
        rebuilt("SELECT note FROM bare ORDER BY note DESC", table="bare", columns="note text"),
        "CREATE TABLE fresh AS SELECT * FROM bare; DROP TABLE bare",
        rebuilt("SELECT id, v FROM measured", table="measured", columns="id text, v text"),
        "INSERT INTO empty_one VALUES (9)",
        "REPLACE INTO t VALUES (7, 'z', 55)",
        "UPDATE t SET note = upper(note), n = n + 100",
        "UPDATE t SET (note, n) = ('q', id * 7) WHERE id = 1",
        "INSERT INTO t VALUES (1, 'n', 5) ON CONFLICT (id) DO UPDATE SET note = 'new'",
        "ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME COLUMN note TO remark; UPDATE u SET n = 9 WHERE id = 1",
        f"{OUTSIDE}VACUUM",
        "SELECT 1 FROM nowhere; INSERT INTO empty_one VALUES (1)",  # fails, and so leaves everything
    ],
)
def test_rows_that_are_kept_are_no_loss(database: Database, down: str) -> None:
    assert losses(database, down) == []


def test_what_a_script_does_before_it_fails_outside_a_transaction_is_lost(database: Database) -> None:
    down = f"{OUTSIDE}INSERT INTO empty_one VALUES (1); SELECT 1 FROM nowhere;"
    assert losses(database, down) == ["loses rows of table child"]


@pytest.mark.parametrize(
    ("down", "said"),
    [
        ("ATTACH '{folder}/other.db' AS o; CREATE TABLE o.x (a)", "not authorized"),
        (OUTSIDE + "VACUUM INTO '{folder}/other.db'", "authorization denied"),
        ("UPDATE t SET note = the_application_s_own(note)", "no such function: the_application_s_own"),
    ],
)
def test_what_cannot_be_tried_counts_as_lost(
    database: Database, tmp_path: Path, down: str, said: str
) -> None:
    (lost,) = losses(database, down.format(folder=tmp_path))
    assert lost == f"was tried on a copy, which failed, so whether it loses rows is not known: {said}"
    assert not (tmp_path / "other.db").exists()


def test_nothing_of_the_database_is_changed_and_each_script_tells_its_own_losses(database: Database) -> None:
    before = database.query("SELECT * FROM child")
    with database.rehearsal() as rehearsal:
        assert rehearsal
        assert tried(rehearsal, "INSERT INTO empty_one VALUES (1)") == ["loses rows of table child"]
        assert tried(rehearsal, "DROP TABLE bare") == ["loses rows of table bare"]
        assert tried(rehearsal, "SELECT 1") == []
    assert database.query("SELECT * FROM child") == before


def tried(rehearsal: Rehearsal, sql: str) -> list[str]:
    return rehearsal.losses(sql, transactional=True)


def test_a_folder_without_room_for_a_copy_is_named(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(
        StrataError, match=r"Copying the SQLite database .* to see what a rollback would lose"
    ):
        database.rehearsal().__enter__()
