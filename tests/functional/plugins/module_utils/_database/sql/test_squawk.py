# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The linter squawk, the real one, beside ours."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
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
from ansible_collections.strata.deploy.plugins.module_utils._database.sql import lint, squawk
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.dialect import UNKNOWN
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import parse

CONTRACT = "-- strata: phase=contract"
ALONE = "-- strata: no-transaction"
DOMAIN = "ALTER DOMAIN money_amount ADD CONSTRAINT positive CHECK (VALUE > 0)"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of its name that only ever does what the test has it do."""
    program = tmp_path / "squawk"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return program


def migration(sql: str, directive: str = "", name: str = "1_x.sql") -> Migration:
    return parse(name, f"{directive}\n-- migrate:up\n{sql}\n-- migrate:down\nDROP TABLE t;\n".encode())


DIALECTS = {"": UNKNOWN, "mysql": MYSQL, "postgresql": POSTGRESQL, "sqlite": SQLITE}


def findings(migrations: Sequence[Migration], system: str) -> list[lint.Finding]:
    return lint.findings(migrations, DIALECTS[system])


def check(migrations: Sequence[Migration], system: str) -> None:
    lint.check(migrations, DIALECTS[system])


def rules(sql: str, directive: str = "", system: str = "postgresql") -> list[str]:
    return [finding.rule for finding in findings([migration(sql, directive)], system)]


def test_what_our_rules_do_not_see_is_refused_with_its_words_and_the_line_of_the_file() -> None:
    with pytest.raises(StrataError) as caught:
        check([migration("SELECT 1"), migration(f"SELECT 1;\n\n{DOMAIN};", name="2_y.sql")], "postgresql")
    assert "- squawk/ban-alter-domain-with-add-constraint (2_y.sql line 5): Domains with constraints" in str(
        caught.value
    )
    assert caught.value.details["findings"] == [
        {"rule": "squawk/ban-alter-domain-with-add-constraint", "name": "2_y.sql", "line": 5}
    ]


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        (DOMAIN, "ban-alter-domain-with-add-constraint"),
        ("TRUNCATE t CASCADE", "ban-truncate-cascade"),
    ],
)
def test_rules_about_traffic_refuse_in_the_contract_phase_too(sql: str, rule: str) -> None:
    assert rules(sql, CONTRACT) == [f"squawk/{rule}"]


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE t DROP COLUMN c",
        "DROP TABLE t",
        "ALTER TABLE t RENAME COLUMN a TO b",
        "ALTER TABLE t RENAME TO u",
        "DROP INDEX i",
        "ALTER TABLE t DETACH PARTITION p",
    ],
)
def test_what_the_contract_phase_is_for_is_let_through(sql: str) -> None:
    assert rules(sql, CONTRACT) == []


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t (a int PRIMARY KEY, b char(3), c timestamp, d varchar(9), e serial)",
        "ALTER TABLE t ADD COLUMN c int",
        "ALTER TABLE t ALTER COLUMN c DROP NOT NULL",
        "ALTER TYPE mood ADD VALUE 'so so'",
        "SELECT FROM WHERE",
        "UPDATE t SET a = 1",
    ],
)
def test_style_and_what_the_module_or_the_server_sees_to_is_let_through(sql: str) -> None:
    assert rules(sql) == []


def test_an_index_that_is_dropped_without_concurrently_is_let_through_in_the_contract_phase() -> None:
    assert rules("DROP INDEX i", CONTRACT) == []


@pytest.mark.parametrize(
    ("sql", "ours"),
    [
        ("ALTER TABLE t ADD COLUMN c int NOT NULL", "add-not-null"),
        ("ALTER TABLE t ADD COLUMN c int DEFAULT random()", "rewrite-table"),
        ("ALTER TABLE t\n ADD CONSTRAINT k\n CHECK (c > 0)", "add-constraint"),
        ("ALTER TABLE t ADD FOREIGN KEY (c) REFERENCES u (id)", "add-constraint"),
        ("ALTER TABLE t ADD CONSTRAINT k UNIQUE (c)", "add-constraint"),
        ("ALTER TABLE t ADD PRIMARY KEY (c)", "add-constraint"),
        ("CREATE INDEX i ON t (c)", "add-index"),
        ("ALTER TABLE t\n ALTER COLUMN c\n TYPE bigint", "change-type"),
        ("ALTER TABLE t\n DROP COLUMN c", "drop-column"),
        ("DROP DATABASE shop", "drop-object"),
        ("DROP TABLE t", "drop-table"),
        ("REINDEX TABLE t", "lock-table"),
        ("ALTER TABLE t\n RENAME COLUMN a TO b", "rename"),
        ("ALTER TABLE t RENAME TO u", "rename"),
        ("ALTER TABLE t ALTER COLUMN c SET NOT NULL", "set-not-null"),
        ("TRUNCATE t CASCADE", "truncate"),
    ],
)
def test_what_a_rule_of_ours_has_found_or_waived_is_not_said_again(sql: str, ours: str) -> None:
    assert rules(f"SELECT 1; {sql};\nSELECT 2", ALONE) == [ours]
    assert rules(f"SELECT 1; {sql};\nSELECT 2", f"{ALONE}\n-- strata: allow={ours} because it is small") == []


def test_its_rules_are_waived_by_name() -> None:
    waiver = "-- strata: allow=squawk/ban-alter-domain-with-add-constraint because no column has it yet"
    assert rules(DOMAIN, waiver) == []
    check([migration(DOMAIN, waiver)], "sqlite")


def test_its_own_comments_hold_for_its_rules() -> None:
    assert rules(f"-- squawk-ignore ban-alter-domain-with-add-constraint\n{DOMAIN}") == []
    assert rules("-- squawk-ignore-file\nDROP TABLE t") == ["drop-table"]


def test_what_the_same_run_has_created_may_be_treated_in_any_way() -> None:
    run = [
        migration("CREATE TABLE t (a int)"),
        migration("ALTER TABLE t ADD COLUMN b int DEFAULT f(1), ADD UNIQUE (a)", name="2_y.sql"),
    ]
    assert findings(run, "postgresql") == []


def test_it_is_told_which_migrations_are_in_a_transaction() -> None:
    sql = "ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k"
    found = squawk.remarks([migration(sql), migration(sql, ALONE, name="2_y.sql")])
    assert [(name, [remark.rule for remark in said]) for name, said in found.items()] == [
        ("1_x.sql", ["squawk/constraint-missing-not-valid"])
    ]


def test_the_lines_of_sql_that_a_tool_prints_are_told_as_such() -> None:
    (finding,) = findings([Migration("0002_amount", up=f"SELECT 1;\n{DOMAIN};")], "postgresql")
    assert finding.place == "0002_amount line 2 of its SQL"


def test_a_configuration_of_its_own_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["ban-alter-domain-with-add-constraint"]')
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert rules(DOMAIN) == ["squawk/ban-alter-domain-with-add-constraint"]


def test_nothing_of_the_sql_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert rules(DOMAIN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'out of memory' >&2; exit 101", "its exit code is 101, and it printed: out of memory"),
        (
            'echo \'[{"file": "0.sql", "line": 1}]\'; exit 1',
            "its exit code is 1, and it printed: KeyError: 'rule_name'",
        ),
        ("echo '[1]'", "its exit code is 0, and it printed: TypeError"),
        ("kill -9 $$", "its exit code is -9"),
    ],
)
def test_where_it_fails_the_error_says_how_to_do_without(broken: Path, script: str, said: str) -> None:
    broken.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(StrataError) as caught:
        check([migration("SELECT 1")], "postgresql")
    assert f"Checking the migrations with {broken} failed: {said}" in str(caught.value)
    assert "take it off the PATH of this host" in str(caught.value)


def test_where_it_is_no_program_or_hangs_it_fails(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StrataError, match="Exec format error"):
        check([migration("SELECT 1")], "postgresql")
    monkeypatch.setattr(squawk, "TIMEOUT", 0.2)
    broken.write_text("#!/bin/sh\nexec sleep 60\n")
    with pytest.raises(StrataError, match=r"squawk did not end within 0\.2 s"):
        check([migration("SELECT 1")], "postgresql")


def test_the_table_names_rules_that_it_has() -> None:
    program = str(Path(sys.executable).parent / "squawk")
    for rule, (_phases, ours) in squawk.REFUSING.items():
        subprocess.run(
            [program, "--exclude", rule, "--reporter", "json"], input=b"", check=True, capture_output=True
        )
        assert ours in lint.RULES | {""}
