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
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.mysql_dump import MysqlDump

ADDRESS = Address("mysql", "shop", "the database", host="h", password="s3cret", secrets=("s3cret",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "dump").touch()
    return tmp_path / "dump"


def verify(file: Path, timeout: float = 20) -> None:
    MysqlDump().verify(ADDRESS, (), file, time.monotonic() + timeout)


def test_a_dump_that_is_cut_short_is_found_out(file: Path) -> None:
    whole = gzip.compress(b"CREATE TABLE a (x int);\n" * 100 + b"-- Dump completed\n")
    file.write_bytes(whole)
    verify(file)
    file.write_bytes(whole[:-10])
    with pytest.raises(StrataError, match="could not be read back"):
        verify(file)
    file.write_bytes(gzip.compress(b"CREATE TABLE a (x int);\n"))
    with pytest.raises(StrataError, match="does not say that it is complete"):
        verify(file)
    with pytest.raises(StrataError, match="took too long"):
        verify(file, timeout=-1)
