# Copyright: (c) 2026, The Strata authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases, asked on their own host as their superuser."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest
from testinfra.host import Host

Psql = Callable[..., list[str]]


@pytest.fixture
def psql(on: Callable[[str], Host]) -> Psql:
    """``psql("SELECT 1")`` is the rows of the answer, columns parted by ``|``."""

    def ask(query: str, database: str = "shop") -> list[str]:
        command = [
            "psql",
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            f"--command={query}",
            database,
        ]
        answer: str = on("db1").check_output(f"cd / && runuser -u postgres -- {shlex.join(command)}")
        return answer.splitlines()

    return ask


@pytest.fixture
def columns(psql: Psql) -> Callable[..., list[str]]:
    """The columns of a table, in order; none where there is no such table."""

    def of(table: str, database: str = "shop") -> list[str]:
        return psql(
            f"SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('{table}') "
            "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            database,
        )

    return of


@pytest.fixture
def everything(on: Callable[[str], Host]) -> Callable[..., str]:
    """All that is in a database, its schema and its rows."""

    def dump(database: str = "shop") -> str:
        # The dump has a random key of its own on lines that begin with a backslash.
        text = on("db1").check_output(
            f"cd / && runuser -u postgres -- pg_dump {database} | grep --invert-match '^\\\\'"
        )
        return str(text)

    return dump


@pytest.fixture
def another_database(psql: Psql) -> str:
    """An empty database of the same user."""
    psql("DROP OWNED BY shop", "shop_next")
    return "shop_next"
