# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re

import pytest

from ansible_collections.strata.deploy.plugins.module_utils._database.databases import PROVIDERS
from ansible_collections.strata.deploy.plugins.module_utils._database.databases.database import Timeouts


@pytest.mark.parametrize(
    ("system", "timeouts", "expected"),
    [
        ("postgresql", Timeouts(1.5, 0), ["SET lock_timeout = 1500", "SET statement_timeout = 0"]),
        (
            "mysql",
            Timeouts(1.5, 300),
            ["lock_wait_timeout = 2,", "max_statement_time = 300 ", "max_execution_time = 300000 "],
        ),
        ("mysql", Timeouts(0, 0), ["innodb_lock_wait_timeout = 31536000 ", "max_statement_time = 0 "]),
        ("sqlite", Timeouts(1.5, 300), ["PRAGMA busy_timeout = 1500"]),
        ("sqlite", Timeouts(0, 0), ["PRAGMA busy_timeout = 86400000"]),
    ],
)
def test_a_tools_connections_keep_the_timeouts(system: str, timeouts: Timeouts, expected: list[str]) -> None:
    session = PROVIDERS[system].TOOL_SESSION
    assert session is not None
    statements = " ; ".join(session.limits(timeouts))
    assert [each for each in expected if each not in statements] == []


@pytest.mark.parametrize(
    ("driver", "system"),
    [
        ("aiosqlite.core.connection", "sqlite"),
        ("asyncpg.connection.connection", "postgresql"),
        ("mariadb.connections.connection", "mysql"),
        ("mysqldb.connections.connection", "mysql"),
        ("pg8000.dbapi.connection", "postgresql"),
        ("psycopg.connection", "postgresql"),
        ("psycopg2.extensions.connection", "postgresql"),
        ("pymysql.connections.connection", "mysql"),
        ("sqlite3.connection", "sqlite"),
        ("oracledb.connection.connection", None),
    ],
)
def test_a_driver_is_of_one_system(driver: str, system: str | None) -> None:
    sessions = {name: each.TOOL_SESSION for name, each in PROVIDERS.items()}
    found = [name for name, each in sessions.items() if each and re.search(each.drivers, driver)]
    assert found == ([system] if system else [])


def test_a_scheme_is_of_one_system() -> None:
    schemes = [scheme for each in PROVIDERS.values() for scheme in each.SCHEMES]
    assert len(schemes) == len(set(schemes))
