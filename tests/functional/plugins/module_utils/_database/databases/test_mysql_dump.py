# SPDX-License-Identifier: GPL-3.0-or-later
"""A script in mysqldump's place; test_backup has a real one."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_dump import MysqlDump

ADDRESS = Address("mysql", "shop", "the database", host="h", password="s3cret", secrets=("s3cret",))
ACCESS = Client(("--defaults-file=/f",), {"OWN": "1"})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "dump").touch()
    return tmp_path / "dump"


def write(file: Path, script: str, timeout: float = 20) -> None:
    program = file.parent / "mysqldump"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    MysqlDump().write(ADDRESS, ACCESS, (str(program),), file, time.monotonic() + timeout)


def verify(file: Path, timeout: float = 20) -> None:
    MysqlDump().verify(ADDRESS, (), file, time.monotonic() + timeout)


def test_what_the_program_prints_is_compressed(file: Path) -> None:
    write(file, 'echo "$OWN $*"; echo "-- Dump completed on noon"')
    text = gzip.decompress(file.read_bytes()).decode()
    assert text.startswith("1 --defaults-file=/f --single-transaction ")
    assert text.endswith(" shop\n-- Dump completed on noon\n")
    verify(file)


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("echo no s3cret >&2; exit 2", r"mysqldump failed with exit code 2: no \*\*\*"),
        ("kill -9 $$", "mysqldump was ended by signal 9"),
    ],
)
def test_a_program_that_fails_is_an_error(file: Path, script: str, why: str) -> None:
    with pytest.raises(StrataError, match=why):
        write(file, script)


def test_a_program_that_takes_too_long_is_ended(file: Path) -> None:
    with pytest.raises(StrataError, match=r"mysqldump did not end within 0\.2 s"):
        write(file, "exec sleep 60", timeout=0.2)
