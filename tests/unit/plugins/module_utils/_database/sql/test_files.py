# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration files: what is read from them, and what is refused."""

from __future__ import annotations

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.sql.files import (
    directives,
    is_blank,
    parse,
    parse_all,
)

UP = b"-- migrate:up\nCREATE TABLE t (id int);\n"


def test_a_file_is_read_into_its_sections() -> None:
    migration = parse("0012_add.sql", b"-- why\n" + UP + b"-- migrate:down\nDROP TABLE t;\n")
    assert migration.version == "0012"
    assert migration.name == "0012_add.sql"
    assert migration.phase == "expand"
    assert migration.up == "CREATE TABLE t (id int);\n"
    assert migration.up_line == 3
    assert migration.down == "DROP TABLE t;\n"


def test_a_directive_sets_phase_and_waived_rules() -> None:
    text = b"-- strata: phase=contract\n-- strata: allow=rename,truncate because no release reads it\n"
    migration = parse("1_x.sql", text + UP)
    assert migration.phase == "contract"
    assert migration.allowed == dict.fromkeys(("rename", "truncate"), "no release reads it")


@pytest.mark.parametrize(
    "line",
    [
        b"allow=rename, truncate because of it",
        b"allow=rename ,truncate, because of it",
        b"phase=expand allow=rename,truncate because of it",
    ],
)
def test_a_waiver_may_have_spaces_and_settings_before_it(line: bytes) -> None:
    assert parse("1_x.sql", b"-- strata: " + line + b"\n" + UP).allowed == {
        "rename": "of it",
        "truncate": "of it",
    }


@pytest.mark.parametrize(
    ("directive", "lock", "statement"),
    [
        ("lock_timeout=5s", 5, None),
        ("lock_timeout=1.5", 1.5, None),
        ("lock_timeout=20ms statement_timeout=10min", 0.02, 600),
        ("statement_timeout=2h", None, 7200),
        ("statement_timeout=0", None, 0),
    ],
)
def test_timeouts_are_a_number_and_a_unit(
    directive: str, lock: float | None, statement: float | None
) -> None:
    migration = parse("1_x.sql", f"-- strata: {directive}\n".encode() + UP)
    assert (migration.lock_timeout, migration.statement_timeout) == (lock, statement)
    assert migration.transactional


@pytest.mark.parametrize(
    ("head", "up", "down", "up_alone", "kept"),
    [
        (b"", b"", b"", False, ""),
        (b"", b" transaction:true", b"", False, ""),
        (b"", b" transaction:false", b"", True, ""),
        (b"", b"", b" transaction:false", False, "-- strata: no-transaction\n"),
        (b"-- strata: no-transaction\n", b"", b"", True, "-- strata: no-transaction\n"),
        (
            b"-- strata: lock_timeout=0.5 statement_timeout=1h phase=expand\n",
            b"",
            b"",
            False,
            "-- strata: lock_timeout=500ms statement_timeout=3600000ms\n",
        ),
    ],
)
def test_either_way_may_be_outside_a_transaction_and_the_way_back_keeps_what_holds_for_it(
    head: bytes, up: bytes, down: bytes, up_alone: bool, kept: str
) -> None:
    text = head + b"-- migrate:up" + up + b"\nSELECT 1;\n-- migrate:down" + down + b"\nSELECT 2;\n"
    migration = parse("1_x.sql", text)
    assert migration.transactional is not up_alone
    assert migration.down == f"{kept}SELECT 2;\n"
    assert directives("it", migration.down).transactional is ("no-transaction" not in kept)


def test_windows_line_ends_are_the_same_file() -> None:
    assert parse("1_x.sql", UP.replace(b"\n", b"\r\n")) == parse("1_x.sql", UP)


@pytest.mark.parametrize(
    "down", [b"", b"-- migrate:down\n", b"-- migrate:down\n-- there is no way back\n;\n"]
)
def test_a_down_section_without_sql_is_none(down: bytes) -> None:
    assert parse("1_x.sql", UP + down).down == ""


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("add.sql", UP, "does not begin with a version"),
        ("1_x.sql", b"\xff\xfe", "not UTF-8"),
        ("1_x.sql", b"CREATE TABLE t (id int);", "must have one line '-- migrate:up'"),
        ("1_x.sql", UP + UP, "must have one line '-- migrate:up'"),
        ("1_x.sql", b"-- migrate:down\n" + UP, "must have one line '-- migrate:up'"),
        ("1_x.sql", UP.replace(b"up", b"up transaction:maybe"), "option 'transaction:maybe'"),
        ("1_x.sql", UP.replace(b"up", b"up transaction:false fast"), "option 'transaction:false fast'"),
        ("1_x.sql", b"-- strata: lock_timeout=soon\n" + UP, "lock_timeout=soon"),
        ("1_x.sql", b"-- strata: lock_timeout=-1\n" + UP, "lock_timeout=-1"),
        ("1_x.sql", b"-- strata: allow=rename\n" + UP, "without a reason"),
        ("1_x.sql", b"-- strata: allow=rename because\n" + UP, "without a reason"),
        ("1_x.sql", b"SELECT 1;\n" + UP, "SQL before '-- migrate:up'"),
        ("1_x.sql", b"-- strata: phase=later\n" + UP, "phase=later"),
        ("1_x.sql", b"-- strata: fase=contract\n" + UP, "fase=contract"),
        ("1_x.sql", b"-- strata: contract\n" + UP, "'-- strata: contract'"),
    ],
)
def test_a_malformed_file_is_refused(name: str, content: bytes, message: str) -> None:
    with pytest.raises(StrataError, match=message) as caught:
        parse(name, content)
    assert name in str(caught.value)


def test_files_apply_in_the_order_of_their_numbers() -> None:
    names = ["10_c.sql", "9_b.sql", "001_a.sql"]
    assert [item.name for item in parse_all(dict.fromkeys(names, UP))] == ["001_a.sql", "9_b.sql", "10_c.sql"]


def test_two_files_of_one_version_are_refused() -> None:
    with pytest.raises(StrataError, match=r"'01_b.sql' and '1_a.sql' have the same version"):
        parse_all({"1_a.sql": UP, "01_b.sql": UP})


@pytest.mark.parametrize(
    ("sql", "blank"),
    [
        ("", True),
        (" ;\n-- x\n/* y\n*/", True),
        ("SELECT 1", False),
        ("-- a\nx", False),
        ("-- a\rx", False),
        ("/*!50001 x */", False),
        ("/*M! x */", False),
    ],
)
def test_blank_is_what_has_nothing_to_execute(sql: str, blank: bool) -> None:
    assert is_blank(sql) is blank


def test_a_nul_byte_at_which_a_server_would_stop_reading_is_refused() -> None:
    with pytest.raises(StrataError, match=r"'1_x.sql' has a NUL byte on line 3"):
        parse("1_x.sql", b"-- migrate:up\nSELECT 1;\n\0SELECT 2;\n")
