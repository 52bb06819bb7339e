# SPDX-License-Identifier: GPL-3.0-or-later
"""A script in the place of pg_dump and pg_restore; test_backup has real ones."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._core.errors import StrataError
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.address import (
    Address,
    Client,
)
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.postgresql_dump import (
    PostgresqlDump,
)

ADDRESS = Address("postgresql", "shop", "the database", host="h", password="s3cret", secrets=("s3cret",))
ACCESS = Client(("--dbname=shop",), {"PGPASSFILE": "/f"})


@pytest.fixture
def programs(tmp_path: Path) -> tuple[str, str]:
    program = tmp_path / "pg_dump"
    program.write_text(
        '#!/bin/sh\necho "$PGPASSFILE $*" > "$(dirname "$0")/told"\n. "$(dirname "$0")/script"\n'
    )
    program.chmod(0o755)
    (tmp_path / "script").touch()
    (tmp_path / "pg_restore").symlink_to(program)
    return str(program), str(tmp_path / "pg_restore")


def test_the_program_writes_the_file_itself_and_reads_it_back(
    programs: tuple[str, str], tmp_path: Path
) -> None:
    dump, deadline = PostgresqlDump(), time.monotonic() + 20
    dump.write(ADDRESS, ACCESS, programs, tmp_path / "dump", deadline)
    assert (tmp_path / "told").read_text() == f"/f --dbname=shop --format=custom --file={tmp_path}/dump\n"
    dump.verify(ADDRESS, programs, tmp_path / "dump", deadline)
    assert (tmp_path / "told").read_text() == f" --list {tmp_path}/dump\n"


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("pg_dump: error: aborting because of server version mismatch", "Install the client of"),
        ("no s3cret", r"no \*\*\*\.$"),
    ],
)
def test_a_failure_says_what_to_do_where_that_is_known(
    programs: tuple[str, str], tmp_path: Path, printed: str, advice: str
) -> None:
    (tmp_path / "script").write_text(f"echo '{printed}' >&2; exit 1\n")
    dump, deadline = PostgresqlDump(), time.monotonic() + 20
    with pytest.raises(StrataError, match=f"pg_dump failed with exit code 1: .*{advice}"):
        dump.write(ADDRESS, ACCESS, programs, tmp_path / "dump", deadline)
    with pytest.raises(StrataError, match="pg_restore failed with exit code 1"):
        dump.verify(ADDRESS, programs, tmp_path / "dump", deadline)
